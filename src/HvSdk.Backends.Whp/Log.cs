using Microsoft.Extensions.Logging;

namespace HvSdk.Backends.Whp;

/// <summary>What the backend logs. Nothing per exit.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Debug, "WHP opened ({Description}), features {Features}", EventName = nameof(Opened))]
    internal static partial void Opened(ILogger logger, string description, HypervisorFeatures features);

    [LoggerMessage(2, LogLevel.Warning, "The platform does not take a time-stamp counter for vCPU {Index} ({Result}); it keeps its own", EventName = nameof(TscKept))]
    internal static partial void TscKept(ILogger logger, int index, string result);
}
