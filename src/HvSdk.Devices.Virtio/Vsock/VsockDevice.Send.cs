using System.Buffers;

namespace HvSdk.Devices.Virtio;

/// <content>What the guest gets: connections take turns, one packet each. Runs on the worker.</content>
public sealed partial class VsockDevice
{
    // The largest packet that Linux sends; drivers' buffers are smaller than that in most cases.
    private const int MaxDataLength = 64 << 10;

    private readonly VsockStrays _strays = new();
    private long _bytesToGuest;

    private void SendToGuest(Virtqueue queue)
    {
        for (int left = MaxPacketsPerLook; left > 0; left--)
        {
            if (!TrySendNext(queue))
            {
                return;
            }
        }

        Wake();
    }

    /// <summary>Does one thing for the guest; false where there is none, or no room in the guest's queue: it tells when there is.</summary>
    private bool TrySendNext(Virtqueue queue)
    {
        if (_strays.TryPeek(out VsockHeader packet))
        {
            if (!queue.TryTake(out DescriptorChain? chain))
            {
                return false;
            }

            Complete(chain, chain.TryWrite(0, Answer(packet)) ? VsockHeader.Size : 0);
            _strays.Remove();
            return true;
        }

        return _table.TakeReady() is { } connection && TrySendNext(queue, connection);
    }

    private bool TrySendNext(Virtqueue queue, VsockConnection connection)
    {
        bool wasRequested = connection.IsRequestSent || !connection.IsConnecting;
        connection.Observe();
        VsockOperation operation = connection.NextOperation();
        if (operation == VsockOperation.Invalid)
        {
            return true;
        }

        if (operation == VsockOperation.Reset && !wasRequested)
        {
            _table.Remove(connection); // the guest has never heard of it
            connection.End(null);
            return true;
        }

        if (!queue.TryTake(out DescriptorChain? chain))
        {
            MarkReadyQuietly(connection);
            return false;
        }

        if (chain.WritableLength < VsockHeader.Size)
        {
            Complete(chain, 0);
        }
        else if (operation == VsockOperation.ReadWrite)
        {
            SendData(connection, chain);
        }
        else
        {
            chain.TryWrite(0, connection.Describe(operation, 0));
            Complete(chain, VsockHeader.Size);
            if (operation == VsockOperation.Reset)
            {
                _table.Remove(connection);
                connection.End(null);
            }
        }

        MarkReadyQuietly(connection);
        return true;
    }

    /// <summary>Copies bytes from the host's pipe right into the guest's buffers.</summary>
    private void SendData(VsockConnection connection, DescriptorChain chain)
    {
        if (!connection.TryPeekPending(long.Min(MaxDataLength, chain.WritableLength - VsockHeader.Size), out ReadOnlySequence<byte> data))
        {
            Complete(chain, 0);
            return;
        }

        // A buffer without room for data gets a packet of none, which the driver passes over.
        int length = (int)data.Length;
        chain.TryWrite(0, connection.Describe(VsockOperation.ReadWrite, length));
        long offset = VsockHeader.Size;
        foreach (ReadOnlyMemory<byte> part in data)
        {
            chain.Write(offset, part.Span);
            offset += part.Length;
        }

        connection.TakePending(data);
        Complete(chain, offset);
        Interlocked.Add(ref _bytesToGuest, length);
    }

    private VsockHeader Answer(in VsockHeader packet) => new()
    {
        SourceCid = VsockHeader.HostCid,
        DestinationCid = Options.GuestCid,
        SourcePort = packet.DestinationPort,
        DestinationPort = packet.SourcePort,
        Type = packet.Type,
        Operation = VsockOperation.Reset,
    };

    private static void Complete(DescriptorChain chain, long written) => chain.Queue.Complete(chain, written);
}
