namespace HvSdk.Testing;

/// <summary>A driver of the PCI transport (virtio 1.2, 4.1), for tests of devices without a guest: finds the structures by their capabilities. One thread at a time.</summary>
public sealed class VirtioPciDriver : VirtioDriver
{
    private const byte VendorSpecificId = 9;
    private const byte CommonType = 1;
    private const byte NotifyType = 2;
    private const byte IsrType = 3;
    private const byte DeviceType = 4;

    private PciBench _bench;

    internal VirtioPciDriver(PciBench bench, GuestArena arena)
        : base(arena)
    {
        _bench = bench;
    }

    /// <summary>Gives queue n the MSI-X vector n + 1, and configuration changes vector 0, when queues are set up. Default: true; false: the interrupt pin.</summary>
    public bool UsesMessages { get; set; } = true;

    /// <inheritdoc/>
    public override uint Status
    {
        get => ReadCommon(0x14, 1);
        set => WriteCommon(0x14, value, 1);
    }

    /// <summary>Reads why the pin is asserted, which takes the reasons away: 1 for used buffers, 2 for a configuration change.</summary>
    public uint TakeInterruptStatus() => (uint)Read(IsrType, 0, 1);

    /// <summary>Reads from the common configuration structure.</summary>
    /// <param name="offset">The field's offset (virtio 1.2, 4.1.4.3).</param>
    /// <param name="size">Its bytes.</param>
    public uint ReadCommon(uint offset, int size) => (uint)Read(CommonType, offset, size);

    /// <summary>Writes to the common configuration structure.</summary>
    /// <param name="offset">The field's offset (virtio 1.2, 4.1.4.3).</param>
    /// <param name="value">The value.</param>
    /// <param name="size">Its bytes.</param>
    public void WriteCommon(uint offset, uint value, int size) => Write(CommonType, offset, value, size);

    /// <inheritdoc/>
    public override void ResetQueue(uint index)
    {
        WriteCommon(0x16, index, 2);
        WriteCommon(0x3A, 1, 2);
    }

    /// <inheritdoc/>
    public override ulong ReadConfiguration(int offset, int size) => Read(DeviceType, (uint)offset, size);

    /// <inheritdoc/>
    public override void WriteConfiguration(int offset, ulong value, int size) => Write(DeviceType, (uint)offset, value, size);

    /// <summary>Goes on with another device, which knows what the first one knew.</summary>
    internal void Move(PciBench bench) => _bench = bench;

    private protected override uint ReadDeviceFeatures(uint select)
    {
        WriteCommon(0x00, select, 4);
        return ReadCommon(0x04, 4);
    }

    private protected override void WriteDriverFeatures(uint select, uint value)
    {
        WriteCommon(0x08, select, 4);
        WriteCommon(0x0C, value, 4);
    }

    private protected override int SelectQueue(uint index)
    {
        WriteCommon(0x16, index, 2);
        return (int)ReadCommon(0x18, 2);
    }

    private protected override void EnableQueue(uint index, VirtqueueDriver queue)
    {
        WriteCommon(0x18, (uint)queue.Size, 2);
        if (UsesMessages)
        {
            WriteCommon(0x10, 0, 2);
            WriteCommon(0x1A, index + 1, 2);
        }

        WriteAddress(0x20, queue.Descriptors);
        WriteAddress(0x28, queue.DriverArea);
        WriteAddress(0x30, queue.DeviceArea);
        WriteCommon(0x1C, 1, 2);
    }

    private protected override void Notify(uint index, VirtqueueDriver queue)
    {
        WriteCommon(0x16, index, 2);
        (_, _, PciBenchCapability capability) = Find(NotifyType);
        uint offset = ReadCommon(0x1E, 2) * capability.Read(14, 4);
        if (HasNotificationData)
        {
            Write(NotifyType, offset, index | ((uint)queue.NextOffset << 16), 4);
        }
        else
        {
            Write(NotifyType, offset, index, 2);
        }
    }

    private void WriteAddress(uint offset, ulong address)
    {
        WriteCommon(offset, (uint)address, 4);
        WriteCommon(offset + 4, (uint)(address >> 32), 4);
    }

    private ulong Read(byte type, uint offset, int size)
    {
        (int bar, uint start, _) = Find(type);
        return _bench.ReadBar(bar, start + offset, size);
    }

    private void Write(byte type, uint offset, ulong value, int size)
    {
        (int bar, uint start, _) = Find(type);
        _bench.WriteBar(bar, start + offset, value, size);
    }

    /// <summary>struct virtio_pci_cap (virtio 1.2, 4.1.4): its type at 1, its BAR at 2, its offset at 6 of the body.</summary>
    private (int Bar, uint Offset, PciBenchCapability Capability) Find(byte type)
    {
        PciBenchCapability capability = _bench.Capabilities.FirstOrDefault(capability => capability.Id == VendorSpecificId && capability.Read(1, 1) == type)
            ?? throw new InvalidOperationException($"The device has no structure of type {type} (virtio 1.2, 4.1.4).");
        return ((int)capability.Read(2, 1), capability.Read(6, 4), capability);
    }
}
