using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using HvSdk.Devices.Virtio.Linux.Interop;

namespace HvSdk.Devices.Virtio.Linux;

/// <summary>A tap interface of a Linux host: what the guest sends comes to the host's kernel as if on a wire, to be routed, bridged or filtered there.</summary>
/// <remarks>
/// The interface goes with this object, unless it was there before ('ip tuntap add'). Address, bridge and 'up' are the administrator's affair, and need rights that joining an
/// interface made for the user does not. While it is down, and where the kernel has no room, frames of the guest are lost and counted, as on any wire.
/// A thread of its own brings frames to the guest. When the interface is deleted, the link goes down for good, and <see cref="Completion"/> says so.
/// </remarks>
/// <example>
/// <code>
/// // ip tuntap add dev guest0 mode tap user $USER; ip address add 10.8.0.1/24 dev guest0; ip link set guest0 up
/// using TapNetwork network = TapNetwork.Open("guest0");
/// builder.AddVirtio(new NetworkDevice(network));
/// </code>
/// </example>
[SupportedOSPlatform("linux")]
public sealed partial class TapNetwork : INetworkBackend, IDisposable
{
    private const string AnyName = "tap%d";

    private readonly object _gate = new();
    private readonly FrameDelivery _delivery = new();
    private readonly TunQueue[] _queues;
    private readonly TunPoll _poll;
    private readonly byte[] _header = GC.AllocateArray<byte>(NetworkHeader.Length, pinned: true);
    private readonly HostRange[] _vector = new HostRange[1 + MaxPieces];
    private readonly byte[] _output = new byte[NetworkHeader.Length + NetworkDevice.MaxFrameLength];
    private readonly TaskCompletionSource<string?> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private INetworkPort? _port;
    private Thread? _receiver;
    private bool _isEnded;
    private long _dropped;

    private TapNetwork(TunQueue[] queues, TunPoll poll, NetworkOffloads gives)
    {
        _queues = queues;
        _poll = poll;
        Gives = gives;
        _vector[0] = new HostRange(Marshal.UnsafeAddrOfPinnedArrayElement(_header, 0), NetworkHeader.Length);
    }

    /// <inheritdoc/>
    public NetworkOffloads Takes => NetworkOffloads.All;

    /// <inheritdoc/>
    public NetworkOffloads Gives { get; }

    /// <summary>The kernel's header comes before each frame.</summary>
    public int HeaderRoom => NetworkHeader.Length;

    /// <summary>The interface's name.</summary>
    public string Name => _queues[0].InterfaceName;

    /// <summary>Its queues.</summary>
    public int QueueCount => _queues.Length;

    /// <summary>Ends when the interface is gone: with what happened, or with null where it was <see cref="Dispose"/>. It never fails.</summary>
    public Task<string?> Completion => _completion.Task;

    /// <summary>Frames of the guest that the kernel did not take: the interface was down, or gone, or there was no room.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    /// <summary>Joins a tap interface, which is made where there is none of the name.</summary>
    /// <param name="name">The name, 1 to 15 characters without '/', ':' and white space; "%d" in it stands for the first free number; null: tap0, or the next that is free.</param>
    /// <param name="options">How; null: the defaults.</param>
    /// <exception cref="ArgumentException">The name is none, or an option is out of its range.</exception>
    /// <exception cref="PlatformNotSupportedException">This is not Linux.</exception>
    /// <exception cref="UnauthorizedAccessException">This user may not make or join it; the text says what to do.</exception>
    /// <exception cref="IOException">There is no /dev/net/tun, or the interface is in use, or it is no tap or one with other queues; the text says what to do.</exception>
    public static TapNetwork Open(string? name = null, TapNetworkOptions? options = null)
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new PlatformNotSupportedException($"{nameof(TapNetwork)} uses /dev/net/tun, which Linux alone has. {nameof(StreamNetwork)} and {nameof(NetworkPair)} work everywhere.");
        }

        options ??= new TapNetworkOptions();
        options.Validate();
        name ??= AnyName;
        RequireName(name);
        var queues = new List<TunQueue>();
        try
        {
            while (queues.Count < options.Queues)
            {
                // Those after the first join the interface by the name that it was given.
                queues.Add(TunQueue.Open(queues.Count == 0 ? name : queues[0].InterfaceName, options.Queues > 1, NetworkHeader.Length, options.Offloads));
            }

            return new TapNetwork([.. queues], new TunPoll(queues), options.Offloads);
        }
        catch
        {
            queues.ForEach(static queue => queue.Dispose());
            throw;
        }
    }

    /// <inheritdoc/>
    public void Attach(INetworkPort port)
    {
        ArgumentNullException.ThrowIfNull(port);
        if (Interlocked.CompareExchange(ref _port, port, null) is not null)
        {
            throw new InvalidOperationException($"This {nameof(TapNetwork)} serves a device already. Open an interface for each device.");
        }

        lock (_gate)
        {
            if (_isEnded)
            {
                port.SetLink(false);
                return;
            }

            _receiver = new Thread(Receive) { IsBackground = true, Name = $"network {Name}" };
            _receiver.Start();
        }
    }

    /// <inheritdoc/>
    public bool TrySend(ReadOnlySpan<byte> frame, in FrameOffload offload) => TrySend(frame, offload, queue: 0);

    /// <inheritdoc/>
    public bool TrySend(ReadOnlySpan<byte> frame, in FrameOffload offload, int queue)
    {
        frame.CopyTo(_output.AsSpan(NetworkHeader.Length));
        return TrySendInPlace(_output.AsSpan(0, NetworkHeader.Length + frame.Length), offload, queue);
    }

    /// <inheritdoc/>
    public bool TrySendInPlace(Span<byte> bytes, in FrameOffload offload, int queue)
    {
        NetworkHeader.Write(bytes, offload);
        return EndSend(_queues[queue % _queues.Length].Write(bytes));
    }

    /// <inheritdoc/>
    public void OnRoom() => _delivery.OnRoom();

    /// <summary>Leaves the interface, and ends the thread. Where it was made by <see cref="Open"/>, it goes.</summary>
    public void Dispose()
    {
        End(null);
        if (_receiver is { } receiver && receiver != Thread.CurrentThread)
        {
            receiver.Join();
        }

        _poll.Dispose();
    }

    private static void RequireName(string name)
    {
        const string forbidden = "/:";
        if (name.Length is 0 or >= Tun.IFNAMSIZ || name is "." or ".." || name.Any(static c => !char.IsAscii(c) || char.IsControl(c) || char.IsWhiteSpace(c) || forbidden.Contains(c)))
        {
            throw new ArgumentException(
                $"'{name}' is no name of an interface. Linux takes 1 to {Tun.IFNAMSIZ - 1} characters of ASCII without white space, '/' and ':': \"guest0\", or \"guest%d\" for the first free number.", nameof(name));
        }
    }

    /// <summary>Counts a frame that the kernel did not take: EIO, the interface is down; EBADFD, it is gone; others, there is no room.</summary>
    private bool EndSend(int error)
    {
        if (error == Tun.EBADFD)
        {
            End($"The interface {Name} is gone: somebody has deleted it.");
        }

        if (error != 0)
        {
            Interlocked.Increment(ref _dropped);
        }

        return true;
    }

    /// <summary>It is over: the thread ends, and the guest sees the link go down.</summary>
    private void End(string? reason)
    {
        lock (_gate)
        {
            if (_isEnded)
            {
                return;
            }

            Volatile.Write(ref _isEnded, true);
        }

        _delivery.End();
        _poll.End();
        foreach (TunQueue queue in _queues)
        {
            queue.Dispose();
        }

        _port?.SetLink(false);
        _completion.TrySetResult(reason);
    }
}
