namespace HvSdk.Testing;

/// <summary>A driver of the MMIO transport (virtio 1.2, 4.2), for tests of devices without a guest. One thread at a time.</summary>
/// <example>
/// <code>
/// using var bench = new VirtioBench(new VirtioMmio(new MyDevice()));
/// bench.Driver.Start();
/// byte[] answer = bench.Driver.Queues[0].Exchange("ping"u8, 64);
/// </code>
/// </example>
public sealed class VirtioMmioDriver
{
    private const uint Acknowledge = 1;
    private const uint DriverFound = 2;
    private const uint DriverOk = 4;
    private const uint FeaturesOk = 8;
    private const ulong Configuration = 0x100;

    private readonly DeviceBench _bench;
    private readonly ulong _address;
    private readonly GuestArena _arena;
    private VirtqueueDriver[] _queues = [];

    internal VirtioMmioDriver(DeviceBench bench, ulong address, GuestArena arena)
    {
        _bench = bench;
        _address = address;
        _arena = arena;
    }

    /// <summary>The queues, once the driver has started.</summary>
    public IReadOnlyList<VirtqueueDriver> Queues => _queues;

    /// <summary>The features that the device offers.</summary>
    public ulong DeviceFeatures => ReadFeatures(0) | (ReadFeatures(1) << 32);

    /// <summary>The features that were agreed upon.</summary>
    public ulong Features { get; private set; }

    /// <summary>The device status field.</summary>
    public uint Status
    {
        get => ReadRegister(0x70);
        set => WriteRegister(0x70, value);
    }

    /// <summary>The device asks to be reset.</summary>
    public bool NeedsReset => (Status & 64) != 0;

    /// <summary>Pending interrupt reasons: 1 for used buffers, 2 for a configuration change.</summary>
    public uint InterruptStatus => ReadRegister(0x60);

    /// <summary>Takes the device into use, step by step as virtio 1.2, 3.1.1 has it.</summary>
    /// <param name="features">The features to take, of those that the device offers; VIRTIO_F_VERSION_1 is added. Null: all but packed queues and in-order use.</param>
    /// <param name="queueSize">Entries of each queue, at most what the device allows; null: that.</param>
    /// <exception cref="InvalidOperationException">The device does not take the features.</exception>
    public void Start(ulong? features = null, int? queueSize = null)
    {
        Status = 0;
        Status = Acknowledge;
        Status = Acknowledge | DriverFound;
        Features = (features ?? (DeviceFeatures & ~(VirtioDriverFeatures.PackedRing | VirtioDriverFeatures.InOrder))) | VirtioDriverFeatures.Version1;
        WriteRegister(0x24, 0);
        WriteRegister(0x20, (uint)Features);
        WriteRegister(0x24, 1);
        WriteRegister(0x20, (uint)(Features >> 32));
        Status = Acknowledge | DriverFound | FeaturesOk;
        if ((Status & FeaturesOk) == 0)
        {
            throw new InvalidOperationException($"The device does not take the features 0x{Features:X}; it offers 0x{DeviceFeatures:X}.");
        }

        List<VirtqueueDriver> queues = [];
        for (uint i = 0; SetUpQueue(i, queueSize) is { } queue; i++)
        {
            queues.Add(queue);
        }

        _queues = [.. queues];
        Status = Acknowledge | DriverFound | FeaturesOk | DriverOk;
    }

    /// <summary>Takes a queue into use, anew after <see cref="ResetQueue"/>.</summary>
    /// <param name="index">Its number.</param>
    /// <param name="queueSize">Entries, at most what the device allows; null: that.</param>
    /// <returns>The queue, or null: there is none with this number.</returns>
    public VirtqueueDriver? SetUpQueue(uint index, int? queueSize = null)
    {
        WriteRegister(0x30, index);
        int max = (int)ReadRegister(0x34);
        if (max == 0)
        {
            return null;
        }

        var queue = VirtqueueDriver.Create(_arena, int.Min(queueSize ?? max, max), Features, () => WriteRegister(0x50, index));
        WriteRegister(0x38, (uint)queue.Size);
        WriteAddress(0x80, queue.Descriptors);
        WriteAddress(0x90, queue.DriverArea);
        WriteAddress(0xA0, queue.DeviceArea);
        WriteRegister(0x44, 1);
        if (index < _queues.Length)
        {
            _queues[index] = queue;
        }

        return queue;
    }

    /// <summary>Resets one queue (VIRTIO_F_RING_RESET).</summary>
    /// <param name="index">Its number.</param>
    public void ResetQueue(uint index)
    {
        WriteRegister(0x30, index);
        WriteRegister(0xC0, 1);
    }

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

    /// <summary>Reads from the configuration space.</summary>
    /// <param name="offset">First byte.</param>
    /// <param name="size">1 to 8 bytes.</param>
    public ulong ReadConfiguration(int offset, int size) => _bench.ReadMmio(_address + Configuration + (ulong)offset, size);

    /// <summary>Writes to the configuration space.</summary>
    /// <param name="offset">First byte.</param>
    /// <param name="value">The value.</param>
    /// <param name="size">1 to 8 bytes.</param>
    public void WriteConfiguration(int offset, ulong value, int size) => _bench.WriteMmio(_address + Configuration + (ulong)offset, value, size);

    private ulong ReadFeatures(uint select)
    {
        WriteRegister(0x14, select);
        return ReadRegister(0x10);
    }

    private void WriteAddress(uint offset, ulong address)
    {
        WriteRegister(offset, (uint)address);
        WriteRegister(offset + 4, (uint)(address >> 32));
    }
}
