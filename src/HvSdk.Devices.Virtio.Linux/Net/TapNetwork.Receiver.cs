using HvSdk.Devices.Virtio.Linux.Interop;

namespace HvSdk.Devices.Virtio.Linux;

/// <content>The thread that brings the interface's frames to the guest.</content>
public sealed partial class TapNetwork
{
    // One queue's turn before the next one's.
    private const int FramesInTurn = 64;

    private void Receive()
    {
        byte[] buffer = new byte[NetworkHeader.Length + NetworkDevice.MaxFrameLength];
        try
        {
            while (!Volatile.Read(ref _isEnded))
            {
                bool hasMore = false;
                foreach (TunQueue queue in _queues)
                {
                    hasMore |= Receive(queue, buffer);
                }

                if (!hasMore && !_poll.Wait())
                {
                    return;
                }
            }
        }
        catch (ObjectDisposedException)
        {
            // The end.
        }
    }

    /// <summary>Brings some frames of one queue; false where it has no more.</summary>
    private bool Receive(TunQueue queue, byte[] buffer)
    {
        for (int n = 0; n < FramesInTurn; n++)
        {
            int count = queue.Read(buffer);
            if (count == -LibC.EAGAIN)
            {
                return false;
            }

            if (count < 0 && count != -LibC.EINTR)
            {
                End($"The interface {queue.InterfaceName} cannot be read any more: {TunError.Text(-count)}.");
                return false;
            }

            // While the device has no room, further frames stay with the kernel, which drops what is too much.
            if (count > NetworkHeader.Length
                && NetworkHeader.TryRead(buffer, out FrameOffload offload)
                && !_delivery.TryDeliver(_port!, buffer.AsSpan(NetworkHeader.Length, count - NetworkHeader.Length), offload))
            {
                return false;
            }
        }

        return true;
    }
}
