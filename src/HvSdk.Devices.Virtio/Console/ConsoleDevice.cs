using System.Buffers.Binary;
using System.IO.Pipelines;

namespace HvSdk.Devices.Virtio;

/// <summary>Terminals and named streams between guest and host (virtio 1.2, 5.3): one console, or several ports.</summary>
/// <remarks>
/// Linux calls the first console hvc0 (<c>console=hvc0</c>). It is there from its driver's start on; before that, a kernel that knows how may write to it one
/// byte at a time (VIRTIO_CONSOLE_F_EMERG_WRITE). A guest that writes more than the host reads waits; Linux does so with its processor spinning where the port is a console,
/// so read a console's pipe, or complete its reader. Any thread may call any member.
/// </remarks>
/// <example>
/// <code>
/// var console = new ConsoleDevice(new ConsoleDeviceOptions
/// {
///     Ports = [new() { IsConsole = true }, new() { Name = "com.example.agent" }],
/// });
/// builder.AddDevice(new VirtioMmio(console));
/// IDuplexPipe agent = console.Ports[1].Pipe;
/// </code>
/// </example>
public sealed partial class ConsoleDevice : VirtioDevice
{
    private const uint ConsoleDeviceId = 3;
    private const int QueueSize = 128;
    private const int MaxPortCount = 64;

    // Feature bits (virtio 1.2, 5.3.3).
    private const ulong SizeFeature = 1UL << 0; // VIRTIO_CONSOLE_F_SIZE
    private const ulong MultiportFeature = 1UL << 1; // VIRTIO_CONSOLE_F_MULTIPORT
    private const ulong EmergencyWriteFeature = 1UL << 2; // VIRTIO_CONSOLE_F_EMERG_WRITE

    // struct virtio_console_config (virtio 1.2, 5.3.4): cols and rows of 16 bits, then two of 32.
    private const int MaxPortsOffset = 4;
    private const int EmergencyWriteOffset = 8;
    private const int ConfigurationSize = 12;

    private readonly Lock _gate = new();
    private readonly Action _wake;
    private readonly bool _sendsRowsFirst;
    private readonly bool _isMultiport;
    private readonly ConsoleSlot[] _slots;
    private readonly ConsolePort _first;
    private ConsolePort[] _ports;

    /// <summary>Makes one console, for drivers of any age.</summary>
    public ConsoleDevice()
        : this(new ConsoleDeviceOptions())
    {
    }

    /// <summary>Makes a device with the ports of the options.</summary>
    /// <param name="options">The ports.</param>
    /// <exception cref="ArgumentException">There are no ports, too many, or one that cannot be.</exception>
    public ConsoleDevice(ConsoleDeviceOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(options.Ports);
        int maxPorts = options.MaxPorts ?? options.Ports.Count;
        if (options.Ports.Count is 0 or > MaxPortCount || maxPorts < options.Ports.Count || maxPorts > MaxPortCount)
        {
            throw new ArgumentException(
                $"{nameof(options.Ports)} has {options.Ports.Count} ports and {nameof(options.MaxPorts)} is {maxPorts}. Give 1 to {MaxPortCount} ports, and no lower limit than there are.", nameof(options));
        }

        _wake = Wake;
        _sendsRowsFirst = options.SendsRowsFirst;
        _slots = [.. Enumerable.Range(0, maxPorts).Select(static number => new ConsoleSlot(number))];
        _ports = new ConsolePort[options.Ports.Count];
        for (int i = 0; i < _ports.Length; i++)
        {
            ConsolePortOptions port = options.Ports[i] ?? throw new ArgumentException($"{nameof(options.Ports)}[{i}] is null. Give a {nameof(ConsolePortOptions)}.", nameof(options));
            Validate(port, _ports.AsSpan(0, i), nameof(options));
            _slots[i].Port = _ports[i] = new ConsolePort(this, i, port, _wake);
        }

        _first = _ports[0];
        _isMultiport = maxPorts > 1 || _first.Name is not null || !_first.IsConsole;
        QueueSizes = [.. Enumerable.Repeat(QueueSize, _isMultiport ? (2 * maxPorts) + 2 : 2)];
    }

    /// <inheritdoc/>
    public override uint DeviceId => ConsoleDeviceId;

    /// <inheritdoc/>
    public override IReadOnlyList<int> QueueSizes { get; }

    /// <inheritdoc/>
    public override ulong DeviceFeatures => SizeFeature | EmergencyWriteFeature | (_isMultiport ? MultiportFeature : 0);

    /// <inheritdoc/>
    public override int ConfigurationLength => ConfigurationSize;

    /// <summary>The ports that there are now, by number.</summary>
    public IReadOnlyList<ConsolePort> Ports => Volatile.Read(ref _ports);

    /// <summary>The first port's stream.</summary>
    public IDuplexPipe Pipe => _first.Pipe;

    /// <summary>Tells the guest that the first port's terminal has another size.</summary>
    /// <param name="columns">0 to 65535; 0: not known.</param>
    /// <param name="rows">0 to 65535; 0: not known.</param>
    /// <exception cref="InvalidOperationException">The first port is no console.</exception>
    public void Resize(int columns, int rows) => _first.Resize(columns, rows);

    /// <summary>Adds a port, also while the machine runs.</summary>
    /// <param name="options">The port.</param>
    /// <returns>It; it has the lowest number that is free.</returns>
    /// <exception cref="ArgumentException">The port cannot be.</exception>
    /// <exception cref="InvalidOperationException">There are as many ports as there may be.</exception>
    public ConsolePort AddPort(ConsolePortOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ConsolePort port;
        lock (_gate)
        {
            Validate(options, _ports, nameof(options));
            ConsoleSlot slot = _slots.FirstOrDefault(static slot => slot.Port is null)
                ?? throw new InvalidOperationException($"The device has {_slots.Length} ports, as many as it may. Raise {nameof(ConsoleDeviceOptions)}.{nameof(ConsoleDeviceOptions.MaxPorts)}, or remove one.");
            slot.Port = port = new ConsolePort(this, slot.Number, options, _wake);
            slot.Due |= _isDriverReady ? DueMessages.Add : DueMessages.None;
            ListPorts();
        }

        Wake();
        return port;
    }

    /// <summary>Takes a port away, also while the machine runs: its streams end, and the guest sees it go. Nothing happens where it has gone already.</summary>
    /// <param name="port">A port of this device, not the first.</param>
    public void RemovePort(ConsolePort port)
    {
        ArgumentNullException.ThrowIfNull(port);
        if (port == _first)
        {
            throw new ArgumentException("The first port stays: it is the one that every driver knows. Set its IsOpen to false instead.", nameof(port));
        }

        lock (_gate)
        {
            if (_slots.FirstOrDefault(slot => slot.Port == port) is not { } slot)
            {
                return;
            }

            slot.Port = null;
            slot.Due = slot.IsAnnounced ? DueMessages.Remove : slot.Due & DueMessages.Remove;
            slot.IsAnnounced = slot.IsReady = false;
            ListPorts();
        }

        port.End();
        Wake();
    }

    /// <inheritdoc/>
    protected internal override long Errors => IgnoredMessages;

    /// <inheritdoc/>
    protected internal override void ReadConfiguration(int offset, Span<byte> data)
    {
        Span<byte> configuration = stackalloc byte[ConfigurationSize];
        configuration.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(configuration, _first.Size);
        BinaryPrimitives.WriteInt32LittleEndian(configuration[MaxPortsOffset..], _slots.Length);
        configuration.Slice(offset, data.Length).CopyTo(data);
    }

    /// <inheritdoc/>
    protected internal override void WriteConfiguration(int offset, ReadOnlySpan<byte> data)
    {
        if (offset == EmergencyWriteOffset && !data.IsEmpty)
        {
            _first.Output.TakeUrgent(data[0]);
        }
    }

    /// <inheritdoc/>
    protected internal override void OnActivated()
    {
        if (!Has(MultiportFeature))
        {
            _first.SetGuestOpen(true); // no message says so
        }
    }

    /// <inheritdoc/>
    protected internal override void OnReset()
    {
        lock (_gate)
        {
            _isDriverReady = false;
            foreach (ConsoleSlot slot in _slots)
            {
                slot.Reset();
            }
        }

        foreach (ConsolePort port in Ports)
        {
            port.SetGuestOpen(false);
        }
    }

    /// <inheritdoc/>
    protected internal override void OnQueueReset(Virtqueue queue)
    {
        ArgumentNullException.ThrowIfNull(queue);
        _slots.FirstOrDefault(slot => slot.TransmitQueue == queue.Index)?.ForgetChain();
    }

    /// <inheritdoc/>
    protected internal override void OnEnded()
    {
        foreach (ConsolePort port in Ports)
        {
            port.End();
        }
    }

    /// <inheritdoc/>
    protected internal override void Process(Virtqueue queue)
    {
        ArgumentNullException.ThrowIfNull(queue);
        bool hasMore = queue.Index switch
        {
            ControlReceiveQueue => SendMessages(queue),
            ControlTransmitQueue => ReadMessages(queue),
            int index when index % 2 == 0 => Deliver(_slots[SlotOf(index)], queue),
            int index => _slots[SlotOf(index)].Accept(queue),
        };
        if (hasMore)
        {
            Wake();
        }
    }

    /// <summary>A port's state has changed, and the driver shall hear of it.</summary>
    internal void Announce(ConsolePort port, DueMessages message)
    {
        lock (_gate)
        {
            ConsoleSlot slot = _slots[port.Number];
            if (slot.Port == port && slot.IsReady)
            {
                slot.Due |= message;
            }
        }

        if (port == _first && message == DueMessages.Resize)
        {
            NotifyConfigurationChanged();
        }

        Wake();
    }

    private static int SlotOf(int queue) => queue < ControlReceiveQueue ? 0 : (queue - ControlReceiveQueue) / 2;

    private void ListPorts() => Volatile.Write(ref _ports, [.. _slots.Select(static slot => slot.Port).OfType<ConsolePort>()]);

    private bool Deliver(ConsoleSlot slot, Virtqueue queue)
    {
        bool hasMore = slot.Deliver(queue);
        if ((slot.Due & DueMessages.Open) != 0 && FindQueue(ControlReceiveQueue) is { } control)
        {
            hasMore |= SendMessages(control); // the port was closed, and the driver hears of it behind the last byte
        }

        return hasMore;
    }
}
