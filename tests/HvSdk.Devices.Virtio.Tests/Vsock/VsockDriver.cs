using System.Runtime.InteropServices;
using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests.Vsock;

/// <summary>The guest's driver of a vsock device, packet by packet. One thread at a time.</summary>
internal sealed class VsockDriver(VirtioMmioDriver driver, GuestArena arena, int receiveBufferLength = 4096)
{
    public const uint GuestCid = 3;
    private const int MaxPayload = 64 << 10;

    private readonly Dictionary<ushort, ulong> _offered = [];
    private readonly Dictionary<ushort, ulong> _sending = [];
    private readonly Stack<ulong> _free = new();

    public VirtqueueDriver Receiving => driver.Queues[0];

    public VirtqueueDriver Sending => driver.Queues[1];

    /// <summary>Takes the device into use, and offers buffers for what it sends.</summary>
    public void Start(ulong features, int receiveBuffers, int sendBuffers = 8)
    {
        driver.Start(features);
        _offered.Clear();
        _sending.Clear();
        _free.Clear();
        for (int i = 0; i < sendBuffers; i++)
        {
            _free.Push(arena.Allocate(VsockHeader.Size + MaxPayload));
        }

        Offer(receiveBuffers);
    }

    public void Offer(int buffers)
    {
        for (int i = 0; i < buffers; i++)
        {
            Offer(arena.Allocate((ulong)receiveBufferLength));
        }

        Notify(Receiving);
    }

    /// <summary>A packet of a connection's, from the guest's port to the host's.</summary>
    public static VsockHeader Packet(VsockOperation operation, uint guestPort, uint hostPort, uint length = 0) => new()
    {
        SourceCid = GuestCid,
        DestinationCid = VsockHeader.HostCid,
        SourcePort = guestPort,
        DestinationPort = hostPort,
        Length = length,
        Type = VsockHeader.StreamType,
        Operation = operation,
        BufferAllocation = 64 << 10,
    };

    public void Send(in VsockHeader header, ReadOnlySpan<byte> payload = default) => Assert.True(TrySend(header, payload), "All of the driver's buffers are in use.");

    /// <summary>Sends a packet; false where all buffers are in use.</summary>
    public bool TrySend(in VsockHeader header, ReadOnlySpan<byte> payload)
    {
        while (Sending.TryTakeUsed(out UsedBuffer used))
        {
            _sending.Remove(used.Id, out ulong address);
            _free.Push(address);
        }

        if (!_free.TryPop(out ulong buffer))
        {
            return false;
        }

        arena.Memory.Write(buffer, MemoryMarshal.AsBytes(new ReadOnlySpan<VsockHeader>(in header)));
        arena.Memory.Write(buffer + VsockHeader.Size, payload);
        _sending[Sending.Add(new DriverBuffer(buffer, (uint)(VsockHeader.Size + payload.Length), IsWritable: false))] = buffer;
        Notify(Sending);
        return true;
    }

    /// <summary>Takes the device's next packet and offers its buffer anew.</summary>
    public bool TryReceive(out VsockHeader header, out byte[] payload, bool offersAnew = true)
    {
        header = default;
        payload = [];
        if (!Receiving.TryTakeUsed(out UsedBuffer used))
        {
            return false;
        }

        Assert.True(_offered.Remove(used.Id, out ulong buffer));
        Assert.InRange(used.Written, (uint)VsockHeader.Size, (uint)receiveBufferLength);
        arena.Memory.Read(buffer, MemoryMarshal.AsBytes(new Span<VsockHeader>(ref header)));
        Assert.Equal(used.Written - VsockHeader.Size, header.Length);
        payload = new byte[header.Length];
        arena.Memory.Read(buffer + VsockHeader.Size, payload);
        if (offersAnew)
        {
            Offer(buffer);
            Notify(Receiving);
        }

        return true;
    }

    /// <summary>Takes the device's next packet, which must be there and as said.</summary>
    public VsockHeader Receive(VsockOperation operation, out byte[] payload)
    {
        Assert.True(TryReceive(out VsockHeader header, out payload), $"The device sent nothing where {operation} was due.");
        Assert.Equal(operation, header.Operation);
        Assert.Equal(VsockHeader.HostCid, header.SourceCid);
        Assert.Equal(GuestCid, header.DestinationCid);
        return header;
    }

    public VsockHeader Receive(VsockOperation operation) => Receive(operation, out _);

    public void ReceivesNothing() => Assert.False(TryReceive(out VsockHeader header, out _), $"The device sent {header.Operation}, where nothing was due.");

    private void Offer(ulong buffer) => _offered[Receiving.Add(new DriverBuffer(buffer, (uint)receiveBufferLength, IsWritable: true))] = buffer;

    private static void Notify(VirtqueueDriver queue)
    {
        if (queue.WantsNotification)
        {
            queue.Notify();
        }
    }
}
