using System.Buffers.Binary;
using static HvSdk.Devices.Virtio.BalloonSpecification;

namespace HvSdk.Devices.Virtio;

/// <summary>A memory balloon (virtio 1.2, 5.5): the host takes memory from a running guest and gives it again, hears how much it uses, and gets back what it has no use for.</summary>
/// <remarks>
/// The guest need not do as it is asked, nor say the truth. Its pages go back to the host where they are its own RAM (<see cref="GuestMemory.TryDiscard"/>), and a guest that names pages which it
/// still uses loses their content, nothing else. A page in the balloon comes back with its first touch, so a balloon is no limit: a guest that is not trusted gets the memory
/// that it may use at most. Any thread may call any member.
/// </remarks>
/// <example>
/// <code>
/// var balloon = new BalloonDevice();
/// builder.AddVirtio(balloon);
/// ...
/// balloon.TargetSize = 512L &lt;&lt; 20; // the guest gives up half a gigabyte
/// await balloon.WaitForTargetAsync(timeout.Token);
/// BalloonMemoryStatistics memory = await balloon.RefreshStatisticsAsync(timeout.Token);
/// </code>
/// </example>
public sealed partial class BalloonDevice : VirtioDevice
{
    private const int QueueSize = 128;
    private const long MaxSize = uint.MaxValue * (long)PageSize;

    private readonly Lock _gate = new();
    private readonly BalloonDeviceOptions _options;
    private uint _target;
    private uint _actual;
    private uint _poison;
    private TaskCompletionSource? _settled;
    private bool _isEnded;

    /// <summary>Makes an empty balloon with statistics and free page reporting.</summary>
    public BalloonDevice()
        : this(new BalloonDeviceOptions())
    {
    }

    /// <summary>Makes a balloon.</summary>
    /// <param name="options">How.</param>
    /// <exception cref="ArgumentOutOfRangeException">The target is negative, too large, or not in whole pages.</exception>
    public BalloonDevice(BalloonDeviceOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        _target = ToPages(options.TargetSize, nameof(options.TargetSize));
    }

    /// <inheritdoc/>
    public override uint DeviceId => BalloonSpecification.DeviceId;

    /// <inheritdoc/>
    public override IReadOnlyList<int> QueueSizes { get; } = [.. Enumerable.Repeat(QueueSize, QueueCount)];

    /// <inheritdoc/>
    /// <remarks>Page poison comes with reporting alone: it says what reported pages must keep.</remarks>
    public override ulong DeviceFeatures =>
        (_options.HasStatistics ? StatisticsFeature : 0)
        | (_options.DeflatesOnOutOfMemory ? DeflateOnOutOfMemoryFeature : 0)
        | (_options.ReportsFreePages ? PageReportingFeature | PagePoisonFeature : 0);

    /// <inheritdoc/>
    public override int ConfigurationLength => ConfigurationSize;

    /// <summary>How much memory the guest shall give up: bytes, a multiple of 4096, from 0 to just below 16 TiB. The guest hears of a change at once, and takes its time.</summary>
    /// <remarks>A guest gives no more than it can spare: Linux stops short of a target that is too large, and tries on. The target stays when the guest restarts.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">The size is negative, too large, or not in whole pages.</exception>
    public long TargetSize
    {
        get => Volatile.Read(ref _target) * (long)PageSize;
        set
        {
            uint pages = ToPages(value, nameof(value));
            lock (_gate)
            {
                if (_target == pages)
                {
                    return;
                }

                Volatile.Write(ref _target, pages);
                SettleIfReached();
            }

            NotifyConfigurationChanged();
        }
    }

    /// <summary>How much memory is in the balloon, in bytes, as the guest says. 0 where no driver is there.</summary>
    public long ActualSize => Volatile.Read(ref _actual) * (long)PageSize;

    /// <summary>What the device has done.</summary>
    public BalloonCounters Counters { get; } = new();

    /// <summary>Waits until the guest says that the balloon has the size of the target, as it is then.</summary>
    /// <param name="cancellationToken">Ends the waiting. A guest may never come so far.</param>
    /// <returns>A task that ends when <see cref="ActualSize"/> is <see cref="TargetSize"/>; at once where it is.</returns>
    /// <exception cref="InvalidOperationException">The machine has ended.</exception>
    public Task WaitForTargetAsync(CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            if (_isEnded)
            {
                throw Ended();
            }

            if (_actual == _target)
            {
                return Task.CompletedTask;
            }

            _settled ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _settled.Task.WaitAsync(cancellationToken);
        }
    }

    /// <inheritdoc/>
    protected internal override void ReadConfiguration(int offset, Span<byte> data)
    {
        Span<byte> configuration = stackalloc byte[ConfigurationSize];
        lock (_gate)
        {
            Compose(configuration);
        }

        configuration.Slice(offset, data.Length).CopyTo(data);
    }

    /// <inheritdoc/>
    /// <remarks>The driver's own are the actual size and the poison; the other two numbers stay as they are.</remarks>
    protected internal override void WriteConfiguration(int offset, ReadOnlySpan<byte> data)
    {
        Span<byte> configuration = stackalloc byte[ConfigurationSize];
        lock (_gate)
        {
            Compose(configuration);
            data.CopyTo(configuration[offset..]);
            Volatile.Write(ref _actual, BinaryPrimitives.ReadUInt32LittleEndian(configuration[ActualOffset..]));
            Volatile.Write(ref _poison, BinaryPrimitives.ReadUInt32LittleEndian(configuration[PoisonOffset..]));
            SettleIfReached();
        }
    }

    /// <inheritdoc/>
    protected internal override void OnActivated() => FindQueues();

    /// <inheritdoc/>
    protected internal override void OnReset()
    {
        ForgetChains();
        lock (_gate)
        {
            // Nobody has the pages in hand any more: whatever comes next has all of its memory.
            _actual = 0;
            _poison = 0;
            SettleIfReached();
        }

        ForgetStatistics(static () => new InvalidOperationException("The guest's driver has reset the balloon, or the machine has ended, before it told its statistics. Ask again once a driver is there."));
    }

    /// <inheritdoc/>
    protected internal override void OnQueueReset(Virtqueue queue)
    {
        ArgumentNullException.ThrowIfNull(queue);
        ForgetChains(queue);
    }

    /// <inheritdoc/>
    protected internal override void OnEnded()
    {
        lock (_gate)
        {
            _isEnded = true;
            if (_settled?.TrySetException(Ended()) == true)
            {
                _ = _settled.Task.Exception; // seen, for those who wait may have left
            }
        }

        ForgetStatistics(Ended);
    }

    /// <inheritdoc/>
    protected internal override void Process(Virtqueue queue)
    {
        ArgumentNullException.ThrowIfNull(queue);
        bool hasMore = queue.Index switch
        {
            InflateQueue => Inflate(queue),
            DeflateQueue => Deflate(queue),
            int index when index == _statisticsQueue => ReadStatistics(queue),
            int index when index == _reportingQueue => TakeReports(queue),
            _ => false, // no queue of what was agreed upon
        };
        if (hasMore)
        {
            Wake();
        }
    }

    private static InvalidOperationException Ended() => new("The machine has ended, and the guest with it.");

    private static uint ToPages(long size, string parameter)
    {
        if (size is < 0 or > MaxSize || size % PageSize != 0)
        {
            throw new ArgumentOutOfRangeException(
                parameter, size, $"A balloon cannot have {size} bytes: give a multiple of {PageSize} from 0 to {MaxSize}.");
        }

        return (uint)(size / PageSize);
    }

    private void Compose(Span<byte> configuration)
    {
        configuration.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(configuration[TargetOffset..], _target);
        BinaryPrimitives.WriteUInt32LittleEndian(configuration[ActualOffset..], _actual);
        BinaryPrimitives.WriteUInt32LittleEndian(configuration[PoisonOffset..], _poison);
    }

    /// <summary>Lets go those who wait for the target; the lock is held.</summary>
    private void SettleIfReached()
    {
        if (_actual == _target)
        {
            _settled?.TrySetResult();
            _settled = null;
        }
    }
}
