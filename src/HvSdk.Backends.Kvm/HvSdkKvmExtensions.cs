using HvSdk.Backends;
using HvSdk.Backends.Kvm;
using Microsoft.Extensions.DependencyInjection;

namespace HvSdk;

/// <summary>Registers the KVM backend with a service container.</summary>
public static class HvSdkKvmExtensions
{
    /// <summary>Adds KVM to the backends that <see cref="Hypervisor"/> is opened over.</summary>
    /// <param name="builder">What <see cref="HvSdkServiceCollectionExtensions.AddHvSdk"/> gave.</param>
    /// <param name="configure">Sets options; null: the defaults.</param>
    public static HvSdkBuilder AddKvm(this HvSdkBuilder builder, Action<KvmBackendOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        var options = new KvmBackendOptions();
        configure?.Invoke(options);
        builder.Services.AddSingleton<HypervisorBackend>(new KvmBackend(options));
        return builder;
    }
}
