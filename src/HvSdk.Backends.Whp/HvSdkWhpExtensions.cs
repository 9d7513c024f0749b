using HvSdk.Backends;
using HvSdk.Backends.Whp;
using Microsoft.Extensions.DependencyInjection;

namespace HvSdk;

/// <summary>Registers the WHP backend with a service container.</summary>
public static class HvSdkWhpExtensions
{
    /// <summary>Adds the Windows Hypervisor Platform to the backends that <see cref="Hypervisor"/> is opened over.</summary>
    /// <param name="builder">What <see cref="HvSdkServiceCollectionExtensions.AddHvSdk"/> gave.</param>
    /// <param name="configure">Sets options; null: the defaults.</param>
    public static HvSdkBuilder AddWhp(this HvSdkBuilder builder, Action<WhpBackendOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        var options = new WhpBackendOptions();
        configure?.Invoke(options);
        builder.Services.AddSingleton<HypervisorBackend>(new WhpBackend(options));
        return builder;
    }
}
