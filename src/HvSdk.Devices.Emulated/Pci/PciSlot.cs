using System.Numerics;

namespace HvSdk.Devices.Emulated;

/// <summary>A device's place on the bus while it asks for what it needs.</summary>
internal sealed class PciSlot(PciFunction function, string name, IDeviceSlot bridge, Func<(IInterruptLine Line, int Number)> connectPin) : IPciSlot
{
    private const ulong MinBarSize = 16;
    private const ulong MaxBarSize = 2UL << 30;
    private const ulong MaxWideBarSize = 1UL << 40;
    private const int CapabilityHeader = 2;
    private const int CapabilityAlignment = 4;

    private readonly int[] _ownerOf = [-1, -1, -1, -1, -1, -1];
    private readonly List<Action<Partition>> _connections = [];
    private readonly List<Action> _ends = [];
    private int _nextCapability = PciHeader.HeaderEnd;
    private int _lastPointer = PciHeader.CapabilitiesPointer;
    private PciMsiXTable? _messages;
    private bool _hasPin;
    private bool _isIdentified;
    private bool _isClosed;

    public string Name { get; } = name;

    public TimeProvider TimeProvider => bridge.TimeProvider;

    public IMachineControl Machine => bridge.Machine;

    public bool IsBusMaster => function.Interrupts.IsBusMaster;

    /// <summary>Asks the device, and closes the slot for requests.</summary>
    public void Attach(IPciDevice device)
    {
        device.Attach(this);
        _isClosed = true;
        if (!_isIdentified)
        {
            throw new InvalidOperationException($"It has not said what it is. Call {nameof(IPciSlot)}.{nameof(Identify)} in {nameof(IPciDevice.Attach)}.");
        }
    }

    public void Connect(Partition partition) => _connections.ForEach(connect => connect(partition));

    public void End() => _ends.ForEach(static end => end());

    public void Identify(PciIdentity identity)
    {
        ThrowIfClosed();
        ArgumentNullException.ThrowIfNull(identity);
        if (identity.VendorId == ushort.MaxValue)
        {
            throw new ArgumentException("The vendor ID is 0xFFFF, which says that there is no device. Give that of the vendor.", nameof(identity));
        }

        if (identity.ClassCode > 0xFF_FFFF)
        {
            throw new ArgumentException($"The class code is 0x{identity.ClassCode:X}, and it has 24 bits. Give base class, subclass and interface, a byte each.", nameof(identity));
        }

        function.Identify(identity);
        _isIdentified = true;
    }

    public void AddBar(int index, ulong size, IBusDevice device, PciBarOptions options = PciBarOptions.None)
    {
        ThrowIfClosed();
        ArgumentNullException.ThrowIfNull(device);
        if ((options & ~(PciBarOptions.Wide | PciBarOptions.Prefetchable)) != 0)
        {
            throw new ArgumentOutOfRangeException(nameof(options), options, $"{options} has bits that no member of {nameof(PciBarOptions)} has.");
        }

        bool isWide = (options & PciBarOptions.Wide) != 0;
        if (index < 0 || index + (isWide ? 2 : 1) > PciHeader.BaseAddressCount)
        {
            throw new ArgumentOutOfRangeException(nameof(index), index, $"There are base address registers 0 to 5, and {(isWide ? "one of 64 bits takes two: give 0 to 4" : "this is none of them")}.");
        }

        ulong most = isWide ? MaxWideBarSize : MaxBarSize;
        if (!BitOperations.IsPow2(size) || size < MinBarSize || size > most)
        {
            throw new ArgumentOutOfRangeException(nameof(size), size, $"Base address register {index} has a window of 0x{size:X} bytes. Give a power of two from 16 to 0x{most:X}.");
        }

        var bar = new PciBar(index, size, device, options);
        for (int i = index; i < index + bar.RegisterCount; i++)
        {
            if (_ownerOf[i] >= 0)
            {
                throw new InvalidOperationException($"Base address register {i} is in use: it belongs to the window of {_ownerOf[i]}. Choose another for {index}.");
            }

            _ownerOf[i] = index;
        }

        function.AddBar(bar);
    }

    public void OnBarMapped(int index, Action<ulong?> moved)
    {
        ThrowIfClosed();
        ArgumentNullException.ThrowIfNull(moved);
        PciBar bar = function.Bars.FirstOrDefault(bar => bar.Index == index)
            ?? throw new ArgumentOutOfRangeException(nameof(index), index, $"There is no window at base address register {index}. Call {nameof(AddBar)} first.");
        bar.Moved += moved;
    }

    public int AddCapability(byte id, ReadOnlySpan<byte> body, ReadOnlySpan<byte> writable = default)
    {
        ThrowIfClosed();
        if (!writable.IsEmpty && writable.Length != body.Length)
        {
            throw new ArgumentException($"The body has {body.Length} bytes, and what may be written of it {writable.Length}. Give as many, or none.", nameof(writable));
        }

        int offset = PlaceCapability(id, body.Length);
        for (int i = 0; i < body.Length; i++)
        {
            function.Space.Set8(offset + CapabilityHeader + i, body[i], writable.IsEmpty ? (byte)0 : writable[i]);
        }

        return offset;
    }

    public int AddCapability(byte id, int length, IBusDevice registers)
    {
        ThrowIfClosed();
        ArgumentNullException.ThrowIfNull(registers);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        int offset = PlaceCapability(id, length);
        function.AddRegisters(offset + CapabilityHeader, length, registers);
        return offset;
    }

    public IPciMessages UseMsiX(int vectors, int bar)
    {
        ThrowIfClosed();
        if (vectors is < 1 or > PciMsiXTable.MaxVectors)
        {
            throw new ArgumentOutOfRangeException(nameof(vectors), vectors, $"{vectors} vectors were asked for, and MSI-X has 1 to {PciMsiXTable.MaxVectors} (PCI 3.0, 6.8.2.3).");
        }

        if (_messages is not null)
        {
            throw new InvalidOperationException($"{Name} has its MSI-X already, with {_messages.Count} vectors. A device has it once.");
        }

        PciMsiXTable table = function.Interrupts.UseMessages(vectors);
        AddBar(bar, table.WindowSize, table);

        // Message Control (PCI 3.0, 6.8.2.3): the table's size less one. Table and PBA: an offset, and the register in its lowest bits.
        Span<byte> body = stackalloc byte[PciMsiXTable.CapabilityLength];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt16LittleEndian(body, (ushort)(vectors - 1));
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(body[2..], (uint)bar);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(body[6..], table.PendingOffset | (uint)bar);
        Span<byte> writable = stackalloc byte[PciMsiXTable.CapabilityLength];
        writable.Clear();
        System.Buffers.Binary.BinaryPrimitives.WriteUInt16LittleEndian(writable, PciMsiXTable.Enable | PciMsiXTable.FunctionMask);
        int offset = AddCapability(PciHeader.MsiXId, body, writable);
        function.WatchMessageControl(offset + CapabilityHeader);
        return _messages = table;
    }

    public IInterruptLine ConnectInterruptPin()
    {
        ThrowIfClosed();
        if (_hasPin)
        {
            throw new InvalidOperationException($"{Name} has its interrupt pin already. A device has one.");
        }

        _hasPin = true;
        (IInterruptLine line, int number) = connectPin();
        function.Interrupts.Connect(line);

        // Which line it is, for guests without ACPI; the register is theirs to use (PCI 3.0, 6.2.4).
        function.Space.Set8(PciHeader.InterruptLine, (byte)number, byte.MaxValue);
        function.Space.Set8(PciHeader.InterruptPin, PciHeader.PinA);
        return function.Interrupts;
    }

    public void OnConnected(Action<Partition> connect)
    {
        ThrowIfClosed();
        ArgumentNullException.ThrowIfNull(connect);
        _connections.Add(connect);
    }

    public void OnPaused(Action pause)
    {
        ThrowIfClosed();
        bridge.OnPaused(pause);
    }

    public void OnResumed(Action resume)
    {
        ThrowIfClosed();
        bridge.OnResumed(resume);
    }

    public void OnEnded(Action end)
    {
        ThrowIfClosed();
        ArgumentNullException.ThrowIfNull(end);
        _ends.Add(end);
    }

    private int PlaceCapability(byte id, int length)
    {
        int offset = _nextCapability;
        if (length > PciHeader.Size - offset - CapabilityHeader)
        {
            throw new InvalidOperationException(
                $"A capability of {length} bytes beside ID and pointer does not fit: {int.Max(0, PciHeader.Size - offset - CapabilityHeader)} are left. Add fewer, or shorter ones.");
        }

        function.Space.Set8(offset, id);
        function.Space.Set8(offset + 1, 0);
        function.Space.Set8(_lastPointer, (byte)offset);
        function.Space.Set16(PciHeader.Status, PciHeader.CapabilitiesList);
        _lastPointer = offset + 1;
        _nextCapability = (offset + CapabilityHeader + length + CapabilityAlignment - 1) & ~(CapabilityAlignment - 1);
        return offset;
    }

    private void ThrowIfClosed()
    {
        if (_isClosed)
        {
            throw new InvalidOperationException($"{Name} asks its bus for something after {nameof(IPciDevice.Attach)} has returned. Ask within it.");
        }
    }
}
