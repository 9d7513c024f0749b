using Microsoft.Extensions.Logging;

namespace HvSdk.Diagnostics;

/// <summary>What the core logs. Nothing per exit.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Information, "Opened {Backend}: {Description}", EventName = nameof(HypervisorOpened))]
    internal static partial void HypervisorOpened(ILogger logger, string backend, string description);

    [LoggerMessage(2, LogLevel.Warning, "{Backend} is not available. {Reason} {Remedy}", EventName = nameof(BackendUnavailable))]
    internal static partial void BackendUnavailable(ILogger logger, string backend, string reason, string remedy);

    [LoggerMessage(3, LogLevel.Debug, "Created partition {Partition}: interrupt controller {Mode}, up to {MaxVcpus} vCPUs", EventName = nameof(PartitionCreated))]
    internal static partial void PartitionCreated(ILogger logger, string partition, InterruptControllerMode mode, int maxVcpus);

    [LoggerMessage(4, LogLevel.Debug, "Disposed of partition {Partition}", EventName = nameof(PartitionDisposed))]
    internal static partial void PartitionDisposed(ILogger logger, string partition);
}
