using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace HvSdk.Devices.Virtio;

/// <summary>The host's end of what the guest sends: a pipe's reader that counts what was consumed, for that is the guest's credit (virtio 1.2, 5.10.6.3).</summary>
internal sealed class VsockInput(VsockConnection connection, PipeReader inner) : PipeReader
{
    private System.Buffers.ReadOnlySequence<byte> _buffer;

    public override bool TryRead(out ReadResult result)
    {
        bool hasRead = inner.TryRead(out result);
        if (hasRead)
        {
            _buffer = result.Buffer;
        }

        return hasRead;
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        ValueTask<ReadResult> read = inner.ReadAsync(cancellationToken);
        if (!read.IsCompletedSuccessfully)
        {
            return Await(read);
        }

        ReadResult result = read.Result;
        _buffer = result.Buffer;
        return new ValueTask<ReadResult>(result);
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        // Counted before, for the pipe takes the segments back; reported after, for only then is there room.
        long length = _buffer.IsEmpty ? 0 : _buffer.Slice(_buffer.Start, consumed).Length;
        bool wantsMore = _buffer.IsEmpty || examined.Equals(_buffer.End);
        _buffer = default;
        inner.AdvanceTo(consumed, examined);
        connection.OnConsumed((uint)length, wantsMore);
    }

    public override void CancelPendingRead() => inner.CancelPendingRead();

    public override void Complete(Exception? exception = null)
    {
        _buffer = default;
        inner.Complete(exception);
        connection.OnInputCompleted();
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReadResult> Await(ValueTask<ReadResult> read)
    {
        ReadResult result = await read.ConfigureAwait(false);
        _buffer = result.Buffer;
        return result;
    }
}
