using HvSdk.Backends;
using HvSdk.Backends.Hvf;
using Microsoft.Extensions.DependencyInjection;

namespace HvSdk;

/// <summary>Registers the HVF backend with a service container.</summary>
public static class HvSdkHvfExtensions
{
    /// <summary>Adds Hypervisor.framework to the backends that <see cref="Hypervisor"/> is opened over.</summary>
    /// <param name="builder">What <see cref="HvSdkServiceCollectionExtensions.AddHvSdk"/> gave.</param>
    /// <param name="configure">Sets options; null: the defaults.</param>
    public static HvSdkBuilder AddHvf(this HvSdkBuilder builder, Action<HvfBackendOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        var options = new HvfBackendOptions();
        configure?.Invoke(options);
        builder.Services.AddSingleton<HypervisorBackend>(new HvfBackend(options));
        return builder;
    }
}
