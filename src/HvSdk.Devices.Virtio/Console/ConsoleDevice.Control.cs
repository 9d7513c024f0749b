using System.Buffers.Binary;
using System.Text;

namespace HvSdk.Devices.Virtio;

/// <content>Control messages (virtio 1.2, 5.3.6.2).</content>
public sealed partial class ConsoleDevice
{
    private const int ControlReceiveQueue = 2;
    private const int ControlTransmitQueue = 3;
    private const int MaxMessagesPerLook = QueueSize;
    private const int MaxMessageSize = ConsoleControl.Size + MaxNameLength;

    private bool _isDriverReady;
    private long _ignoredMessages;

    /// <summary>Control messages of the driver that mean nothing: too short, of no port, or of a kind that drivers do not send.</summary>
    public long IgnoredMessages => Interlocked.Read(ref _ignoredMessages);

    /// <summary>Does what the driver says.</summary>
    /// <returns>True: there is more to do.</returns>
    private bool ReadMessages(Virtqueue queue)
    {
        Span<byte> bytes = stackalloc byte[ConsoleControl.Size];
        for (int i = 0; i < MaxMessagesPerLook; i++)
        {
            if (!queue.TryTake(out DescriptorChain? chain))
            {
                return FindQueue(ControlReceiveQueue) is { } control && SendMessages(control);
            }

            int read = chain.Read(0, bytes);
            queue.Complete(chain, 0);
            if (!Has(MultiportFeature) || read < bytes.Length || !TryObey(ConsoleControl.Read(bytes)))
            {
                Interlocked.Increment(ref _ignoredMessages);
            }
        }

        return true;
    }

    private bool TryObey(ConsoleControl message)
    {
        ConsolePort? port = null;
        bool isUnderstood;
        lock (_gate)
        {
            ConsoleSlot? slot = message.Port < (uint)_slots.Length ? _slots[message.Port] : null;
            switch (message.Event)
            {
                case ConsoleEvent.DeviceReady:
                    SetDriverReady(message.Value != 0);
                    isUnderstood = true;
                    break;
                case ConsoleEvent.PortReady when slot is { IsAnnounced: true, Port: not null }:
                    SetPortReady(slot, message.Value != 0);
                    isUnderstood = true;
                    break;
                case ConsoleEvent.PortOpen when slot is { IsReady: true }:
                    port = slot.Port;
                    isUnderstood = true;
                    break;
                default:
                    isUnderstood = false;
                    break;
            }
        }

        // Outside the lock, for the host hears of it.
        port?.SetGuestOpen(message.Value != 0);
        if (port is { Number: 0, IsGuestOpen: true } && FindQueue(0) is { } queue && _slots[0].Deliver(queue))
        {
            Wake(); // the other ports' queues have their turn after this one
        }

        return isUnderstood;
    }

    private void SetDriverReady(bool isReady)
    {
        _isDriverReady = isReady;
        foreach (ConsoleSlot slot in _slots)
        {
            slot.IsAnnounced = slot.IsReady = false;
            slot.Due = isReady && slot.Port is not null ? DueMessages.Add : DueMessages.None;
        }
    }

    private static void SetPortReady(ConsoleSlot slot, bool isReady)
    {
        slot.IsReady = isReady;
        if (!isReady)
        {
            slot.Due &= DueMessages.Remove | DueMessages.Add;
            return;
        }

        ConsolePort port = slot.Port!;
        slot.Due |= port.IsConsole ? DueMessages.ConsolePort | DueMessages.Resize : DueMessages.None;
        slot.Due |= port.Name is not null ? DueMessages.Name : DueMessages.None;
        slot.Due |= port.IsOpen ? DueMessages.Open : DueMessages.None;
    }

    /// <summary>Tells the driver what is due, as far as it has given room for it.</summary>
    /// <returns>True: there is more to do.</returns>
    private bool SendMessages(Virtqueue queue)
    {
        Span<byte> bytes = stackalloc byte[MaxMessageSize];
        int count = 0;
        lock (_gate)
        {
            foreach (ConsoleSlot slot in _slots)
            {
                while (TryFindMessage(slot, out DueMessages message))
                {
                    if (count++ == MaxMessagesPerLook)
                    {
                        return true;
                    }

                    if (!queue.TryTake(out DescriptorChain? chain))
                    {
                        return false;
                    }

                    int length = Compose(slot, message, bytes);
                    if (chain.WritableLength < length)
                    {
                        queue.Complete(chain, 0); // no room in this one: the next may do
                        continue;
                    }

                    queue.Complete(chain, chain.Write(0, bytes[..length]));
                    slot.Due &= ~message;
                    slot.IsAnnounced |= message == DueMessages.Add;
                }
            }
        }

        return false;
    }

    /// <summary>The first message that is due: they are numbered in the order in which drivers want them.</summary>
    private bool TryFindMessage(ConsoleSlot slot, out DueMessages message)
    {
        if (!Has(SizeFeature))
        {
            slot.Due &= ~DueMessages.Resize;
        }

        DueMessages due = slot.Due;
        if ((due & DueMessages.Open) != 0 && slot.Port is { IsOpen: false, IsGuestOpen: true } port && !port.Input.IsEmpty)
        {
            due &= ~DueMessages.Open; // the guest reads on to the last byte first
        }

        message = (DueMessages)((int)due & -(int)due);
        return message != DueMessages.None;
    }

    private int Compose(ConsoleSlot slot, DueMessages message, Span<byte> bytes)
    {
        ConsolePort? port = slot.Port;
        (ConsoleEvent @event, ushort value) = message switch
        {
            DueMessages.Remove => (ConsoleEvent.DeviceRemove, (ushort)0),
            DueMessages.Add => (ConsoleEvent.DeviceAdd, (ushort)0),
            DueMessages.ConsolePort => (ConsoleEvent.ConsolePort, (ushort)1),
            DueMessages.Name => (ConsoleEvent.PortName, (ushort)1),
            DueMessages.Resize => (ConsoleEvent.Resize, (ushort)0),
            _ => (ConsoleEvent.PortOpen, port is { IsOpen: true } ? (ushort)1 : (ushort)0),
        };
        new ConsoleControl((uint)slot.Number, @event, value).Write(bytes);
        Span<byte> rest = bytes[ConsoleControl.Size..];
        switch (message)
        {
            case DueMessages.Name:
                return ConsoleControl.Size + Encoding.ASCII.GetBytes(port!.Name, rest);
            case DueMessages.Resize:
                BinaryPrimitives.WriteUInt16LittleEndian(rest, (ushort)(_sendsRowsFirst ? port!.Rows : port!.Columns));
                BinaryPrimitives.WriteUInt16LittleEndian(rest[2..], (ushort)(_sendsRowsFirst ? port.Columns : port.Rows));
                return ConsoleControl.Size + ConsoleControl.ResizeSize;
            default:
                return ConsoleControl.Size;
        }
    }
}
