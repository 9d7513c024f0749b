using Microsoft.Extensions.Logging;

namespace HvSdk.Backends.Kvm;

/// <summary>What the backend logs. Nothing per exit.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Debug, "KVM opened ({Description}), features {Features}", EventName = nameof(Opened))]
    internal static partial void Opened(ILogger logger, string description, HypervisorFeatures features);

    [LoggerMessage(2, LogLevel.Warning, "The kernel gives {Count} model-specific registers that it does not let be read; they are left out of saved state", EventName = nameof(UnreadableMsrs))]
    internal static partial void UnreadableMsrs(ILogger logger, int count);
}
