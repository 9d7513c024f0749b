using System.IO.Pipelines;

namespace HvSdk.Devices.Virtio;

/// <summary>The host's end of what it sends to the guest: a pipe's writer that tells the device's worker of what was flushed.</summary>
internal sealed class VsockOutput(VsockConnection connection, PipeWriter inner) : PipeWriter
{
    public override bool CanGetUnflushedBytes => true;

    public override long UnflushedBytes => inner.UnflushedBytes;

    public override void Advance(int bytes) => inner.Advance(bytes);

    public override Memory<byte> GetMemory(int sizeHint = 0) => inner.GetMemory(sizeHint);

    public override Span<byte> GetSpan(int sizeHint = 0) => inner.GetSpan(sizeHint);

    public override void CancelPendingFlush() => inner.CancelPendingFlush();

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        // A token that is cancelled already flushes nothing, hence the difference.
        long before = inner.UnflushedBytes;
        ValueTask<FlushResult> flush = inner.FlushAsync(cancellationToken);
        connection.OnFlushed(before - inner.UnflushedBytes);
        return flush;
    }

    public override void Complete(Exception? exception = null)
    {
        // An error is the host's own; the guest gets a reset for it, and what was not flushed is not sent.
        long rest = exception is null ? inner.UnflushedBytes : 0;
        inner.Complete();
        connection.OnOutputCompleted(rest, isAborted: exception is not null);
    }
}
