using Microsoft.Extensions.DependencyInjection;

namespace HvSdk;

/// <summary>What <see cref="HvSdkServiceCollectionExtensions.AddHvSdk"/> gives: backends are added to it.</summary>
public sealed class HvSdkBuilder
{
    internal HvSdkBuilder(IServiceCollection services) => Services = services;

    /// <summary>The services.</summary>
    public IServiceCollection Services { get; }
}
