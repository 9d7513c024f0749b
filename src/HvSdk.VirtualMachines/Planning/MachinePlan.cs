using HvSdk.Devices;

namespace HvSdk.VirtualMachines;

/// <summary>What all parts of a machine have asked for, and what is wrong with it. Filled by the builder; the machine is made from it.</summary>
internal sealed class MachinePlan(string name, RamLayout ram, int lineCount)
{
    private const ulong FirstMmioAddress = 0xE000_0000;
    private const ulong LastMmioAddress = 0xFEBF_FFFF;
    private const ulong PortCount = 0x1_0000;
    private const ulong PageSize = 4096;
    private const int FirstFreeLine = 16;

    private readonly List<MachineWindow> _windows = [];
    private readonly Dictionary<int, InterruptWire> _wires = [];
    private readonly Dictionary<int, LineOwner> _lineOwners = [];
    private ulong _nextMmioAddress = FirstMmioAddress;

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

    public void AddWindow(string owner, BusSpace space, ulong address, ulong size, IBusDevice? device)
    {
        if (size == 0)
        {
            Problems.Add($"{owner} asks for an empty window at 0x{address:X}. A window holds at least one byte.");
            return;
        }

        if (address > ulong.MaxValue - size + 1 || (space == BusSpace.Ports && address + size > PortCount))
        {
            Problems.Add($"{owner} asks for 0x{size:X} {(space == BusSpace.Ports ? "ports" : "bytes")} at 0x{address:X}, beyond the last. Choose another place.");
            return;
        }

        var window = new MachineWindow(owner, new DeviceWindow(space, address, size), device);
        if (_windows.Find(window.Overlaps) is { } other)
        {
            Problems.Add($"{owner} asks for {window}, and {other.Owner} has {other}. Give one of them another place.");
            return;
        }

        if (space == BusSpace.Mmio && !Ram.TryMakeRoom(window.Window.Address, window.Last))
        {
            Problems.Add($"{owner} asks for {window}, and there is RAM. Give it another place, or the machine less memory there.");
            return;
        }

        _windows.Add(window);
    }

    public ulong AllocateMmio(string owner, ulong size, IBusDevice device)
    {
        ulong alignment = ulong.Max(PageSize, System.Numerics.BitOperations.RoundUpToPowerOf2(size));
        ulong address = (_nextMmioAddress + alignment - 1) & ~(alignment - 1);
        if (size == 0 || address < _nextMmioAddress || address > LastMmioAddress || size > LastMmioAddress - address + 1)
        {
            Problems.Add($"{owner} asks for a window of 0x{size:X} bytes below 4 GiB, and 0x{LastMmioAddress - _nextMmioAddress + 1:X} are left. Make it smaller, or place it yourself above 4 GiB.");
            return FirstMmioAddress;
        }

        _nextMmioAddress = address + size;
        AddWindow(owner, BusSpace.Mmio, address, size, device);
        return address;
    }

    /// <summary>The largest piece without windows among the GPAs below 4 GiB that are for devices, in whole units of an alignment; a size of 0: none.</summary>
    public (ulong Address, ulong Size) FindFreeMmio(ulong alignment)
    {
        (ulong Address, ulong Size) largest = default;
        ulong start = FirstMmioAddress;
        foreach (MachineWindow window in _windows.Where(static window => window.Window.Space == BusSpace.Mmio).OrderBy(static window => window.Window.Address))
        {
            Consider(ulong.Min(window.Window.Address, LastMmioAddress + 1));
            start = ulong.Max(start, window.Last + 1);
        }

        Consider(LastMmioAddress + 1);
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
        // Those beyond ISA's sixteen first; then a level-triggered device may share one.
        int free = Enumerable.Range(FirstFreeLine, int.Max(0, lineCount - FirstFreeLine)).FirstOrDefault(line => !_lineOwners.ContainsKey(line), -1);
        if (free < 0 && sense == InterruptSense.Level)
        {
            free = LevelLines.Where(static line => line >= FirstFreeLine).FirstOrDefault(-1);
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

    private sealed record LineOwner(string Owner, InterruptSense Sense);
}
