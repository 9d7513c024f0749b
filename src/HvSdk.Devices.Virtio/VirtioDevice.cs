namespace HvSdk.Devices.Virtio;

/// <summary>A paravirtual device: a number that drivers know, feature bits, queues and a configuration space. A base for ours and for yours.</summary>
/// <remarks>
/// The device knows no transport: give it to a <see cref="VirtioMmio"/>, and that to a machine. Each device has one worker, a thread of its own, which calls
/// <see cref="OnActivated"/>, <see cref="OnWoken"/>, <see cref="Process"/> and <see cref="OnReset"/>, never two of them at once (the first and the last may come on another
/// thread, while the worker waits). The configuration space is read and written by vCPU threads at any time. What these members throw does not reach the guest
/// or the machine: the device asks to be reset.
/// </remarks>
/// <example>
/// A device that gives back what the driver sends:
/// <code>
/// public sealed class EchoDevice : VirtioDevice
/// {
///     public override uint DeviceId => 0x3F;
///     public override IReadOnlyList&lt;int&gt; QueueSizes => [64];
///
///     protected override void Process(Virtqueue queue)
///     {
///         Span&lt;byte&gt; bytes = stackalloc byte[256];
///         while (queue.TryTake(out DescriptorChain? chain))
///         {
///             int read = chain.Read(0, bytes);
///             queue.Complete(chain, chain.Write(0, bytes[..read]));
///         }
///     }
/// }
/// </code>
/// </example>
public abstract class VirtioDevice
{
    private VirtioEndpoint? _endpoint;

    /// <summary>What the device is (virtio 1.2, 5). Drivers look for it.</summary>
    public abstract uint DeviceId { get; }

    /// <summary>How many entries each queue may have: powers of two up to 32768, one for each queue.</summary>
    public abstract IReadOnlyList<int> QueueSizes { get; }

    /// <summary>Feature bits of the device's own kind that it offers: bits 0 to 23 and 50 to 63 (virtio 1.2, 2.2). Asked once, when the device joins a machine.</summary>
    public virtual ulong DeviceFeatures => 0;

    /// <summary>
    /// What of its queues' abilities it offers: all by default. Take bits away to have a driver do without, as without packed queues. <see cref="VirtioFeatures.Version1"/> is
    /// offered always. Asked once, when the device joins a machine.
    /// </summary>
    public VirtioFeatures QueueFeatures { get; init; } = VirtioFeatures.All;

    /// <summary>Bytes of the device's configuration space (virtio 1.2, 2.5), at most 3840.</summary>
    public virtual int ConfigurationLength => 0;

    /// <summary>What the driver did wrong since the last reset, or null: nothing. The device asks to be reset then.</summary>
    public string? Fault => _endpoint?.Fault;

    /// <summary>A driver has the device in use.</summary>
    public bool IsActive => _endpoint is { IsActive: true };

    /// <summary>The features that device and driver have agreed upon; 0 while the device is not in use.</summary>
    public ulong NegotiatedFeatures => _endpoint?.NegotiatedFeatures ?? 0;

    /// <summary>What the device could not do, or did not understand, since it was made: for the meter. Any thread may ask.</summary>
    protected internal virtual long Errors => 0;

    /// <summary>How often the driver was interrupted since buffers had come back. Drivers that look by themselves, or wait for several, are interrupted less often than they ask.</summary>
    public long Interrupts => _endpoint?.Signals ?? 0;

    /// <summary>The guest's memory, once the machine exists.</summary>
    protected GuestMemory? Memory => _endpoint?.Memory;

    /// <summary>The machine's time; the system's while the device is in no machine.</summary>
    protected TimeProvider TimeProvider => _endpoint?.TimeProvider ?? TimeProvider.System;

    /// <summary>Reads from the configuration space, on any vCPU's thread.</summary>
    /// <param name="offset">First byte; it and the length lie within <see cref="ConfigurationLength"/>.</param>
    /// <param name="data">Gets the bytes, little-endian.</param>
    protected internal virtual void ReadConfiguration(int offset, Span<byte> data) => data.Clear();

    /// <summary>The driver writes to the configuration space, on any vCPU's thread.</summary>
    /// <param name="offset">First byte; it and the length lie within <see cref="ConfigurationLength"/>.</param>
    /// <param name="data">The bytes, little-endian.</param>
    protected internal virtual void WriteConfiguration(int offset, ReadOnlySpan<byte> data)
    {
    }

    /// <summary>Whether the driver's choice of features can be worked with; false keeps it from going on.</summary>
    /// <param name="features">Bits that were all offered.</param>
    protected internal virtual bool Accepts(ulong features) => true;

    /// <summary>A driver is ready; its queues can be had by <see cref="FindQueue"/>.</summary>
    protected internal virtual void OnActivated()
    {
    }

    /// <summary>Somebody has called <see cref="Wake"/>.</summary>
    protected internal virtual void OnWoken()
    {
    }

    /// <summary>Looks at a queue: take chains and give them back until there are none, or leave them for later.</summary>
    /// <param name="queue">A queue that the driver has set up.</param>
    /// <remarks>Bound the work for one chain: a driver may give terabytes of buffers, and waits in its reset for this call to return.</remarks>
    protected internal abstract void Process(Virtqueue queue);

    /// <summary>The driver has reset the device, or the machine has ended: all chains are stale.</summary>
    protected internal virtual void OnReset()
    {
    }

    /// <summary>The driver has reset one queue alone (VIRTIO_F_RING_RESET): its chains are stale.</summary>
    /// <param name="queue">The queue as it was.</param>
    protected internal virtual void OnQueueReset(Virtqueue queue)
    {
    }

    /// <summary>The machine has ended, and the device's worker with it: complete streams here. Called once, after <see cref="OnReset"/>, whether a driver ever came or not.</summary>
    protected internal virtual void OnEnded()
    {
    }

    /// <summary>Takes out what the device keeps beside its queues, for <see cref="LoadState"/>. The machine is paused. Chains that it has taken are saved by their queues.</summary>
    /// <returns>A record of the device's own kind, or null: it keeps nothing.</returns>
    protected internal virtual VirtioDeviceState? SaveState() => null;

    /// <summary>
    /// Puts back what <see cref="SaveState"/> has given, after <see cref="OnActivated"/> where a driver has the device in use. Queues give the chains that were in flight once
    /// more, so that the device does them again from their start; what it must not do twice it keeps in its record.
    /// </summary>
    /// <param name="state">The record. It may come from anywhere: check all of it before changing anything.</param>
    /// <exception cref="ArgumentException">It cannot be one of this device's. The device is reset then.</exception>
    protected internal virtual void LoadState(VirtioDeviceState? state) =>
        StateProblem.Require(state is null, $"Device is {state?.GetType().Name}; this kind of device keeps nothing.");

    /// <summary>Has the worker call <see cref="OnWoken"/> and look at all queues soon. Any thread may call.</summary>
    protected void Wake() => _endpoint?.Wake();

    /// <summary>Tells the driver that the configuration space has changed. Any thread may call.</summary>
    protected void NotifyConfigurationChanged() => _endpoint?.NotifyConfigurationChanged();

    /// <summary>A queue that the driver has set up, or null.</summary>
    /// <param name="index">Its number.</param>
    protected Virtqueue? FindQueue(int index) => _endpoint?.FindQueue(index);

    /// <summary>Has a feature been agreed upon?</summary>
    /// <param name="bit">The bit's mask.</param>
    protected bool Has(ulong bit) => (NegotiatedFeatures & bit) != 0;

    /// <summary>Has the calling thread do a piece of work at once, in the worker's place (<see cref="VirtioEndpoint.TryWork"/>).</summary>
    internal bool TryWork<TState>(TState state, Func<VirtioDevice, TState, bool> action)
        where TState : allows ref struct => _endpoint is { } endpoint && endpoint.TryWork(state, action);

    internal void Join(VirtioEndpoint endpoint)
    {
        if (Interlocked.CompareExchange(ref _endpoint, endpoint, null) is not null)
        {
            throw new InvalidOperationException($"This {GetType().Name} is in a machine already. Make one for each transport.");
        }
    }
}
