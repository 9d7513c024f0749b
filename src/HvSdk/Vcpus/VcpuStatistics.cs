namespace HvSdk;

/// <summary>What a vCPU has done since it was created.</summary>
public readonly struct VcpuStatistics
{
    private readonly long[] _exits;

    internal VcpuStatistics(long[] exits, long kicks, long unhandledReads, long unhandledWrites)
    {
        _exits = exits;
        Kicks = kicks;
        UnhandledReads = unhandledReads;
        UnhandledWrites = unhandledWrites;
    }

    /// <summary>All exits, cancellations among them.</summary>
    public long Exits
    {
        get
        {
            long sum = 0;
            foreach (long count in _exits)
            {
                sum += count;
            }

            return sum;
        }
    }

    /// <summary>Requests to leave the guest (<see cref="Vcpu.Cancel"/> and cancelled tokens).</summary>
    public long Kicks { get; }

    /// <summary>Reads that no device answered; the guest saw all ones.</summary>
    public long UnhandledReads { get; }

    /// <summary>Writes that no device took; they vanished.</summary>
    public long UnhandledWrites { get; }

    /// <summary>Exits of one kind.</summary>
    /// <param name="kind">The kind.</param>
    public long ExitsOf(VcpuExitKind kind) => (uint)kind < (uint)_exits.Length ? _exits[(int)kind] : 0;
}
