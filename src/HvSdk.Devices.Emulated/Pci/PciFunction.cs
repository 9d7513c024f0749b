namespace HvSdk.Devices.Emulated;

/// <summary>A function on the bus as the guest sees it: its configuration space, and what becomes of the writes to it.</summary>
/// <remarks>
/// Its lock is held while the device's capabilities are accessed and while its windows move. A device is called with it, and takes its own locks then;
/// towards the function it only uses <see cref="Interrupts"/>, whose lock is another.
/// </remarks>
internal sealed partial class PciFunction
{
    private readonly Lock _gate = new();
    private readonly List<PciBar> _bars = [];
    private readonly List<Registers> _registers = [];
    private IReadOnlyList<PciMemoryWindow> _windows = [];
    private Partition? _partition;
    private int _messageControl = -1;

    public PciConfigurationSpace Space { get; } = new();

    public PciInterrupts Interrupts { get; } = new();

    public IReadOnlyList<PciBar> Bars => _bars;

    /// <summary>Fills in the header (PCI 3.0, 6.2).</summary>
    public void Identify(PciIdentity identity)
    {
        Space.Set16(PciHeader.VendorId, identity.VendorId);
        Space.Set16(PciHeader.DeviceId, identity.DeviceId);
        Space.Set16(PciHeader.Command, 0, PciHeader.WritableCommand);
        Space.Set8(PciHeader.Revision, identity.Revision);
        Space.Set8(PciHeader.ClassCode, (byte)identity.ClassCode);
        Space.Set16(PciHeader.ClassCode + 1, (ushort)(identity.ClassCode >> 8));
        Space.Set8(PciHeader.CacheLineSize, 0, byte.MaxValue);
        Space.Set16(PciHeader.SubsystemVendorId, identity.SubsystemVendorId);
        Space.Set16(PciHeader.SubsystemId, identity.SubsystemId);
    }

    public void AddBar(PciBar bar)
    {
        _bars.Add(bar);
        bar.Write(Space, 0);
    }

    /// <summary>Has a device answer some bytes.</summary>
    public void AddRegisters(int start, int length, IBusDevice device) => _registers.Add(new Registers(start, start + length, device));

    /// <summary>Says where Message Control of MSI-X is.</summary>
    public void WatchMessageControl(int offset) => _messageControl = offset;

    /// <summary>The guest reads. What is beyond the space is as if nothing were there: all ones.</summary>
    public void Read(int offset, Span<byte> data)
    {
        if (offset >= PciHeader.Size)
        {
            return;
        }

        data = data[..int.Min(data.Length, PciHeader.Size - offset)];
        lock (_gate)
        {
            Space.Bytes.Slice(offset, data.Length).CopyTo(data);
            if (offset <= PciHeader.Status && offset + data.Length > PciHeader.Status && Interrupts.IsPinAsserted)
            {
                data[PciHeader.Status - offset] |= PciHeader.InterruptStatus;
            }

            foreach (Registers registers in _registers)
            {
                (int start, int end) = registers.Clip(offset, data.Length);
                if (start < end)
                {
                    Span<byte> part = data[(start - offset)..(end - offset)];
                    part.Fill(0xFF);
                    registers.Device.Read((ulong)(start - registers.Start), part);
                }
            }
        }
    }

    /// <summary>The guest writes. The whole write takes effect at once.</summary>
    public void Write(int offset, ReadOnlySpan<byte> data)
    {
        if (offset >= PciHeader.Size)
        {
            return;
        }

        data = data[..int.Min(data.Length, PciHeader.Size - offset)];
        lock (_gate)
        {
            Space.Write(offset, data);
            foreach (Registers registers in _registers)
            {
                (int start, int end) = registers.Clip(offset, data.Length);
                if (start < end)
                {
                    registers.Device.Write((ulong)(start - registers.Start), data[(start - offset)..(end - offset)]);
                }
            }

            if (Decides(offset, data.Length))
            {
                Update();
            }
        }
    }

    /// <summary>The machine exists: windows may answer and messages be sent.</summary>
    /// <param name="partition">The partition.</param>
    /// <param name="windows">What the bridge passes on.</param>
    /// <param name="messages">Where messages go.</param>
    public void Connect(Partition partition, IReadOnlyList<PciMemoryWindow> windows, PciMemoryWindow messages)
    {
        lock (_gate)
        {
            _partition = partition;
            _windows = windows;
            Interrupts.SetTarget(partition.Interrupts, messages);
            Update();
        }
    }

    /// <summary>The machine has ended.</summary>
    public void Disconnect()
    {
        lock (_gate)
        {
            _bars.ForEach(static bar => bar.Unmap());
            _partition = null;
            Interrupts.SetTarget(null, default);
        }
    }

    private bool Decides(int offset, int length)
    {
        int end = offset + length;
        return (offset < PciHeader.Status && end > PciHeader.Command)
            || (offset < PciHeader.BaseAddresses + (PciHeader.BaseAddressCount * sizeof(uint)) && end > PciHeader.BaseAddresses)
            || (_messageControl >= 0 && offset < _messageControl + sizeof(ushort) && end > _messageControl);
    }

    private void Update()
    {
        ushort command = Space.Get16(PciHeader.Command);
        Interrupts.Control(command, _messageControl < 0 ? (ushort)0 : Space.Get16(_messageControl));
        if (_partition is not { } partition)
        {
            return;
        }

        // First all that goes, then all that comes: two windows may trade places.
        bool answers = (command & PciHeader.MemorySpace) != 0;
        foreach (PciBar bar in _bars)
        {
            if (bar.Address is { } address && !(answers && address == bar.Read(Space)))
            {
                bar.Unmap();
            }
        }

        for (int i = 0; answers && i < _bars.Count; i++)
        {
            ulong address = _bars[i].Read(Space);
            if (IsPassedOn(address, _bars[i].Size))
            {
                _bars[i].TryMap(partition.Mmio, address);
            }
        }
    }

    private bool IsPassedOn(ulong address, ulong size)
    {
        foreach (PciMemoryWindow window in _windows)
        {
            if (window.Contains(address, size))
            {
                return true;
            }
        }

        return false;
    }

    private readonly record struct Registers(int Start, int End, IBusDevice Device)
    {
        public (int Start, int End) Clip(int offset, int length) => (int.Max(Start, offset), int.Min(End, offset + length));
    }
}
