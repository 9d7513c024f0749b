namespace HvSdk.Testing;

/// <summary>A driver of the MMIO transport (virtio 1.2, 4.2), for tests of devices without a guest. One thread at a time.</summary>
/// <example>
/// <code>
/// using var bench = new VirtioBench(new VirtioMmio(new MyDevice()));
/// bench.Driver.Start();
/// byte[] answer = bench.Driver.Queues[0].Exchange("ping"u8, 64);
/// </code>
/// </example>
public sealed class VirtioMmioDriver : VirtioDriver
{
    private const ulong Configuration = 0x100;

    private DeviceBench _bench;
    private ulong _address;

    internal VirtioMmioDriver(DeviceBench bench, ulong address, GuestArena arena)
        : base(arena)
    {
        _bench = bench;
        _address = address;
    }

    /// <inheritdoc/>
    public override uint Status
    {
        get => ReadRegister(0x70);
        set => WriteRegister(0x70, value);
    }

    /// <summary>Pending interrupt reasons: 1 for used buffers, 2 for a configuration change.</summary>
    public uint InterruptStatus => ReadRegister(0x60);

    /// <summary>Acknowledges interrupts.</summary>
    /// <param name="reasons">As in <see cref="InterruptStatus"/>.</param>
    public void AcknowledgeInterrupt(uint reasons) => WriteRegister(0x64, reasons);

    /// <summary>Reads a register.</summary>
    /// <param name="offset">Its offset (virtio 1.2, 4.2.2).</param>
    public uint ReadRegister(uint offset) => (uint)_bench.ReadMmio(_address + offset);

    /// <summary>Writes a register.</summary>
    /// <param name="offset">Its offset (virtio 1.2, 4.2.2).</param>
    /// <param name="value">The value.</param>
    public void WriteRegister(uint offset, uint value) => _bench.WriteMmio(_address + offset, value);

    /// <inheritdoc/>
    public override void ResetQueue(uint index)
    {
        WriteRegister(0x30, index);
        WriteRegister(0xC0, 1);
    }

    /// <inheritdoc/>
    public override ulong ReadConfiguration(int offset, int size) => _bench.ReadMmio(_address + Configuration + (ulong)offset, size);

    /// <inheritdoc/>
    public override void WriteConfiguration(int offset, ulong value, int size) => _bench.WriteMmio(_address + Configuration + (ulong)offset, value, size);

    /// <summary>Goes on with another device, which knows what the first one knew.</summary>
    internal void Move(DeviceBench bench)
    {
        _bench = bench;
        _address = bench.Description.Windows[0].Address;
    }

    private protected override uint ReadDeviceFeatures(uint select)
    {
        WriteRegister(0x14, select);
        return ReadRegister(0x10);
    }

    private protected override void WriteDriverFeatures(uint select, uint value)
    {
        WriteRegister(0x24, select);
        WriteRegister(0x20, value);
    }

    private protected override int SelectQueue(uint index)
    {
        WriteRegister(0x30, index);
        return (int)ReadRegister(0x34);
    }

    private protected override void EnableQueue(uint index, VirtqueueDriver queue)
    {
        WriteRegister(0x38, (uint)queue.Size);
        WriteAddress(0x80, queue.Descriptors);
        WriteAddress(0x90, queue.DriverArea);
        WriteAddress(0xA0, queue.DeviceArea);
        WriteRegister(0x44, 1);
    }

    private protected override void Notify(uint index, VirtqueueDriver queue) => WriteRegister(0x50, HasNotificationData ? index | ((uint)queue.NextOffset << 16) : index);

    private void WriteAddress(uint offset, ulong address)
    {
        WriteRegister(offset, (uint)address);
        WriteRegister(offset + 4, (uint)(address >> 32));
    }
}
