using HvSdk.Backends;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace HvSdk;

/// <summary>Registers HvSdk with a service container.</summary>
public static class HvSdkServiceCollectionExtensions
{
    /// <summary>
    /// Adds a singleton <see cref="Hypervisor"/>, opened when it is first asked for, over the backends that are added to the result:
    /// <c>services.AddHvSdk().AddKvm()</c>. The first one added is the preferred one.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <returns>What backends are added to.</returns>
    public static HvSdkBuilder AddHvSdk(this IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.TryAddSingleton(static provider => Hypervisor.Open(
            provider.GetService<ILoggerFactory>() ?? NullLoggerFactory.Instance,
            [.. provider.GetServices<HypervisorBackend>()]));
        return new HvSdkBuilder(services);
    }
}
