using Microsoft.Extensions.Logging;

namespace HvSdk.Backends.Hvf;

/// <summary>What the backend logs. Nothing per exit.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Debug, "HVF opened ({Description}), features {Features}", EventName = nameof(Opened))]
    internal static partial void Opened(ILogger logger, string description, HypervisorFeatures features);
}
