using System.Buffers.Binary;
using HvSdk.Devices;

namespace HvSdk.Devices.Virtio;

/// <summary>A virtio device in a window of registers (virtio 1.2, 4.2), found by ACPI, by device tree, or by <see cref="KernelParameter"/>.</summary>
/// <example>
/// <code>
/// builder.AddDevice(new VirtioMmio(new EntropyDevice()));
/// </code>
/// </example>
public sealed partial class VirtioMmio : IPlatformDevice, IBusDevice, IVirtioSignals, IDisposable
{
    private const ulong WindowSize = 0x1000;
    private const uint Magic = 0x7472_6976; // "virt"
    private const uint Version = 2;
    private const uint Vendor = 0x6453_7648; // "HvSd"
    private const uint UsedBufferNotification = 1;
    private const uint ConfigurationChangeNotification = 2;

    private readonly VirtioEndpoint _endpoint;
    private readonly Lock _interruptGate = new();
    private IInterruptLine? _line;
    private int _lineNumber;
    private uint _interruptStatus;
    private uint _deviceFeaturesSelect;
    private uint _driverFeaturesSelect;
    private uint _queueSelect;

    /// <summary>Puts a device behind registers.</summary>
    /// <param name="device">The device; it belongs to this transport from now on.</param>
    /// <exception cref="ArgumentException">The device asks for queues or features that no device can have.</exception>
    /// <exception cref="InvalidOperationException">The device has a transport already.</exception>
    public VirtioMmio(VirtioDevice device)
        : this(device, hasWorker: true)
    {
    }

    internal VirtioMmio(VirtioDevice device, bool hasWorker)
    {
        ArgumentNullException.ThrowIfNull(device);
        _endpoint = new VirtioEndpoint(device, this) { HasWorker = hasWorker };
    }

    /// <summary>The device.</summary>
    public VirtioDevice Device => _endpoint.Device;

    /// <summary>The window's first GPA, or null: it is in no machine yet.</summary>
    public ulong? Address { get; private set; }

    /// <summary>What tells a Linux kernel without ACPI or device tree about the device; null: it is in no machine yet.</summary>
    public string? KernelParameter => Address is { } address ? $"virtio_mmio.device=4K@0x{address:x}:{_lineNumber}" : null;

    internal VirtioEndpoint Endpoint => _endpoint;

    /// <inheritdoc/>
    public void Attach(IDeviceSlot slot)
    {
        ArgumentNullException.ThrowIfNull(slot);
        _endpoint.TimeProvider = slot.TimeProvider;
        VirtioMetrics.Add(_endpoint, slot.Name);
        ulong address = slot.MapMmio(WindowSize, this);
        Address = address;
        _line = slot.ConnectLine(InterruptSense.Level, out _lineNumber);
        slot.Acpi = new AcpiIdentity { HardwareId = "LNRO0005" };
        slot.DeviceTree = new DeviceTreeIdentity { NodeName = "virtio", Compatible = ["virtio,mmio"] };
        slot.OnConnected(partition =>
        {
            _endpoint.Connect(partition.Memory);
            _endpoint.SetDoorbell(partition.CreateDoorbell(DoorbellLocation.Mmio(address + VirtioMmioRegister.QueueNotify, sizeof(uint))));
        });
        slot.OnPaused(_endpoint.Pause);
        slot.OnResumed(_endpoint.Resume);
        slot.OnEnded(_endpoint.Dispose);
    }

    /// <inheritdoc/>
    public void Read(ulong offset, Span<byte> data)
    {
        if (offset >= VirtioMmioRegister.Configuration)
        {
            _endpoint.ReadConfiguration(offset - VirtioMmioRegister.Configuration, data);
        }
        else if (data.Length == sizeof(uint) && offset % sizeof(uint) == 0)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(data, ReadRegister((uint)offset));
        }
        else
        {
            data.Clear(); // registers are 32 bits wide and read as such (virtio 1.2, 4.2.2.2)
        }
    }

    /// <inheritdoc/>
    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        if (offset >= VirtioMmioRegister.Configuration)
        {
            _endpoint.WriteConfiguration(offset - VirtioMmioRegister.Configuration, data);
        }
        else if (data.Length == sizeof(uint) && offset % sizeof(uint) == 0)
        {
            WriteRegister((uint)offset, BinaryPrimitives.ReadUInt32LittleEndian(data));
        }
    }

    /// <summary>Ends the device's worker. A machine that the device is in does it.</summary>
    public void Dispose() => _endpoint.Dispose();

    bool IVirtioSignals.CanAccessMemory => true;

    void IVirtioSignals.SignalQueue(int queue) => Raise(UsedBufferNotification);

    void IVirtioSignals.SignalConfiguration() => Raise(ConfigurationChangeNotification);

    void IVirtioSignals.ClearSignals() => Acknowledge(uint.MaxValue);

    private void Raise(uint bit)
    {
        lock (_interruptGate)
        {
            _interruptStatus |= bit;
            _line?.Set(true);
        }
    }

    private void Acknowledge(uint bits)
    {
        lock (_interruptGate)
        {
            _interruptStatus &= ~bits;
            if (_interruptStatus == 0)
            {
                _line?.Set(false);
            }
        }
    }

    private uint ReadRegister(uint offset)
    {
        QueueSetup? queue = _endpoint.FindSetup(_queueSelect);
        return offset switch
        {
            VirtioMmioRegister.MagicValue => Magic,
            VirtioMmioRegister.Version => Version,
            VirtioMmioRegister.DeviceId => Device.DeviceId,
            VirtioMmioRegister.VendorId => Vendor,
            VirtioMmioRegister.DeviceFeatures => _endpoint.ReadDeviceFeatures(_deviceFeaturesSelect),
            VirtioMmioRegister.QueueNumMax => (uint)(queue?.MaxSize ?? 0),
            VirtioMmioRegister.QueueReady => queue is { IsReady: true } ? 1U : 0,
            VirtioMmioRegister.InterruptStatus => Volatile.Read(ref _interruptStatus),
            VirtioMmioRegister.Status => (uint)_endpoint.Status,
            VirtioMmioRegister.QueueReset => 0, // a queue's reset is done when the write returns
            >= VirtioMmioRegister.ShmLenLow and <= VirtioMmioRegister.ShmBaseHigh => uint.MaxValue, // no region (virtio 1.2, 4.2.2.1)
            VirtioMmioRegister.ConfigGeneration => _endpoint.ConfigurationGeneration,
            _ => 0,
        };
    }

    private void WriteRegister(uint offset, uint value)
    {
        switch (offset)
        {
            case VirtioMmioRegister.DeviceFeaturesSelect:
                _deviceFeaturesSelect = value;
                break;
            case VirtioMmioRegister.DriverFeatures:
                _endpoint.WriteDriverFeatures(_driverFeaturesSelect, value);
                break;
            case VirtioMmioRegister.DriverFeaturesSelect:
                _driverFeaturesSelect = value;
                break;
            case VirtioMmioRegister.QueueSelect:
                _queueSelect = value;
                break;
            case VirtioMmioRegister.QueueNum:
                _endpoint.SetUp(_queueSelect, static (queue, value) => queue.Size = (int)ulong.Min(value, int.MaxValue), value);
                break;
            case VirtioMmioRegister.QueueReady:
                _endpoint.SetReady(_queueSelect, (value & 1) != 0);
                break;
            case VirtioMmioRegister.QueueNotify:
                _endpoint.Notify();
                break;
            case VirtioMmioRegister.InterruptAck:
                Acknowledge(value);
                break;
            case VirtioMmioRegister.Status:
                _endpoint.WriteStatus((byte)value);
                break;
            case VirtioMmioRegister.QueueDescLow:
                _endpoint.SetUp(_queueSelect, static (queue, value) => queue.Descriptors = GuestAddress.WithLow(queue.Descriptors, value), value);
                break;
            case VirtioMmioRegister.QueueDescHigh:
                _endpoint.SetUp(_queueSelect, static (queue, value) => queue.Descriptors = GuestAddress.WithHigh(queue.Descriptors, value), value);
                break;
            case VirtioMmioRegister.QueueDriverLow:
                _endpoint.SetUp(_queueSelect, static (queue, value) => queue.DriverArea = GuestAddress.WithLow(queue.DriverArea, value), value);
                break;
            case VirtioMmioRegister.QueueDriverHigh:
                _endpoint.SetUp(_queueSelect, static (queue, value) => queue.DriverArea = GuestAddress.WithHigh(queue.DriverArea, value), value);
                break;
            case VirtioMmioRegister.QueueDeviceLow:
                _endpoint.SetUp(_queueSelect, static (queue, value) => queue.DeviceArea = GuestAddress.WithLow(queue.DeviceArea, value), value);
                break;
            case VirtioMmioRegister.QueueDeviceHigh:
                _endpoint.SetUp(_queueSelect, static (queue, value) => queue.DeviceArea = GuestAddress.WithHigh(queue.DeviceArea, value), value);
                break;
            case VirtioMmioRegister.QueueReset when (value & 1) != 0:
                _endpoint.ResetQueue(_queueSelect);
                break;
        }
    }
}
