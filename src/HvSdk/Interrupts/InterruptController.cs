using HvSdk.Backends;

namespace HvSdk;

/// <summary>The interrupt controller that the host keeps for a partition. Any thread may call, while vCPUs run.</summary>
public sealed class InterruptController
{
    private readonly Partition _partition;
    private readonly PartitionBackend _backend;
    private readonly HypervisorCapabilities _capabilities;
    private readonly int _lineCount;
    private InterruptLine?[]? _lines;
    private readonly HashSet<InterruptTrigger> _triggers = [];

    internal InterruptController(Partition partition, PartitionBackend backend, HypervisorCapabilities capabilities, InterruptControllerMode mode)
    {
        _partition = partition;
        _backend = backend;
        _capabilities = capabilities;
        Mode = mode;
        _lineCount = mode == InterruptControllerMode.None ? 0 : capabilities.InterruptLineCount;
    }

    /// <summary>How much the host keeps.</summary>
    public InterruptControllerMode Mode { get; }

    /// <summary>A line of the controller.</summary>
    /// <param name="number">Its number (x64: the GSI; arm64: the SPI, whose INTID is 32 more), 0 to <see cref="HypervisorCapabilities.InterruptLineCount"/> less one.</param>
    public InterruptLine GetLine(int number)
    {
        RequireController("an interrupt line");
        if ((uint)number >= (uint)_lineCount)
        {
            throw new ArgumentOutOfRangeException(nameof(number), number, $"There is no interrupt line {number}; this partition has 0 to {_lineCount - 1}.");
        }

        // Made when asked for, since most partitions use a few; of two threads that ask at once both get the one that was first.
        InterruptLine?[] lines = Volatile.Read(ref _lines) ?? Interlocked.CompareExchange(ref _lines, new InterruptLine[_lineCount], null) ?? _lines;
        return Volatile.Read(ref lines[number]) ?? Interlocked.CompareExchange(ref lines[number], new InterruptLine(this, number), null) ?? lines[number]!;
    }

    /// <summary>Sends a message-signalled interrupt.</summary>
    /// <param name="message">The message.</param>
    /// <returns>False where the guest has blocked it, or no vCPU has the destination that it names.</returns>
    public bool Send(MsiMessage message)
    {
        RequireController("a message-signalled interrupt");
        _capabilities.Require(HypervisorFeatures.Msi);
        _partition.ThrowIfDisposed();
        return _backend.SendMsi(message);
    }

    /// <summary>Makes a trigger for a line.</summary>
    /// <param name="line">The line.</param>
    /// <param name="levelTriggered">True: a signal asserts the line until the guest acknowledges; false: a signal is an edge.</param>
    public InterruptTrigger CreateTrigger(InterruptLine line, bool levelTriggered = false)
    {
        ArgumentNullException.ThrowIfNull(line);
        RequireController("an interrupt trigger");
        _capabilities.Require(HypervisorFeatures.InterruptTriggers);
        lock (_partition.Gate)
        {
            _partition.ThrowIfDisposed();
            HostEvent trigger = _backend.CreateLineTrigger(line.Number, levelTriggered, out HostEvent? acknowledged);
            return Remember(new InterruptTrigger(this, trigger, acknowledged));
        }
    }

    /// <summary>Makes a trigger that sends a message.</summary>
    /// <param name="message">The message.</param>
    public InterruptTrigger CreateTrigger(MsiMessage message)
    {
        RequireController("an interrupt trigger");
        _capabilities.Require(HypervisorFeatures.InterruptTriggers | HypervisorFeatures.Msi);
        lock (_partition.Gate)
        {
            _partition.ThrowIfDisposed();
            return Remember(new InterruptTrigger(this, _backend.CreateMsiTrigger(message), null));
        }
    }

    /// <summary>Says anew where all lines lead. Lines that are not named lead nowhere. Triggers for messages are not touched.</summary>
    /// <param name="routes">The routes. At the start, with <see cref="InterruptControllerMode.Full"/>, each line leads to the input that the platform gives it.</param>
    public void SetRoutes(ReadOnlySpan<InterruptRoute> routes)
    {
        RequireController("interrupt routes");
        foreach (InterruptRoute route in routes)
        {
            if ((uint)route.Line >= (uint)_lineCount)
            {
                throw new ArgumentOutOfRangeException(nameof(routes), route.Line, $"There is no interrupt line {route.Line}; this partition has 0 to {_lineCount - 1}.");
            }

            if (route.Input is not null && Mode != InterruptControllerMode.Full)
            {
                throw new ArgumentException(
                    $"Line {route.Line} leads to an input of the host's controller, and with {Mode} the host keeps none. Use {nameof(InterruptRoute)}.{nameof(InterruptRoute.ToMessage)}.",
                    nameof(routes));
            }
        }

        lock (_partition.Gate)
        {
            _partition.ThrowIfDisposed();
            _backend.SetInterruptRoutes(routes);
        }
    }

    internal void SetLine(int number, bool asserted)
    {
        _partition.ThrowIfDisposed();
        _backend.SetInterruptLine(number, asserted);
    }

    internal void Update(InterruptTrigger trigger, MsiMessage message)
    {
        lock (_partition.Gate)
        {
            _partition.ThrowIfDisposed();
            _backend.UpdateTrigger(trigger.Event, message);
        }
    }

    internal void Dispose(InterruptTrigger trigger)
    {
        lock (_partition.Gate)
        {
            trigger.DisposeEvents();
            _triggers.Remove(trigger);
        }
    }

    internal void DisposeTriggers()
    {
        InterruptTrigger[] triggers;
        lock (_partition.Gate)
        {
            triggers = [.. _triggers];
        }

        foreach (InterruptTrigger trigger in triggers)
        {
            trigger.Dispose();
        }
    }

    private InterruptTrigger Remember(InterruptTrigger trigger)
    {
        _triggers.Add(trigger);
        return trigger;
    }

    private void RequireController(string what)
    {
        if (Mode == InterruptControllerMode.None)
        {
            throw new InvalidOperationException(
                $"{what} needs an interrupt controller, and this partition was made with {nameof(InterruptControllerMode)}.{nameof(InterruptControllerMode.None)}. " +
                $"Set {nameof(PartitionOptions)}.{nameof(PartitionOptions.InterruptController)}.");
        }
    }
}
