using HvSdk.Backends.Whp.Interop;
using Microsoft.Extensions.Logging;

namespace HvSdk.Backends.Whp;

/// <summary>The opened platform: nothing native but the library, which stays loaded.</summary>
internal sealed class WhpHost : HypervisorHost
{
    private readonly WhpX64Host _x64;

    internal WhpHost(WhvFunctions functions, WhpBackendOptions options, string description, ILogger logger)
    {
        Functions = functions;
        Options = options;
        Logger = logger;
        Platform = new WhpCapabilities(functions);
        Capabilities = Platform.ToPortable(description);
        _x64 = new WhpX64Host(this);
        Log.Opened(logger, description, Capabilities.Features);
    }

    public override HypervisorCapabilities Capabilities { get; }

    public override X64HostBackend X64 => _x64;

    internal WhvFunctions Functions { get; }

    internal WhpBackendOptions Options { get; }

    internal ILogger Logger { get; }

    internal WhpCapabilities Platform { get; }

    internal WhpX64Host X64Host => _x64;

    public override PartitionBackend CreatePartition(PartitionOptions options) => WhpPartition.Create(this, options);

    public override void Dispose()
    {
    }
}
