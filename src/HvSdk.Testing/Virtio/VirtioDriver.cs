namespace HvSdk.Testing;

/// <summary>The driver of a virtio device, for tests of devices without a guest: what is the same on all transports (virtio 1.2, 3.1). One thread at a time.</summary>
public abstract class VirtioDriver
{
    private const uint Acknowledge = 1;
    private const uint DriverFound = 2;
    private const uint DriverOk = 4;
    private const uint FeaturesOk = 8;
    private const uint DeviceNeedsReset = 64;

    private readonly GuestArena _arena;
    private VirtqueueDriver[] _queues = [];

    private protected VirtioDriver(GuestArena arena)
    {
        _arena = arena;
    }

    /// <summary>The queues, once the driver has started.</summary>
    public IReadOnlyList<VirtqueueDriver> Queues => _queues;

    /// <summary>The features that the device offers.</summary>
    public ulong DeviceFeatures => ReadDeviceFeatures(0) | ((ulong)ReadDeviceFeatures(1) << 32);

    /// <summary>The features that were agreed upon.</summary>
    public ulong Features { get; private set; }

    /// <summary>The device status field (virtio 1.2, 2.1).</summary>
    public abstract uint Status { get; set; }

    /// <summary>The device asks to be reset.</summary>
    public bool NeedsReset => (Status & DeviceNeedsReset) != 0;

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
        WriteDriverFeatures(0, (uint)Features);
        WriteDriverFeatures(1, (uint)(Features >> 32));
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
        int max = SelectQueue(index);
        if (max == 0)
        {
            return null;
        }

        VirtqueueDriver queue = null!;
        queue = VirtqueueDriver.Create(_arena, int.Min(queueSize ?? max, max), Features, () => Notify(index, queue));
        EnableQueue(index, queue);
        if (index < _queues.Length)
        {
            _queues[index] = queue;
        }

        return queue;
    }

    /// <summary>Resets one queue (VIRTIO_F_RING_RESET).</summary>
    /// <param name="index">Its number.</param>
    public abstract void ResetQueue(uint index);

    /// <summary>Reads from the configuration space.</summary>
    /// <param name="offset">First byte.</param>
    /// <param name="size">1 to 8 bytes.</param>
    public abstract ulong ReadConfiguration(int offset, int size);

    /// <summary>Writes to the configuration space.</summary>
    /// <param name="offset">First byte.</param>
    /// <param name="value">The value.</param>
    /// <param name="size">1 to 8 bytes.</param>
    public abstract void WriteConfiguration(int offset, ulong value, int size);

    private protected abstract uint ReadDeviceFeatures(uint select);

    private protected abstract void WriteDriverFeatures(uint select, uint value);

    /// <summary>Selects a queue; how many entries it may have, 0: there is none.</summary>
    private protected abstract int SelectQueue(uint index);

    private protected abstract void EnableQueue(uint index, VirtqueueDriver queue);

    /// <summary>Notifies; with <see cref="VirtioDriverFeatures.NotificationData"/> the upper half of what is written says how far the driver has come.</summary>
    private protected abstract void Notify(uint index, VirtqueueDriver queue);

    private protected bool HasNotificationData => (Features & VirtioDriverFeatures.NotificationData) != 0;
}
