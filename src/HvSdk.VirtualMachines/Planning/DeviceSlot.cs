using HvSdk.Devices;

namespace HvSdk.VirtualMachines;

/// <summary>A device's place in the plan of a machine.</summary>
internal sealed class DeviceSlot(MachinePlan plan, string name, IPlatformDevice device, TimeProvider timeProvider, IMachineControl machine) : IDeviceSlot
{
    private readonly List<DeviceWindow> _windows = [];
    private readonly List<DeviceLine> _lines = [];
    private readonly List<Action<Partition>> _connections = [];
    private readonly List<Action> _ends = [];
    private readonly List<Action> _pauses = [];
    private readonly List<Action> _resumptions = [];
    private int? _notificationEvent;
    private bool _isClosed;

    public string Name { get; } = name;

    public IPlatformDevice Device { get; } = device;

    public TimeProvider TimeProvider { get; } = timeProvider;

    public IMachineControl Machine { get; } = machine;

    public AcpiIdentity? Acpi { get; set; }

    public DeviceTreeIdentity? DeviceTree { get; set; }

    public bool HasNotification => _notificationEvent is not null;

    public DeviceDescription Description => new()
    {
        Name = Name,
        Windows = _windows,
        Lines = _lines,
        NotificationEvent = _notificationEvent,
        Acpi = Acpi,
        DeviceTree = DeviceTree,
    };

    /// <summary>Asks the device, and closes the slot for requests.</summary>
    public void Attach()
    {
        Device.Attach(this);
        _isClosed = true;
    }

    public void Connect(Partition partition) => _connections.ForEach(connect => connect(partition));

    public void Pause() => _pauses.ForEach(static pause => pause());

    public void Resume() => _resumptions.ForEach(static resume => resume());

    public void End() => _ends.ForEach(static end => end());

    public void MapPorts(ushort port, int count, IBusDevice device)
    {
        ThrowIfClosed();
        ArgumentNullException.ThrowIfNull(device);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        _windows.Add(new DeviceWindow(BusSpace.Ports, port, (ulong)count));
        plan.AddWindow(Name, BusSpace.Ports, port, (ulong)count, device);
    }

    public void MapMmio(ulong address, ulong size, IBusDevice device)
    {
        ThrowIfClosed();
        ArgumentNullException.ThrowIfNull(device);
        _windows.Add(new DeviceWindow(BusSpace.Mmio, address, size));
        plan.AddWindow(Name, BusSpace.Mmio, address, size, device);
    }

    public ulong MapMmio(ulong size, IBusDevice device)
    {
        ThrowIfClosed();
        ArgumentNullException.ThrowIfNull(device);
        ulong address = plan.AllocateMmio(Name, size, device);
        _windows.Add(new DeviceWindow(BusSpace.Mmio, address, size));
        return address;
    }

    public ulong ReserveMemory(ulong size, ulong alignment = 8)
    {
        ThrowIfClosed();
        if (!System.Numerics.BitOperations.IsPow2(alignment))
        {
            throw new ArgumentOutOfRangeException(nameof(alignment), alignment, $"{alignment} is not a power of two, as an alignment is.");
        }

        if (plan.Ram.TryReserve(size, alignment, out ulong address))
        {
            return address;
        }

        plan.Problems.Add($"{Name} asks for 0x{size:X} bytes of memory for itself, and there is not that much below 4 GiB. Give the machine more memory.");
        return 0;
    }

    public IInterruptLine ConnectLine(int number, InterruptSense sense = InterruptSense.Edge)
    {
        ThrowIfClosed();
        _lines.Add(new DeviceLine(number, sense));
        return plan.ConnectLine(Name, number, sense);
    }

    public IInterruptLine ConnectLine(InterruptSense sense, out int number)
    {
        ThrowIfClosed();
        IInterruptLine line = plan.ConnectAnyLine(Name, sense, out number);
        _lines.Add(new DeviceLine(number, sense));
        return line;
    }

    public IInterruptLine ConnectNotification()
    {
        ThrowIfClosed();
        if (_notificationEvent is not null)
        {
            throw new InvalidOperationException($"{Name} has its notification already. A device has one.");
        }

        IInterruptLine line = plan.ConnectNotification(out int number);
        _notificationEvent = number;
        return line;
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
        ArgumentNullException.ThrowIfNull(pause);
        _pauses.Add(pause);
    }

    public void OnResumed(Action resume)
    {
        ThrowIfClosed();
        ArgumentNullException.ThrowIfNull(resume);
        _resumptions.Add(resume);
    }

    public void OnEnded(Action end)
    {
        ThrowIfClosed();
        ArgumentNullException.ThrowIfNull(end);
        _ends.Add(end);
    }

    private void ThrowIfClosed()
    {
        if (_isClosed)
        {
            throw new InvalidOperationException($"{Name} asks its machine for something after {nameof(IPlatformDevice.Attach)} has returned. Ask within it.");
        }
    }
}
