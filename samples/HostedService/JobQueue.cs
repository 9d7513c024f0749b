using System.Buffers.Binary;
using Microsoft.Extensions.Logging;

namespace HvSdk.Samples.HostedService;

/// <summary>A device with one register of 4 bytes: a read takes the next job, 0 where there is none left; a write delivers a result.</summary>
internal sealed partial class JobQueue(IEnumerable<uint> jobs, ILogger logger) : IBusDevice
{
    private readonly Queue<uint> _jobs = new(jobs);
    private readonly ILogger _logger = logger;
    private uint _current;

    public void Read(ulong offset, Span<byte> data)
    {
        // A narrower access reads all ones, and no job is lost to it.
        if (data.Length == sizeof(uint))
        {
            BinaryPrimitives.WriteUInt32LittleEndian(data, _jobs.TryDequeue(out _current) ? _current : 0);
        }
    }

    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        if (BinaryPrimitives.TryReadUInt32LittleEndian(data, out uint result))
        {
            LogResult(_logger, _current, result);
        }
    }

    [LoggerMessage(1, LogLevel.Information, "The guest squared {Job}: {Result}")]
    private static partial void LogResult(ILogger logger, uint job, uint result);
}
