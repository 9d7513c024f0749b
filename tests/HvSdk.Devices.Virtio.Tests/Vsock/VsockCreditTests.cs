using System.IO.Pipelines;

namespace HvSdk.Devices.Virtio.Tests.Vsock;

/// <summary>Who may send how much (virtio 1.2, 5.10.6.3).</summary>
public sealed class VsockCreditTests
{
    private const uint HostPort = 1024;
    private const uint GuestPort = 5000;
    private const int Buffer = 16 << 10;

    [Fact]
    public async Task Host_AtTheEndOfItsCredit_AsksAndWaits()
    {
        using var vsock = new VsockBench();
        using VsockListener listener = vsock.Device.Listen(HostPort);
        VsockConnection connection = await vsock.AcceptAsync(listener, GuestPort, guestBuffer: 1000);

        await connection.Output.WriteAsync(new byte[2500]);
        vsock.Work();

        Assert.Equal(1000U, vsock.Guest.Receive(VsockOperation.ReadWrite).Length);
        vsock.Guest.Receive(VsockOperation.CreditRequest);
        vsock.Guest.ReceivesNothing();
        SendUpdate(vsock, 1000, 400);
        Assert.Equal(400U, vsock.Guest.Receive(VsockOperation.ReadWrite).Length);
        vsock.Guest.Receive(VsockOperation.CreditRequest);
        SendUpdate(vsock, 2000, 1400);
        Assert.Equal(1100U, vsock.Guest.Receive(VsockOperation.ReadWrite).Length);
        vsock.Guest.ReceivesNothing();
    }

    [Theory]
    [InlineData(1000U, 0xFFFF_0000U)]
    [InlineData(0U, 100U)]
    [InlineData(10U, 0U)]
    public async Task Guest_WithCountsThatCannotBe_GetsNothing(uint buffer, uint forwarded)
    {
        using var vsock = new VsockBench();
        using VsockListener listener = vsock.Device.Listen(HostPort);
        VsockConnection connection = await vsock.AcceptAsync(listener, GuestPort, guestBuffer: 100);
        await connection.Output.WriteAsync(new byte[200]);
        vsock.Work();
        Assert.Equal(100U, vsock.Guest.Receive(VsockOperation.ReadWrite).Length);
        vsock.Guest.Receive(VsockOperation.CreditRequest);

        SendUpdate(vsock, buffer, forwarded);

        vsock.Guest.Receive(VsockOperation.CreditRequest);
        vsock.Guest.ReceivesNothing();
    }

    [Fact]
    public async Task Guest_BeyondItsCredit_IsReset()
    {
        using var vsock = new VsockBench(new VsockDeviceOptions { ReceiveBufferSize = Buffer });
        using VsockListener listener = vsock.Device.Listen(HostPort);
        VsockConnection connection = await vsock.AcceptAsync(listener, GuestPort);
        vsock.Send(VsockDriver.Packet(VsockOperation.ReadWrite, GuestPort, HostPort, Buffer), new byte[Buffer]);
        vsock.Guest.ReceivesNothing();

        vsock.Send(VsockDriver.Packet(VsockOperation.ReadWrite, GuestPort, HostPort, 1), [1]);

        vsock.Guest.Receive(VsockOperation.Reset);
        Assert.Equal(VsockError.ProtocolViolation, (await Assert.ThrowsAsync<VsockException>(() => connection.Input.ReadAsync().AsTask())).Error);
        Assert.Equal(0, vsock.Device.ConnectionCount);
    }

    [Fact]
    public async Task Guest_WhoseBytesWereRead_HearsOfItInQuarters()
    {
        using var vsock = new VsockBench(new VsockDeviceOptions { ReceiveBufferSize = Buffer });
        using VsockListener listener = vsock.Device.Listen(HostPort);
        VsockConnection connection = await vsock.AcceptAsync(listener, GuestPort);
        vsock.Send(VsockDriver.Packet(VsockOperation.ReadWrite, GuestPort, HostPort, Buffer), new byte[Buffer]);

        await Consume(connection, (Buffer / 4) - 1);
        vsock.Work();
        vsock.Guest.ReceivesNothing();
        await Consume(connection, 1);
        vsock.Work();

        Assert.Equal((uint)Buffer / 4, vsock.Guest.Receive(VsockOperation.CreditUpdate).ForwardCount);
        vsock.Guest.ReceivesNothing();
    }

    [Fact]
    public async Task Guest_ThatTheHostWaitsFor_HearsOfEachByte()
    {
        using var vsock = new VsockBench(new VsockDeviceOptions { ReceiveBufferSize = Buffer });
        using VsockListener listener = vsock.Device.Listen(HostPort);
        VsockConnection connection = await vsock.AcceptAsync(listener, GuestPort);
        vsock.Send(VsockDriver.Packet(VsockOperation.ReadWrite, GuestPort, HostPort, Buffer), new byte[Buffer]);

        // A message that begins at byte 10 and is as long as the buffer: the host keeps all and wants ten more.
        ReadResult read = await connection.Input.ReadAsync();
        connection.Input.AdvanceTo(read.Buffer.GetPosition(10), read.Buffer.End);
        vsock.Work();

        Assert.Equal(10U, vsock.Guest.Receive(VsockOperation.CreditUpdate).ForwardCount);
        vsock.Send(VsockDriver.Packet(VsockOperation.ReadWrite, GuestPort, HostPort, 10), new byte[10]);
        Assert.Equal(Buffer, (await connection.Input.ReadAsync()).Buffer.Length);
    }

    [Fact]
    public async Task Host_WithoutReader_PausesTheWriter()
    {
        using var vsock = new VsockBench(new VsockDeviceOptions { SendBufferSize = Buffer });
        using VsockListener listener = vsock.Device.Listen(HostPort);
        VsockConnection connection = await vsock.AcceptAsync(listener, GuestPort, guestBuffer: 0);

        Task<FlushResult> flush = connection.Output.WriteAsync(new byte[Buffer]).AsTask();
        vsock.Work();
        Assert.False(flush.IsCompleted);
        vsock.Guest.Receive(VsockOperation.CreditRequest);
        SendUpdate(vsock, 1 << 20, 0);

        await flush.WaitAsync(VsockBench.Limit);
    }

    [Fact]
    public async Task Packets_InSteadyState_AllocateNothing()
    {
        using var vsock = new VsockBench();
        using VsockListener listener = vsock.Device.Listen(HostPort);
        VsockConnection connection = await vsock.AcceptAsync(listener, GuestPort);
        byte[] bytes = new byte[3000];
        int allocating = 0;
        for (uint i = 1; i <= 3000; i++)
        {
            VsockHeader header = VsockDriver.Packet(VsockOperation.ReadWrite, GuestPort, HostPort, (uint)bytes.Length);
            header.ForwardCount = (i - 1) * (uint)bytes.Length;
            vsock.Guest.Send(header, bytes);
            long before = GC.GetAllocatedBytesForCurrentThread();
            vsock.Work();
            Assert.True(connection.Input.TryRead(out ReadResult read));
            connection.Input.AdvanceTo(read.Buffer.End);
            await connection.Output.WriteAsync(bytes); // there is room, so that the test goes on on this thread
            vsock.Work();
            allocating += i > 1000 && GC.GetAllocatedBytesForCurrentThread() > before ? 1 : 0;
            while (vsock.Guest.TryReceive(out _, out _))
            {
            }
        }

        Assert.Equal(9_000_000, vsock.Device.BytesToGuest);

        // Of 2000; the runtime allocates for itself now and then (Allocations tells why).
        Assert.InRange(allocating, 0, 20);
    }

    private static void SendUpdate(VsockBench vsock, uint buffer, uint forwarded)
    {
        VsockHeader update = VsockDriver.Packet(VsockOperation.CreditUpdate, GuestPort, HostPort);
        update.BufferAllocation = buffer;
        update.ForwardCount = forwarded;
        vsock.Send(update);
    }

    private static async Task Consume(VsockConnection connection, int length)
    {
        ReadResult read = await connection.Input.ReadAsync();
        connection.Input.AdvanceTo(read.Buffer.GetPosition(length));
    }
}
