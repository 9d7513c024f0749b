using System.Buffers.Binary;
using System.Net.Sockets;

namespace HvSdk.Devices.Virtio;

/// <summary>A network behind a stream socket, each frame led by its length in four bytes, the highest first: what passt, and QEMU's stream and socket networks speak.</summary>
/// <remarks>
/// Two threads of its own send and receive, so that a slow peer never holds up a device. A peer that goes away, or breaks the protocol, takes the link down for good;
/// <see cref="Completion"/> says so, and what the guest sends from then on is thrown away. Frames are whole, as on a wire.
/// </remarks>
/// <example>
/// <code>
/// // passt --socket /tmp/passt.socket
/// using var network = StreamNetwork.Connect("/tmp/passt.socket");
/// builder.AddDevice(new VirtioMmio(new NetworkDevice(network, new() { Mtu = 65520 })));
/// </code>
/// </example>
public sealed partial class StreamNetwork : INetworkBackend, IDisposable
{
    private const int LengthSize = sizeof(uint);
    private const int MinBufferSize = 256 << 10;
    private const int MaxBufferSize = 1 << 30;
    private const int ReceiveBufferSize = 256 << 10;

    private readonly object _gate = new();
    private readonly FrameDelivery _delivery = new();
    private readonly Socket _socket;
    private readonly FullNetwork _whenFull;
    private readonly TaskCompletionSource<string?> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly byte[] _output;
    private int _outputStart;
    private int _outputCount;
    private bool _hasRefused;
    private bool _isEnded;
    private INetworkPort? _port;
    private Thread? _sender;
    private Thread? _receiver;
    private long _dropped;

    /// <summary>Takes over a connected socket.</summary>
    /// <param name="socket">A stream socket, connected, which belongs to this object from now on.</param>
    /// <param name="whenFull">What happens to a guest's frames while the peer is slow.</param>
    /// <param name="bufferSize">Bytes that wait for the peer at most, 256 KiB to 1 GiB.</param>
    /// <exception cref="ArgumentException">The socket is no stream, or not connected.</exception>
    public StreamNetwork(Socket socket, FullNetwork whenFull = FullNetwork.Wait, int bufferSize = 1 << 20)
    {
        ArgumentNullException.ThrowIfNull(socket);
        if (socket.SocketType != SocketType.Stream || !socket.Connected)
        {
            throw new ArgumentException($"The socket is {(socket.Connected ? "connected" : "not connected")} and of type {socket.SocketType}. Give one of type Stream that is connected.", nameof(socket));
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(bufferSize, MinBufferSize);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bufferSize, MaxBufferSize);
        socket.Blocking = true;
        _socket = socket;
        _whenFull = whenFull;
        _output = new byte[bufferSize];
    }

    /// <summary>Connects to a unix socket.</summary>
    /// <param name="path">The socket's path.</param>
    /// <param name="whenFull">What happens to a guest's frames while the peer is slow.</param>
    /// <returns>The network.</returns>
    /// <exception cref="SocketException">Nobody listens there.</exception>
    public static StreamNetwork Connect(string path, FullNetwork whenFull = FullNetwork.Wait)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            return new StreamNetwork(socket, whenFull);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public NetworkOffloads Takes => NetworkOffloads.None;

    /// <inheritdoc/>
    public NetworkOffloads Gives => NetworkOffloads.None;

    /// <summary>Ends when the peer has gone: with what happened, or with null where it was <see cref="Dispose"/>. It never fails.</summary>
    public Task<string?> Completion => _completion.Task;

    /// <summary>Frames of the guest that were thrown away: the peer had gone, or was slow.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    /// <inheritdoc/>
    public void Attach(INetworkPort port)
    {
        ArgumentNullException.ThrowIfNull(port);
        if (Interlocked.CompareExchange(ref _port, port, null) is not null)
        {
            throw new InvalidOperationException($"This {nameof(StreamNetwork)} serves a device already. Make one for each device, with a connection of its own.");
        }

        lock (_gate)
        {
            if (_isEnded)
            {
                port.SetLink(false);
                return;
            }

            _sender = new Thread(Send) { IsBackground = true, Name = "network sender" };
            _receiver = new Thread(Receive) { IsBackground = true, Name = "network receiver" };
            _sender.Start();
            _receiver.Start();
        }
    }

    /// <inheritdoc/>
    public bool TrySend(ReadOnlySpan<byte> frame, in FrameOffload offload)
    {
        lock (_gate)
        {
            if (!_isEnded && LengthSize + frame.Length <= _output.Length - _outputCount)
            {
                Span<byte> length = stackalloc byte[LengthSize];
                BinaryPrimitives.WriteInt32BigEndian(length, frame.Length);
                bool wasEmpty = _outputCount == 0;
                Append(length);
                Append(frame);
                if (wasEmpty)
                {
                    Monitor.PulseAll(_gate);
                }

                return true;
            }

            if (!_isEnded && _whenFull == FullNetwork.Wait)
            {
                _hasRefused = true;
                return false;
            }
        }

        Interlocked.Increment(ref _dropped);
        return true;
    }

    /// <inheritdoc/>
    public void OnRoom() => _delivery.OnRoom();

    /// <summary>Closes the socket and ends the threads.</summary>
    public void Dispose()
    {
        End(null);
        foreach (Thread? thread in (ReadOnlySpan<Thread?>)[_sender, _receiver])
        {
            if (thread is not null && thread != Thread.CurrentThread)
            {
                thread.Join();
            }
        }
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        int at = (_outputStart + _outputCount) % _output.Length;
        int first = int.Min(bytes.Length, _output.Length - at);
        bytes[..first].CopyTo(_output.AsSpan(at));
        bytes[first..].CopyTo(_output);
        _outputCount += bytes.Length;
    }

    /// <summary>It is over: the threads end, and the guest sees the link go down.</summary>
    private void End(string? reason)
    {
        lock (_gate)
        {
            if (_isEnded)
            {
                return;
            }

            _isEnded = true;
            _outputCount = 0;
            Monitor.PulseAll(_gate);
        }

        _delivery.End();
        try
        {
            _socket.Shutdown(SocketShutdown.Both); // closing alone does not end a call that waits on another thread everywhere
        }
        catch (SocketException)
        {
            // The peer has gone.
        }
        catch (ObjectDisposedException)
        {
            // Somebody else has closed it.
        }

        _socket.Dispose();
        _port?.SetLink(false);
        _port?.OnRoom(); // a frame that waits is to be thrown away
        _completion.TrySetResult(reason);
    }
}
