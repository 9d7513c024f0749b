using HvSdk.Devices;

namespace HvSdk.Devices.Virtio;

/// <summary>A virtio device on the PCI bus (virtio 1.2, 4.1), modern only: structures in memory space, MSI-X with a vector for each queue, or the interrupt pin.</summary>
/// <example>
/// <code>
/// builder.AddPciDevice(new VirtioPci(new EntropyDevice()));
/// </code>
/// </example>
public sealed partial class VirtioPci : IPciDevice, IBusDevice, IVirtioSignals, IDisposable
{
    private const ushort VendorId = 0x1AF4; // virtio 1.2, 4.1.2
    private const ushort FirstDeviceId = 0x1040;
    private const byte Revision = 1;
    private const ushort SubsystemId = 0x40; // tells a modern device from a transitional one (virtio 1.2, 4.1.2.1)
    private const ushort NoVector = 0xFFFF; // VIRTIO_MSI_NO_VECTOR
    private const byte IsrQueue = 1;
    private const byte IsrConfiguration = 2;

    private readonly VirtioEndpoint _endpoint;
    private readonly Lock _interruptGate = new();
    private readonly ushort[] _queueVectors;
    private ushort _configurationVector = NoVector;
    private IPciSlot? _slot;
    private IPciMessages? _messages;
    private IInterruptLine? _pin;
    private Partition? _partition;
    private byte _isr;
    private uint _deviceFeatureSelect;
    private uint _driverFeatureSelect;
    private ushort _queueSelect;

    /// <summary>Puts a device on the bus.</summary>
    /// <param name="device">The device; it belongs to this transport from now on.</param>
    /// <exception cref="ArgumentException">The device asks for queues or features that no device can have.</exception>
    /// <exception cref="InvalidOperationException">The device has a transport already.</exception>
    public VirtioPci(VirtioDevice device)
        : this(device, hasWorker: true)
    {
    }

    internal VirtioPci(VirtioDevice device, bool hasWorker)
    {
        ArgumentNullException.ThrowIfNull(device);
        _endpoint = new VirtioEndpoint(device, this) { HasWorker = hasWorker };
        _queueVectors = new ushort[_endpoint.QueueCount];
        Array.Fill(_queueVectors, NoVector);
    }

    /// <summary>The device.</summary>
    public VirtioDevice Device => _endpoint.Device;

    bool IVirtioSignals.CanAccessMemory => _slot is { IsBusMaster: true };

    internal VirtioEndpoint Endpoint => _endpoint;

    /// <inheritdoc/>
    public void Attach(IPciSlot slot)
    {
        ArgumentNullException.ThrowIfNull(slot);
        _slot = slot;
        _endpoint.TimeProvider = slot.TimeProvider;
        VirtioMetrics.Add(_endpoint, slot.Name);
        slot.Identify(new PciIdentity
        {
            VendorId = VendorId,
            DeviceId = (ushort)(FirstDeviceId + Device.DeviceId),
            ClassCode = VirtioPciClass.Of(Device.DeviceId),
            Revision = Revision,
            SubsystemVendorId = VendorId,
            SubsystemId = SubsystemId,
        });
        slot.AddBar(VirtioPciLayout.RegistersBar, VirtioPciLayout.WindowSize, this);
        VirtioPciLayout.AddCapabilities(slot, Device.ConfigurationLength, this);
        _messages = slot.UseMsiX(_endpoint.QueueCount + 1, VirtioPciLayout.MessagesBar);
        _pin = slot.ConnectInterruptPin();
        slot.OnBarMapped(VirtioPciLayout.RegistersBar, MoveDoorbell);
        slot.OnConnected(partition =>
        {
            _partition = partition;
            _endpoint.Connect(partition.Memory);
        });
        slot.OnPaused(_endpoint.Pause);
        slot.OnResumed(_endpoint.Resume);
        slot.OnEnded(_endpoint.Dispose);
    }

    /// <inheritdoc/>
    public void Read(ulong offset, Span<byte> data)
    {
        data.Clear();
        switch (offset)
        {
            case < VirtioPciLayout.Isr:
                ReadCommon((uint)offset, data);
                break;
            case VirtioPciLayout.Isr:
                data[0] = TakeIsr();
                break;
            case >= VirtioPciLayout.Device and < VirtioPciLayout.Notify:
                _endpoint.ReadConfiguration(offset - VirtioPciLayout.Device, data);
                break;
        }
    }

    /// <inheritdoc/>
    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        switch (offset)
        {
            case < VirtioPciLayout.Isr:
                WriteCommon((uint)offset, data);
                break;
            case >= VirtioPciLayout.Device and < VirtioPciLayout.Notify:
                _endpoint.WriteConfiguration(offset - VirtioPciLayout.Device, data);
                break;
            case >= VirtioPciLayout.Notify:
                _endpoint.Notify();
                break;
        }
    }

    /// <summary>Ends the device's worker. A machine that the device is in does it.</summary>
    public void Dispose() => _endpoint.Dispose();

    void IVirtioSignals.SignalQueue(int queue) => Raise(Volatile.Read(ref _queueVectors[queue]), IsrQueue);

    void IVirtioSignals.SignalConfiguration() => Raise(Volatile.Read(ref _configurationVector), IsrConfiguration);

    void IVirtioSignals.ClearSignals()
    {
        Array.Fill(_queueVectors, NoVector);
        _configurationVector = NoVector;
        TakeIsr();
    }

    private void Raise(ushort vector, byte reason)
    {
        if (_messages is { IsEnabled: true } messages)
        {
            if (vector != NoVector)
            {
                messages.Signal(vector);
            }

            return;
        }

        lock (_interruptGate)
        {
            _isr |= reason;
            _pin?.Set(true);
        }
    }

    /// <summary>The guest reads why it was interrupted, which is its acknowledgement (virtio 1.2, 4.1.4.5).</summary>
    private byte TakeIsr()
    {
        lock (_interruptGate)
        {
            byte isr = _isr;
            _isr = 0;
            _pin?.Set(false);
            return isr;
        }
    }

    private void MoveDoorbell(ulong? address)
    {
        Doorbell? doorbell = null;
        if (address is { } start && _partition is { } partition)
        {
            try
            {
                doorbell = partition.CreateDoorbell(DoorbellLocation.Mmio(start + VirtioPciLayout.Notify));
            }
            catch (Exception e) when (e is ArgumentException or HypervisorException or ObjectDisposedException)
            {
                // Then each notification is an access of the window: slower, and no less right.
            }
        }

        _endpoint.SetDoorbell(doorbell);
    }
}
