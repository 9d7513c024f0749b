namespace HvSdk.Testing;

/// <summary>What was asked of one partition of a <see cref="ScriptedBackend"/>. Any thread may look, at any time.</summary>
public sealed class ScriptedPartition
{
    private readonly object _gate = new();
    private readonly List<(int Line, bool Asserted)> _lineChanges = [];
    private readonly List<MsiMessage> _messages = [];
    private readonly List<DoorbellLocation> _doorbells = [];
    private readonly List<ScriptedTrigger> _triggers = [];
    private InterruptRoute[] _routes = [];
    private int _liveVcpus;
    private long _discardedBytes;

    internal ScriptedPartition(PartitionOptions options) => Options = options;

    /// <summary>How the partition was made.</summary>
    public PartitionOptions Options { get; }

    /// <summary>Each setting of an interrupt line, in order; a signal of an edge-triggered trigger counts as two.</summary>
    public IReadOnlyList<(int Line, bool Asserted)> LineChanges => Snapshot(_lineChanges);

    /// <summary>Message-signalled interrupts, in order, those of triggers among them.</summary>
    public IReadOnlyList<MsiMessage> Messages => Snapshot(_messages);

    /// <summary>Doorbells that were asked for, in order. The backend serves none, so the bus does.</summary>
    public IReadOnlyList<DoorbellLocation> Doorbells => Snapshot(_doorbells);

    /// <summary>The routes of lines that were set last; empty where none were.</summary>
    public IReadOnlyList<InterruptRoute> Routes => _routes;

    /// <summary>What <see cref="InterruptController.Send"/> answers. Default: a vCPU took the message.</summary>
    public bool DeliversMessages { get; set; } = true;

    /// <summary>Regions that the guest sees.</summary>
    public int MappedRegions { get; internal set; }

    /// <summary>Bytes of memory that were given back to the host (<see cref="GuestMemory.TryDiscard"/>), each as often as it was.</summary>
    public long DiscardedBytes => Interlocked.Read(ref _discardedBytes);

    /// <summary>vCPUs that exist.</summary>
    public int LiveVcpus => Volatile.Read(ref _liveVcpus);

    /// <summary>Triggers that exist.</summary>
    public int LiveTriggers
    {
        get
        {
            lock (_gate)
            {
                return _triggers.Count;
            }
        }
    }

    /// <summary>The partition was disposed of.</summary>
    public bool IsDisposed { get; internal set; }

    internal void CountDiscarded(ulong bytes) => Interlocked.Add(ref _discardedBytes, (long)bytes);

    /// <summary>A vCPU was made (1) or is gone (-1). vCPUs go on threads of their own, several at once.</summary>
    internal void CountVcpu(int change) => Interlocked.Add(ref _liveVcpus, change);

    /// <summary>The level of an interrupt line.</summary>
    /// <param name="line">The line.</param>
    public bool IsAsserted(int line)
    {
        lock (_gate)
        {
            return _lineChanges.FindLast(change => change.Line == line).Asserted;
        }
    }

    /// <summary>The guest acknowledges a line: it is deasserted, and level-triggered triggers of it hear of that.</summary>
    /// <param name="line">The line.</param>
    public void Acknowledge(int line)
    {
        SetLine(line, false);
        foreach (ScriptedTrigger trigger in Snapshot(_triggers))
        {
            if (trigger.Line == line)
            {
                trigger.Acknowledged?.Signal();
            }
        }
    }

    internal void SetLine(int line, bool asserted)
    {
        lock (_gate)
        {
            _lineChanges.Add((line, asserted));
        }
    }

    internal void Send(MsiMessage message)
    {
        lock (_gate)
        {
            _messages.Add(message);
        }
    }

    internal void SetRoutes(ReadOnlySpan<InterruptRoute> routes) => _routes = routes.ToArray();

    internal void Add(DoorbellLocation location)
    {
        lock (_gate)
        {
            _doorbells.Add(location);
        }
    }

    internal void Add(ScriptedTrigger trigger)
    {
        lock (_gate)
        {
            _triggers.Add(trigger);
        }
    }

    internal void Remove(ScriptedTrigger trigger)
    {
        lock (_gate)
        {
            _triggers.Remove(trigger);
        }
    }

    private T[] Snapshot<T>(List<T> list)
    {
        lock (_gate)
        {
            return [.. list];
        }
    }
}
