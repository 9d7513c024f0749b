namespace HvSdk.Devices.Virtio.Tests;

/// <summary>Gives back what the driver sends, in the order of <see cref="Reverses"/>; keeps chains while <see cref="Keeps"/>.</summary>
internal sealed class EchoDevice(params int[] queueSizes) : VirtioDevice
{
    private readonly List<DescriptorChain> _kept = [];
    private readonly byte[] _configuration = new byte[12];

    public override uint DeviceId => 0x3F;

    public override IReadOnlyList<int> QueueSizes { get; } = queueSizes.Length == 0 ? [16] : queueSizes;

    public override ulong DeviceFeatures => 1;

    public override int ConfigurationLength => _configuration.Length;

    public bool Keeps { get; set; }

    public int Resets { get; private set; }

    public int QueueResets { get; private set; }

    public int Activations { get; private set; }

    public int Kept => _kept.Count;

    public List<(long Readable, long Writable)> Seen { get; } = [];

    public Exception? Throws { get; set; }

    /// <summary>Gives the kept chains back, the last first.</summary>
    public void ReleaseInReverse()
    {
        Keeps = false;
        Wake();
    }

    public void ChangeConfiguration() => NotifyConfigurationChanged();

    protected internal override void ReadConfiguration(int offset, Span<byte> data) => _configuration.AsSpan(offset, data.Length).CopyTo(data);

    protected internal override void WriteConfiguration(int offset, ReadOnlySpan<byte> data) => data.CopyTo(_configuration.AsSpan(offset));

    protected internal override void OnActivated() => Activations++;

    protected internal override void OnReset()
    {
        Resets++;
        _kept.Clear();
    }

    protected internal override void OnQueueReset(Virtqueue queue)
    {
        QueueResets++;
        _kept.RemoveAll(chain => chain.Queue == queue);
    }

    protected internal override void Process(Virtqueue queue)
    {
        if (Throws is { } exception)
        {
            throw exception;
        }

        while (queue.TryTake(out DescriptorChain? chain))
        {
            Seen.Add((chain.ReadableLength, chain.WritableLength));
            _kept.Add(chain);
            if (!Keeps)
            {
                Answer();
            }
        }

        if (!Keeps)
        {
            _kept.Reverse();
            while (_kept.Count > 0)
            {
                Answer();
            }
        }
    }

    private void Answer()
    {
        DescriptorChain chain = _kept[0];
        _kept.RemoveAt(0);
        byte[] bytes = new byte[long.Min(chain.ReadableLength, 0x10000)];
        int read = chain.Read(0, bytes);
        chain.Queue.Complete(chain, chain.Write(0, bytes.AsSpan(0, read)));
    }
}
