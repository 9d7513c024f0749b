using System.Buffers;
using System.IO.Pipelines;
using System.Threading.Channels;

namespace HvSdk.Devices.Virtio.Tests.Vsock;

/// <summary>A guest's socket as a stream. The members that are no stream's are the peer's thread's.</summary>
internal sealed class VsockPeerSocket(uint guestPort, uint hostPort) : Stream
{
    private readonly Channel<byte[]> _input = Channel.CreateUnbounded<byte[]>();
    private readonly Pipe _output = new(new PipeOptions(pauseWriterThreshold: 64 << 10, resumeWriterThreshold: 32 << 10, useSynchronizationContext: false));
    private ReadOnlyMemory<byte> _current;
    private uint _consumed;

    public uint GuestPort => guestPort;

    public uint HostPort => hostPort;

    public TaskCompletionSource<Stream>? Connected { get; init; }

    public uint Buffer { get; set; }

    public uint Forwarded { get; set; }

    public uint Received { get; set; }

    public uint Sent { get; set; }

    public uint Advertised { get; set; }

    public uint Consumed => Volatile.Read(ref _consumed);

    public VsockShutdown HostShutdown { get; set; }

    public bool IsSendingEnded { get; set; }

    public bool IsShutDown { get; set; }

    public volatile bool IsDisposed;

    public uint Credit => uint.Min(Buffer - (Sent - Forwarded), 1 << 20);

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public void Deliver(byte[] payload) => _input.Writer.TryWrite(payload);

    public void EndInput() => _input.Writer.TryComplete();

    public void End(Exception? error)
    {
        _input.Writer.TryComplete(error);
        _output.Reader.Complete(error);
        IsSendingEnded = true;
        Connected?.TrySetException(error ?? new IOException("ended"));
    }

    public bool TryTakeOutput(int limit, out byte[] payload, out bool isLast)
    {
        payload = [];
        isLast = false;
        if (!_output.Reader.TryRead(out ReadResult result))
        {
            return false;
        }

        ReadOnlySequence<byte> part = result.Buffer.Slice(0, long.Min(limit, result.Buffer.Length));
        payload = part.ToArray();
        isLast = result.IsCompleted && payload.Length == result.Buffer.Length;
        _output.Reader.AdvanceTo(part.End);
        return true;
    }

    /// <summary>Sends no more; what comes can still be read.</summary>
    public void ShutDownSending() => _output.Writer.Complete();

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (_current.IsEmpty)
        {
            if (!await _input.Reader.WaitToReadAsync(cancellationToken))
            {
                return 0;
            }

            if (_input.Reader.TryRead(out byte[]? next))
            {
                _current = next;
            }
        }

        int length = int.Min(buffer.Length, _current.Length);
        _current[..length].CopyTo(buffer);
        _current = _current[length..];
        Volatile.Write(ref _consumed, _consumed + (uint)length);
        return length;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        await _output.Writer.WriteAsync(buffer, cancellationToken);

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer, offset, count, default).GetAwaiter().GetResult();

    public override void Write(byte[] buffer, int offset, int count) => WriteAsync(buffer, offset, count, default).GetAwaiter().GetResult();

    public override void Flush()
    {
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        IsDisposed = true;
        _output.Writer.Complete();
        base.Dispose(disposing);
    }
}
