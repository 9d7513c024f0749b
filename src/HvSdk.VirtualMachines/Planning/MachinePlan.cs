using HvSdk.Devices;

namespace HvSdk.VirtualMachines;

/// <summary>What all parts of a machine have asked for, and what is wrong with it. Filled by the builder; the machine is made from it.</summary>
internal sealed class MachinePlan(string name, RamLayout ram, int lineCount, MachineSpace space)
{
    private const ulong PortCount = 0x1_0000;
    private const ulong PageSize = 4096;

    private readonly List<MachineWindow> _windows = [];
    private readonly Dictionary<int, InterruptWire> _wires = [];
    private readonly Dictionary<int, LineOwner> _lineOwners = [];
    private ulong _nextMmioAddress = space.FirstMmioAddress;

    public string Name { get; } = name;

    public RamLayout Ram { get; } = ram;

    /// <summary>Sentences about what is wrong, each with its remedy.</summary>
    public List<string> Problems { get; } = [];

    public IReadOnlyList<MachineWindow> Windows => _windows;

    /// <summary>The wires by line number.</summary>
    public IReadOnlyDictionary<int, InterruptWire> Wires => _wires;

    public List<DeviceSlot> Slots { get; } = [];

    /// <summary>The lines of general-purpose events, by number of the event.</summary>
    public List<InterruptWire> Notifications { get; } = [];

    /// <summary>Level-triggered lines among those of ISA, which the tables must tell of.</summary>
    public IEnumerable<int> LevelLines
    {
        get
        {
            for (int line = 0; line < lineCount; line++)
            {
                if (_lineOwners.TryGetValue(line, out LineOwner? owner) && owner.Sense == InterruptSense.Level)
                {
                    yield return line;
                }
            }
        }
    }

    public void AddWindow(string owner, BusSpace bus, ulong address, ulong size, IBusDevice? device)
    {
        if (size == 0)
        {
            Problems.Add($"{owner} asks for an empty window at 0x{address:X}. A window holds at least one byte.");
            return;
        }

        if (bus == BusSpace.Ports && !space.HasPorts)
        {
            Problems.Add($"{owner} asks for I/O ports, and an arm64 machine has none. Use a device with a window in memory.");
            return;
        }

        if (address > ulong.MaxValue - size + 1 || (bus == BusSpace.Ports && address + size > PortCount))
        {
            Problems.Add($"{owner} asks for 0x{size:X} {(bus == BusSpace.Ports ? "ports" : "bytes")} at 0x{address:X}, beyond the last. Choose another place.");
            return;
        }

        var window = new MachineWindow(owner, new DeviceWindow(bus, address, size), device);
        if (_windows.Find(window.Overlaps) is { } other)
        {
            Problems.Add($"{owner} asks for {window}, and {other.Owner} has {other}. Give one of them another place.");
            return;
        }

        if (bus == BusSpace.Mmio && !Ram.TryMakeRoom(window.Window.Address, window.Last))
        {
            Problems.Add($"{owner} asks for {window}, and there is RAM. Give it another place, or the machine less memory there.");
            return;
        }

        _windows.Add(window);
    }

    public ulong AllocateMmio(string owner, ulong size, IBusDevice device)
    {
        ulong alignment = ulong.Max(PageSize, System.Numerics.BitOperations.RoundUpToPowerOf2(size));
        ulong address = Align(_nextMmioAddress);
        while (size > 0 && size <= space.LastMmioAddress && address <= space.LastMmioAddress && FindWindow(address, size) is { } taken && taken.Last < space.LastMmioAddress)
        {
            address = Align(taken.Last + 1); // of a device that has named its place
        }

        if (size == 0 || address < _nextMmioAddress || address > space.LastMmioAddress || size > space.LastMmioAddress - address + 1)
        {
            Problems.Add($"{owner} asks for a window of 0x{size:X} bytes below 0x{space.LastMmioAddress + 1:X}, and 0x{space.LastMmioAddress - _nextMmioAddress + 1:X} are left. Make it smaller, or place it yourself above 4 GiB.");
            return space.FirstMmioAddress;
        }

        _nextMmioAddress = address + size;
        AddWindow(owner, BusSpace.Mmio, address, size, device);
        return address;

        ulong Align(ulong first) => (first + alignment - 1) & ~(alignment - 1);
    }

    /// <summary>The largest piece without windows among the GPAs below 4 GiB that are for devices, in whole units of an alignment; a size of 0: none.</summary>
    public (ulong Address, ulong Size) FindFreeMmio(ulong alignment)
    {
        (ulong Address, ulong Size) largest = default;
        ulong start = space.FirstMmioAddress;
        foreach (MachineWindow window in _windows.Where(static window => window.Window.Space == BusSpace.Mmio).OrderBy(static window => window.Window.Address))
        {
            Consider(ulong.Min(window.Window.Address, space.LastMmioAddress + 1));
            start = ulong.Max(start, window.Last + 1);
        }

        Consider(space.LastMmioAddress + 1);
        return largest;

        void Consider(ulong end)
        {
            ulong first = (start + alignment - 1) & ~(alignment - 1);
            ulong last = end & ~(alignment - 1);
            if (last > first && last - first > largest.Size)
            {
                largest = (first, last - first);
            }
        }
    }

    /// <summary>The first GPA above all RAM and all windows, from 4 GiB on.</summary>
    public ulong FindTop()
    {
        ulong top = RamLayout.FourGiB;
        foreach (MemoryRange range in Ram.Ranges)
        {
            top = ulong.Max(top, range.End);
        }

        foreach (MachineWindow window in _windows)
        {
            top = window.Window.Space == BusSpace.Mmio ? ulong.Max(top, window.Last + 1) : top;
        }

        return top;
    }

    public IInterruptLine ConnectLine(string owner, int number, InterruptSense sense)
    {
        if ((uint)number >= (uint)lineCount)
        {
            Problems.Add($"{owner} asks for interrupt line {number}, and the machine has 0 to {lineCount - 1}. Choose one of these.");
            return new InterruptWire().AddSource();
        }

        if (!_lineOwners.TryAdd(number, new LineOwner(owner, sense)) && (sense, _lineOwners[number].Sense) != (InterruptSense.Level, InterruptSense.Level))
        {
            Problems.Add(
                $"{owner} asks for interrupt line {number}, and {_lineOwners[number].Owner} has it. Only level-triggered lines can be shared: give one of them another line.");
        }

        if (!_wires.TryGetValue(number, out InterruptWire? wire))
        {
            _wires.Add(number, wire = new InterruptWire());
        }

        return wire.AddSource();
    }

    public IInterruptLine ConnectAnyLine(string owner, InterruptSense sense, out int number)
    {
        // Free ones first (x64: beyond ISA's sixteen); then a level-triggered device may share one.
        int free = Enumerable.Range(space.FirstFreeLine, int.Max(0, lineCount - space.FirstFreeLine)).FirstOrDefault(line => !_lineOwners.ContainsKey(line), -1);
        if (free < 0 && sense == InterruptSense.Level)
        {
            free = LevelLines.Where(line => line >= space.FirstFreeLine).FirstOrDefault(-1);
        }

        if (free < 0)
        {
            Problems.Add($"{owner} asks for an interrupt line, and none is free. Use fewer devices, or let some share a level-triggered line.");
            number = 0;
            return new InterruptWire().AddSource();
        }

        number = free;
        return ConnectLine(owner, free, sense);
    }

    public IInterruptLine ConnectNotification(out int number)
    {
        var wire = new InterruptWire();
        number = Notifications.Count;
        Notifications.Add(wire);
        return wire.AddSource();
    }

    private MachineWindow? FindWindow(ulong address, ulong size)
    {
        var window = new MachineWindow("", new DeviceWindow(BusSpace.Mmio, address, size), null);
        return _windows.Find(window.Overlaps);
    }

    private sealed record LineOwner(string Owner, InterruptSense Sense);
}
