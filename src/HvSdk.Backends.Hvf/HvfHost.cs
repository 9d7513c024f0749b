using HvSdk.Backends.Hvf.Interop;
using Microsoft.Extensions.Logging;

namespace HvSdk.Backends.Hvf;

/// <summary>The opened framework: nothing native but the library, which stays loaded.</summary>
internal sealed class HvfHost : HypervisorHost
{
    private readonly HvfArm64Host _arm64;

    internal HvfHost(HvFunctions functions, string description, ILogger logger)
    {
        Functions = functions;
        Platform = new HvfCapabilities(functions);
        Capabilities = Platform.ToPortable(description);
        _arm64 = new HvfArm64Host(this);
        Log.Opened(logger, description, Capabilities.Features);
    }

    public override HypervisorCapabilities Capabilities { get; }

    public override Arm64HostBackend Arm64 => _arm64;

    internal HvFunctions Functions { get; }

    internal HvfCapabilities Platform { get; }

    public override PartitionBackend CreatePartition(PartitionOptions options) => HvfPartition.Create(this, options);

    public override void Dispose()
    {
    }
}
