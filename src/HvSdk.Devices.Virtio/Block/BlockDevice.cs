using System.Buffers.Binary;

namespace HvSdk.Devices.Virtio;

/// <summary>A disk (virtio 1.2, 5.2).</summary>
/// <remarks>
/// Requests are done one after the other on the device's worker, in each queue in the order in which the driver made them available. A driver that
/// takes flushes into its hand (VIRTIO_BLK_F_FLUSH) has what it wrote safe once a flush has succeeded; for any other driver each write is flushed before
/// it comes back. What the storage could not do is the guest's input/output error, and <see cref="LastError"/>. The device does not dispose of its storage.
/// </remarks>
/// <example>
/// <code>
/// using var storage = new FileStorage("debian.img");
/// builder.AddDevice(new VirtioMmio(new BlockDevice(storage, new() { Id = "root" })));
/// </code>
/// </example>
public sealed partial class BlockDevice : VirtioDevice
{
    private const uint BlockDeviceId = 2;

    // What one look at a queue moves at most before the driver hears of what is done: large requests, too, are told of several at a time.
    private const int LookLength = 1 << 22;
    private const int LookRequests = 128;

    private static readonly TimeSpan s_maxWait = TimeSpan.FromHours(1); // then it looks again

    private readonly IBlockStorage _storage;
    private readonly BlockDeviceOptions _options;
    private readonly BlockRequest[] _requests;
    private readonly byte[] _configuration;
    private TokenBucket? _operations;
    private TokenBucket? _bytes;
    private ITimer? _timer;
    private long _timerDue = long.MaxValue;
    private long _capacity;

    /// <summary>Makes a disk.</summary>
    /// <param name="storage">Where its bytes are. One device at a time.</param>
    /// <param name="options">How it is made; null: as by default.</param>
    /// <exception cref="ArgumentException">The storage's length is negative, or no multiple of the block size.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public BlockDevice(IBlockStorage storage, BlockDeviceOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(storage);
        _options = options ?? new BlockDeviceOptions();
        _options.Validate();
        _storage = storage;
        IsReadOnly = _options.IsReadOnly || storage.IsReadOnly;
        byte[] id = _options.EncodeId();
        QueueSizes = [.. Enumerable.Repeat(_options.QueueSize, _options.QueueCount)];
        _requests = [.. QueueSizes.Select(_ => new BlockRequest(storage, id))];
        _configuration = _options.EncodeConfiguration(storage.CanDiscard, IsReadOnly);
        ReadCapacity(nameof(storage));
    }

    /// <inheritdoc/>
    public override uint DeviceId => BlockDeviceId;

    /// <inheritdoc/>
    public override IReadOnlyList<int> QueueSizes { get; }

    /// <inheritdoc/>
    public override ulong DeviceFeatures => (ulong)(BlockFeatures.SegMax | BlockFeatures.BlockSize | BlockFeatures.Flush | BlockFeatures.Topology
        | (_options.QueueCount > 1 ? BlockFeatures.MultiQueue : 0)
        | (IsReadOnly ? BlockFeatures.ReadOnly : BlockFeatures.WriteZeroes)
        | (!IsReadOnly && _storage.CanDiscard ? BlockFeatures.Discard : 0));

    /// <inheritdoc/>
    public override int ConfigurationLength => BlockConfigurationOffset.Length;

    /// <summary>The guest cannot write.</summary>
    public bool IsReadOnly { get; }

    /// <summary>Bytes that the guest sees.</summary>
    public long Capacity => Interlocked.Read(ref _capacity);

    /// <summary>What it has done.</summary>
    public BlockStatistics Statistics { get; } = new();

    /// <summary>What the storage threw last, or null: nothing yet.</summary>
    public Exception? LastError { get; private set; }

    /// <summary>The storage has become longer or shorter: takes its new length and tells the guest. Any thread may call.</summary>
    /// <exception cref="InvalidOperationException">The storage's length is negative, or no multiple of the block size.</exception>
    public void UpdateCapacity()
    {
        ReadCapacity(argument: null);
        NotifyConfigurationChanged();
    }

    /// <inheritdoc/>
    protected internal override long Errors => Statistics.Errors + Statistics.Unsupported;

    /// <inheritdoc/>
    protected internal override void ReadConfiguration(int offset, Span<byte> data) => _configuration.AsSpan(offset, data.Length).CopyTo(data);

    /// <inheritdoc/>
    protected internal override void OnActivated()
    {
        // A reset gives nothing back of what the limits have taken.
        _operations ??= _options.Operations is { } operations ? new TokenBucket(operations, TimeProvider) : null;
        _bytes ??= _options.Bytes is { } bytes ? new TokenBucket(bytes, TimeProvider) : null;
    }

    /// <summary>The timer may have gone off, so whoever waits sets it anew.</summary>
    protected internal override void OnWoken() => _timerDue = long.MaxValue;

    /// <inheritdoc/>
    protected internal override void OnReset()
    {
        _timer?.Dispose();
        _timer = null;
        _timerDue = long.MaxValue;
        foreach (BlockRequest request in _requests)
        {
            request.Forget();
        }
    }

    /// <inheritdoc/>
    protected internal override void OnQueueReset(Virtqueue queue)
    {
        ArgumentNullException.ThrowIfNull(queue);
        _requests[queue.Index].Forget();
    }

    /// <inheritdoc/>
    protected internal override void Process(Virtqueue queue)
    {
        ArgumentNullException.ThrowIfNull(queue);
        BlockRequest request = _requests[queue.Index];
        int length = 0;
        int requests = 0;
        while (!queue.IsHeld)
        {
            if (length >= LookLength || requests >= LookRequests)
            {
                Wake(); // the driver hears of what is done, and other queues have their turn
                return;
            }

            if (!request.IsUnderWay)
            {
                if (!queue.TryTake(out DescriptorChain? chain))
                {
                    return;
                }

                request.Begin(chain, Capacity, (BlockFeatures)NegotiatedFeatures, IsReadOnly);
            }

            if (!TryPay(request))
            {
                return; // the timer wakes the worker
            }

            length += Work(request);
            if (request.IsDone)
            {
                Statistics.Count(request.Type, request.Status, request.Moved);
                request.Complete();
                requests++;
            }
        }
    }

    private int Work(BlockRequest request)
    {
        if (request.IsDone)
        {
            return 0;
        }

        try
        {
            return request.Step();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ObjectDisposedException or NotSupportedException)
        {
            LastError = e;
            request.End(BlockStatus.IoError);
            return BlockRequest.StepLength;
        }
    }

    /// <summary>Takes the next step's part of the limits; false where it has to wait.</summary>
    private bool TryPay(BlockRequest request)
    {
        if (_operations is null && _bytes is null)
        {
            return true;
        }

        long operations = request.IsPaid ? 0 : 1;
        long bytes = request.NextLength;
        TimeSpan wait = _operations?.WaitFor(operations) ?? TimeSpan.Zero;
        TimeSpan byteWait = _bytes?.WaitFor(bytes) ?? TimeSpan.Zero;
        wait = wait > byteWait ? wait : byteWait;
        if (wait > TimeSpan.Zero)
        {
            Statistics.CountThrottled();
            WakeAfter(wait < s_maxWait ? wait : s_maxWait);
            return false;
        }

        _operations?.Take(operations);
        _bytes?.Take(bytes);
        request.IsPaid = true;
        return true;
    }

    /// <summary>Sets the timer, unless it goes off sooner for another queue.</summary>
    private void WakeAfter(TimeSpan wait)
    {
        long now = TimeProvider.GetTimestamp();
        long due = now + (long)(wait.TotalSeconds * TimeProvider.TimestampFrequency);
        if (_timerDue > now && _timerDue <= due)
        {
            return;
        }

        _timerDue = due;
        _timer ??= TimeProvider.CreateTimer(static state => ((BlockDevice)state!).Wake(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _timer.Change(wait, Timeout.InfiniteTimeSpan);
    }

    private void ReadCapacity(string? argument)
    {
        long length = _storage.Length;
        if (length < 0 || length % _options.BlockSize != 0)
        {
            string message = $"The storage has {length} bytes, which is not a multiple of the block size, {_options.BlockSize}. Change its length, or {nameof(BlockDeviceOptions)}.{nameof(_options.BlockSize)}.";
            throw argument is null ? new InvalidOperationException(message) : new ArgumentException(message, argument);
        }

        Interlocked.Exchange(ref _capacity, length);
        BinaryPrimitives.WriteUInt64LittleEndian(_configuration.AsSpan(BlockConfigurationOffset.Capacity), (ulong)(length / BlockRange.SectorSize));
    }
}
