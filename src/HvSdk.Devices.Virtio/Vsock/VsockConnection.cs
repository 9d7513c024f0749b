using System.IO.Pipelines;

namespace HvSdk.Devices.Virtio;

/// <summary>A connection between the host and a guest: bytes both ways, in order and without loss, as over a TCP connection.</summary>
/// <remarks>
/// <para>
/// <see cref="Input"/> is what the guest sends; it ends when the guest shuts its sending side down, and throws a <see cref="VsockException"/> when the connection breaks.
/// The guest can send <see cref="VsockDeviceOptions.ReceiveBufferSize"/> bytes ahead of what was read, no more.
/// <see cref="Output"/> is what the guest gets; its flush waits while <see cref="VsockDeviceOptions.SendBufferSize"/> bytes wait for the guest. Completing it shuts the
/// sending side down behind what was written, and the other direction stays open; completing it with an exception resets the connection.
/// </para>
/// <para>Each of the two is used by one thread at a time, as all pipes are; both at once is fine.</para>
/// </remarks>
public sealed partial class VsockConnection : IDuplexPipe, IAsyncDisposable
{
    private readonly VsockDevice _device;
    private readonly Pipe _received;
    private readonly Pipe _sending;
    private readonly TaskCompletionSource? _connected;
    private int _hostFlags;
    private int _isReady;
    private int _hasStream;

    internal VsockConnection(VsockDevice device, uint localPort, uint remotePort, bool isOutgoing)
    {
        _device = device;
        LocalPort = localPort;
        RemotePort = remotePort;
        _state = isOutgoing ? State.Connecting : State.Connected;

        // What the guest may send is bounded by its credit, so that this pipe never pauses its writer.
        _received = new Pipe(new PipeOptions(pauseWriterThreshold: 0, useSynchronizationContext: false));
        int capacity = device.Options.SendBufferSize;
        _sending = new Pipe(new PipeOptions(pauseWriterThreshold: capacity, resumeWriterThreshold: capacity / 2, useSynchronizationContext: false));
        Input = new VsockInput(this, _received.Reader);
        Output = new VsockOutput(this, _sending.Writer);
        if (isOutgoing)
        {
            _connected = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
        else
        {
            _isResponseDue = true;
        }
    }

    /// <summary>The host's port.</summary>
    public uint LocalPort { get; }

    /// <summary>The guest's port.</summary>
    public uint RemotePort { get; }

    /// <summary>What the guest sends.</summary>
    public PipeReader Input { get; }

    /// <summary>What the guest gets.</summary>
    public PipeWriter Output { get; }

    /// <summary>Completes when the guest has answered.</summary>
    internal Task Connected => _connected?.Task ?? Task.CompletedTask;

    private bool IsInputCompleted => (Volatile.Read(ref _hostFlags) & HostFlags.InputCompleted) != 0;

    private bool IsOutputCompleted => (Volatile.Read(ref _hostFlags) & HostFlags.OutputCompleted) != 0;

    private bool IsAborted => (Volatile.Read(ref _hostFlags) & HostFlags.Aborted) != 0;

    /// <summary>The connection as a stream, which owns it: disposing of the stream disposes of the connection. To be asked for once, in place of the two pipes.</summary>
    /// <returns>A stream that reads and writes; what it writes is on its way at once, without a flush.</returns>
    /// <exception cref="InvalidOperationException">The stream was asked for already.</exception>
    public Stream AsStream() => Interlocked.Exchange(ref _hasStream, 1) == 0
        ? new VsockStream(this)
        : throw new InvalidOperationException("The connection's stream exists already. Keep it, or use the two pipes.");

    /// <summary>Resets the connection: what waits on either side is lost, and both ends break. Any thread may call, at any time.</summary>
    public void Abort()
    {
        Interlocked.Or(ref _hostFlags, HostFlags.Aborted);
        _device.MarkReady(this);
    }

    /// <summary>
    /// Closes both directions, and returns at once. What was written still goes to the guest; one that does not take it within
    /// <see cref="VsockDeviceOptions.CloseTimeout"/> is reset.
    /// </summary>
    public ValueTask DisposeAsync()
    {
        Close();
        return ValueTask.CompletedTask;
    }

    internal void Close()
    {
        Output.Complete();
        Input.CancelPendingRead();
        Input.Complete();
    }

    /// <summary>The host has flushed bytes for the guest.</summary>
    internal void OnFlushed(long bytes)
    {
        if (bytes > 0)
        {
            Volatile.Write(ref _flushed, _flushed + bytes);
            _device.MarkReady(this);
        }
    }

    /// <summary>The host writes no more.</summary>
    internal void OnOutputCompleted(long lastBytes, bool isAborted)
    {
        Volatile.Write(ref _flushed, _flushed + lastBytes);
        Interlocked.Or(ref _hostFlags, isAborted ? HostFlags.Aborted | HostFlags.OutputCompleted : HostFlags.OutputCompleted);
        _device.MarkReady(this);
    }

    /// <summary>The host has read bytes of the guest's.</summary>
    /// <param name="bytes">How many.</param>
    /// <param name="wantsMore">It waits for more than there is.</param>
    internal void OnConsumed(uint bytes, bool wantsMore)
    {
        Volatile.Write(ref _consumed, _consumed + bytes);
        Volatile.Write(ref _wantsMore, wantsMore);
        if (IsCreditDue())
        {
            _device.MarkReady(this);
        }
    }

    /// <summary>The host reads no more.</summary>
    internal void OnInputCompleted()
    {
        Interlocked.Or(ref _hostFlags, HostFlags.InputCompleted);
        _device.MarkReady(this);
    }

    /// <summary>Notes whether the connection is among those that have something for the guest, and returns what it was.</summary>
    internal bool ExchangeReady(bool isReady) => Interlocked.Exchange(ref _isReady, isReady ? 1 : 0) != 0;

    private static class HostFlags
    {
        public const int OutputCompleted = 1;
        public const int InputCompleted = 2;
        public const int Aborted = 4;
    }
}
