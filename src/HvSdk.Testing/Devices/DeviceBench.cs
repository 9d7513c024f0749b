using System.Buffers.Binary;
using HvSdk.Devices;

namespace HvSdk.Testing;

/// <summary>A device's place on a bench instead of in a machine: what it asks for is granted and remembered, and a test plays the guest.</summary>
/// <example>
/// <code>
/// var bench = new DeviceBench();
/// bench.Attach(new MyDevice());
/// bench.WritePort(0x3F8, 'A');
/// Assert.True(bench.Line(4).IsAsserted);
/// </code>
/// </example>
public sealed class DeviceBench : IDeviceSlot
{
    private const ulong FirstFreeAddress = 0xE000_0000;
    private const ulong FirstReservedAddress = 0x10_0000;
    private const int FirstFreeLine = 16;

    private readonly Dictionary<int, RecordingLine> _lines = [];
    private readonly List<(DeviceWindow Window, IBusDevice Device)> _windows = [];
    private readonly List<DeviceLine> _lineRequests = [];
    private readonly List<Action<Partition>> _connections = [];
    private readonly List<Action> _ends = [];
    private readonly List<Action> _pauses = [];
    private readonly List<Action> _resumptions = [];
    private ulong _nextAddress = FirstFreeAddress;
    private ulong _nextReserved = FirstReservedAddress;
    private int _nextLine = FirstFreeLine;

    /// <inheritdoc/>
    public string Name => "device";

    /// <summary>The time, which the test moves on.</summary>
    public ManualTimeProvider Time { get; } = new();

    /// <summary>What the device asked of its machine.</summary>
    public RecordingMachine Machine { get; } = new();

    /// <summary>The line by which the device notifies the guest, once it has asked for it.</summary>
    public RecordingLine? Notification { get; private set; }

    /// <inheritdoc/>
    public AcpiIdentity? Acpi { get; set; }

    /// <inheritdoc/>
    public DeviceTreeIdentity? DeviceTree { get; set; }

    TimeProvider IDeviceSlot.TimeProvider => Time;

    IMachineControl IDeviceSlot.Machine => Machine;

    /// <summary>The device as tables would describe it.</summary>
    public DeviceDescription Description => new()
    {
        Name = Name,
        Windows = [.. _windows.Select(static entry => entry.Window)],
        Lines = [.. _lineRequests],
        NotificationEvent = Notification is null ? null : 0,
        Acpi = Acpi,
        DeviceTree = DeviceTree,
    };

    /// <summary>Puts a device on the bench.</summary>
    /// <param name="device">The device.</param>
    public void Attach(IPlatformDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        device.Attach(this);
    }

    /// <summary>A line that the device has connected.</summary>
    /// <param name="number">Its number.</param>
    public RecordingLine Line(int number) => _lines.TryGetValue(number, out RecordingLine? line)
        ? line
        : throw new ArgumentException($"The device has not connected line {number}; it has connected {(_lines.Count == 0 ? "none" : string.Join(", ", _lines.Keys))}.", nameof(number));

    /// <summary>Gives the device a partition, as a machine does before it starts.</summary>
    /// <param name="partition">The partition, of a <see cref="ScriptedBackend"/> for one.</param>
    public void Connect(Partition partition) => _connections.ForEach(connect => connect(partition));

    /// <summary>Tells the device that the machine is paused.</summary>
    public void Pause() => _pauses.ForEach(static pause => pause());

    /// <summary>Tells the device that the machine goes on.</summary>
    public void Resume() => _resumptions.ForEach(static resume => resume());

    /// <summary>Tells the device that the machine has ended.</summary>
    public void End() => _ends.ForEach(static end => end());

    /// <summary>The guest reads from a port: all ones where no window of the device holds the access.</summary>
    /// <param name="port">The port.</param>
    /// <param name="size">1, 2 or 4 bytes.</param>
    public ulong ReadPort(ushort port, int size = 1) => Read(BusSpace.Ports, port, size);

    /// <summary>The guest writes to a port.</summary>
    /// <param name="port">The port.</param>
    /// <param name="value">The value.</param>
    /// <param name="size">1, 2 or 4 bytes.</param>
    public void WritePort(ushort port, ulong value, int size = 1) => Write(BusSpace.Ports, port, value, size);

    /// <summary>The guest reads from a GPA: all ones where no window of the device holds the access.</summary>
    /// <param name="address">The GPA.</param>
    /// <param name="size">1 to 8 bytes.</param>
    public ulong ReadMmio(ulong address, int size = 4) => Read(BusSpace.Mmio, address, size);

    /// <summary>The guest writes to a GPA.</summary>
    /// <param name="address">The GPA.</param>
    /// <param name="value">The value.</param>
    /// <param name="size">1 to 8 bytes.</param>
    public void WriteMmio(ulong address, ulong value, int size = 4) => Write(BusSpace.Mmio, address, value, size);

    /// <inheritdoc/>
    void IDeviceSlot.MapPorts(ushort port, int count, IBusDevice device) => _windows.Add((new DeviceWindow(BusSpace.Ports, port, (ulong)count), device));

    /// <inheritdoc/>
    void IDeviceSlot.MapMmio(ulong address, ulong size, IBusDevice device) => _windows.Add((new DeviceWindow(BusSpace.Mmio, address, size), device));

    /// <inheritdoc/>
    ulong IDeviceSlot.MapMmio(ulong size, IBusDevice device)
    {
        ulong alignment = ulong.Max(4096, System.Numerics.BitOperations.RoundUpToPowerOf2(size));
        ulong address = (_nextAddress + alignment - 1) & ~(alignment - 1);
        _nextAddress = address + size;
        _windows.Add((new DeviceWindow(BusSpace.Mmio, address, size), device));
        return address;
    }

    /// <inheritdoc/>
    ulong IDeviceSlot.ReserveMemory(ulong size, ulong alignment)
    {
        ulong address = (_nextReserved + alignment - 1) & ~(alignment - 1);
        _nextReserved = address + size;
        return address;
    }

    /// <inheritdoc/>
    IInterruptLine IDeviceSlot.ConnectLine(int number, InterruptSense sense)
    {
        _lineRequests.Add(new DeviceLine(number, sense));
        return _lines[number] = new RecordingLine();
    }

    /// <inheritdoc/>
    IInterruptLine IDeviceSlot.ConnectLine(InterruptSense sense, out int number)
    {
        number = _nextLine++;
        return ((IDeviceSlot)this).ConnectLine(number, sense);
    }

    /// <inheritdoc/>
    IInterruptLine IDeviceSlot.ConnectNotification() => Notification = new RecordingLine();

    /// <inheritdoc/>
    void IDeviceSlot.OnConnected(Action<Partition> connect) => _connections.Add(connect);

    /// <inheritdoc/>
    void IDeviceSlot.OnPaused(Action pause) => _pauses.Add(pause);

    /// <inheritdoc/>
    void IDeviceSlot.OnResumed(Action resume) => _resumptions.Add(resume);

    /// <inheritdoc/>
    void IDeviceSlot.OnEnded(Action end) => _ends.Add(end);

    private ulong Read(BusSpace space, ulong address, int size)
    {
        Span<byte> data = stackalloc byte[sizeof(ulong)];
        data.Fill(0xFF);
        if (Find(space, address, size) is { } found)
        {
            found.Device.Read(address - found.Window.Address, data[..size]);
        }

        ulong mask = size == sizeof(ulong) ? ulong.MaxValue : (1UL << (8 * size)) - 1;
        return BinaryPrimitives.ReadUInt64LittleEndian(data) & mask;
    }

    private void Write(BusSpace space, ulong address, ulong value, int size)
    {
        Span<byte> data = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(data, value);
        if (Find(space, address, size) is { } found)
        {
            found.Device.Write(address - found.Window.Address, data[..size]);
        }
    }

    private (DeviceWindow Window, IBusDevice Device)? Find(BusSpace space, ulong address, int size)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, sizeof(ulong));
        foreach ((DeviceWindow window, IBusDevice device) in _windows)
        {
            if (window.Space == space && address >= window.Address && address - window.Address + (ulong)size <= window.Size)
            {
                return (window, device);
            }
        }

        return null;
    }
}
