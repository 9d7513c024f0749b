namespace HvSdk.Devices.Virtio;

/// <summary>User code at the end of a network: sends frames to a guest, and receives those that it sends.</summary>
/// <remarks>Frames that have not been received are kept up to a number of bytes; the guest waits then, or loses them, as the network has it.</remarks>
/// <example>
/// <code>
/// var cable = new NetworkPair();
/// builder.AddDevice(new VirtioMmio(new NetworkDevice(cable.First)));
/// using var peer = new NetworkPeer(cable.Second);
/// byte[] frame = new byte[NetworkDevice.MaxFrameLength];
/// int length = await peer.ReceiveAsync(frame);
/// </code>
/// </example>
public sealed class NetworkPeer : INetworkPort, IDisposable
{
    private const int MinCapacity = 256 << 10;

    private readonly Lock _reading = new();
    private readonly INetworkBackend _network;
    private readonly FrameQueue _frames;
    private readonly SemaphoreSlim _arrived = new(0, 1);
    private readonly SemaphoreSlim _room = new(0, 1);
    private long _malformed;
    private volatile bool _isDisposed;

    /// <summary>Takes the end of a network into use.</summary>
    /// <param name="network">The end, which nobody else uses.</param>
    /// <param name="takes">What may be left to do on frames that are received; by default nothing: they are as they would be on a wire.</param>
    /// <param name="capacity">Bytes of frames that wait at most; at least 256 KiB.</param>
    /// <exception cref="InvalidOperationException">The end is in use already.</exception>
    public NetworkPeer(INetworkBackend network, NetworkOffloads takes = NetworkOffloads.None, int capacity = 1 << 20)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, MinCapacity);
        _network = network;
        Takes = takes;
        _frames = new FrameQueue(capacity);
        network.Attach(this);
    }

    /// <inheritdoc/>
    public NetworkOffloads Takes { get; }

    /// <summary>Whether somebody is at the other end.</summary>
    public bool IsLinkUp { get; private set; } = true;

    /// <summary>Frames thrown away as they are no frames, or not what is said of them.</summary>
    public long Malformed => Interlocked.Read(ref _malformed);

    /// <summary>Sends a frame.</summary>
    /// <param name="frame">The frame: 14 to <see cref="NetworkDevice.MaxFrameLength"/> bytes.</param>
    /// <param name="offload">What is left to do; by default nothing.</param>
    /// <returns>False: there is no room now.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The frame is too short or too long.</exception>
    public bool TrySend(ReadOnlySpan<byte> frame, FrameOffload offload = default)
    {
        if (frame.Length is < FrameFinisher.MinFrameLength or > NetworkDevice.MaxFrameLength)
        {
            throw new ArgumentOutOfRangeException(nameof(frame), frame.Length, $"A frame has {FrameFinisher.MinFrameLength} to {NetworkDevice.MaxFrameLength} bytes.");
        }

        return _network.TrySend(frame, offload);
    }

    /// <summary>Sends a frame, and waits until there is room. One at a time.</summary>
    /// <param name="frame">The frame: 14 to <see cref="NetworkDevice.MaxFrameLength"/> bytes.</param>
    /// <param name="offload">What is left to do; by default nothing.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask SendAsync(ReadOnlyMemory<byte> frame, FrameOffload offload = default, CancellationToken cancellationToken = default)
    {
        while (!TrySend(frame.Span, offload))
        {
            await _room.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Receives a frame, where there is one.</summary>
    /// <param name="buffer">Gets it.</param>
    /// <param name="length">Its bytes.</param>
    /// <param name="offload">What is left to do, within <see cref="Takes"/>.</param>
    /// <returns>False: there is none now.</returns>
    /// <exception cref="ArgumentException">The buffer is too small for it; it can be received with a larger one.</exception>
    public bool TryReceive(Span<byte> buffer, out int length, out FrameOffload offload)
    {
        bool hasRoom;
        lock (_reading)
        {
            if (!_frames.TryPeek(out Span<byte> frame, out offload))
            {
                length = 0;
                return false;
            }

            length = frame.Length;
            if (length > buffer.Length)
            {
                throw new ArgumentException($"The frame has {length} bytes, and the buffer {buffer.Length}. {NetworkDevice.MaxFrameLength} are enough for all.", nameof(buffer));
            }

            frame.CopyTo(buffer);
            hasRoom = _frames.Release();
        }

        if (hasRoom)
        {
            _network.OnRoom();
        }

        return true;
    }

    /// <summary>Waits for a frame. One at a time.</summary>
    /// <param name="buffer">Gets it; best of <see cref="NetworkDevice.MaxFrameLength"/> bytes.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Its bytes.</returns>
    /// <exception cref="ArgumentException">The buffer is too small for it; it can be received with a larger one.</exception>
    public async ValueTask<int> ReceiveAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int length;
        while (!TryReceive(buffer.Span, out length, out _))
        {
            await _arrived.WaitAsync(cancellationToken).ConfigureAwait(false);
        }

        return length;
    }

    /// <summary>Ends all waits to come with an <see cref="ObjectDisposedException"/>. The end of the network stays in use: what is sent to it is thrown away.</summary>
    public void Dispose()
    {
        _isDisposed = true;
        _network.OnRoom();
        _arrived.Dispose();
        _room.Dispose();
    }

    bool INetworkPort.TryDeliver(ReadOnlySpan<byte> frame, in FrameOffload offload)
    {
        FrameOffload seen = offload;
        if (frame.Length is < FrameFinisher.MinFrameLength or > NetworkDevice.MaxFrameLength || !FrameFinisher.TryCheck(frame, ref seen))
        {
            Interlocked.Increment(ref _malformed);
            return true;
        }

        if (_isDisposed)
        {
            return true;
        }

        if (!_frames.TryAdd(frame, seen, out _))
        {
            return _isDisposed;
        }

        Release(_arrived);
        return true;
    }

    void INetworkPort.OnRoom() => Release(_room);

    void INetworkPort.SetLink(bool isUp) => IsLinkUp = isUp;

    private static void Release(SemaphoreSlim semaphore)
    {
        try
        {
            if (semaphore.CurrentCount == 0)
            {
                semaphore.Release();
            }
        }
        catch (SemaphoreFullException)
        {
            // Another thread was as fast: whoever waits is told already.
        }
        catch (ObjectDisposedException)
        {
            // Nobody waits any more.
        }
    }
}
