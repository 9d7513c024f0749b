using System.IO.Pipelines;

namespace HvSdk.Devices.Virtio.Tests.Vsock;

/// <summary>The socket device, packet by packet (virtio 1.2, 5.10.6).</summary>
public sealed class VsockProtocolTests
{
    private const uint HostPort = 1024;
    private const uint GuestPort = 5000;

    [Fact]
    public void Configuration_Read_IsTheGuestsCid()
    {
        using var vsock = new VsockBench(new VsockDeviceOptions { GuestCid = 0xFFFF_FFFE });

        Assert.Equal(0xFFFF_FFFEUL, vsock.Bench.Driver.ReadConfiguration(0, 8));
        Assert.Equal(0UL, vsock.Bench.Driver.ReadConfiguration(4, 4));
    }

    [Fact]
    public async Task Connect_ByHost_IsRequestedAndAnswered()
    {
        using var vsock = new VsockBench();
        Task<VsockConnection> connecting = vsock.Device.ConnectAsync(GuestPort).AsTask();
        vsock.Work();
        VsockHeader request = vsock.Guest.Receive(VsockOperation.Request);
        Assert.Equal(GuestPort, request.DestinationPort);
        Assert.Equal(256U << 10, request.BufferAllocation);

        vsock.Send(VsockDriver.Packet(VsockOperation.Response, GuestPort, request.SourcePort));
        VsockConnection connection = await connecting.WaitAsync(VsockBench.Limit);

        Assert.Equal(request.SourcePort, connection.LocalPort);
        Assert.Equal(GuestPort, connection.RemotePort);
        Assert.Equal(1, vsock.Device.ConnectionCount);
    }

    [Fact]
    public async Task Connect_ToPortWithoutListener_IsRefused()
    {
        using var vsock = new VsockBench();
        Task<VsockConnection> connecting = vsock.Device.ConnectAsync(GuestPort).AsTask();
        vsock.Work();
        VsockHeader request = vsock.Guest.Receive(VsockOperation.Request);

        vsock.Send(VsockDriver.Packet(VsockOperation.Reset, GuestPort, request.SourcePort));

        Assert.Equal(VsockError.Refused, (await Assert.ThrowsAsync<VsockException>(() => connecting.WaitAsync(VsockBench.Limit))).Error);
        Assert.Equal(0, vsock.Device.ConnectionCount);
    }

    [Fact]
    public async Task Connect_WithoutAnswer_TimesOutAndIsReset()
    {
        using var vsock = new VsockBench();
        Task<VsockConnection> connecting = vsock.Device.ConnectAsync(GuestPort).AsTask();
        vsock.Work();
        vsock.Guest.Receive(VsockOperation.Request);

        vsock.Bench.Slot.Time.Advance(TimeSpan.FromSeconds(10));

        Assert.Equal(VsockError.TimedOut, (await Assert.ThrowsAsync<VsockException>(() => connecting.WaitAsync(VsockBench.Limit))).Error);
        vsock.Work();
        vsock.Guest.Receive(VsockOperation.Reset);
        Assert.Equal(0, vsock.Device.ConnectionCount);
    }

    [Fact]
    public async Task Connect_CancelledBeforeItsRequest_LeavesNothing()
    {
        using var vsock = new VsockBench();
        using var cancellation = new CancellationTokenSource();
        Task<VsockConnection> connecting = vsock.Device.ConnectAsync(GuestPort, cancellation.Token).AsTask();

        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => connecting.WaitAsync(VsockBench.Limit));
        vsock.Work();
        vsock.Guest.ReceivesNothing();
        Assert.Equal(0, vsock.Device.ConnectionCount);
    }

    [Fact]
    public async Task Connect_WithoutDriver_SaysSo()
    {
        var error = await Assert.ThrowsAsync<VsockException>(() => new VsockDevice().ConnectAsync(1).AsTask());
        Assert.Equal(VsockError.NoDriver, error.Error);
    }

    [Fact]
    public async Task Data_BothWays_Arrives()
    {
        using var vsock = new VsockBench();
        using VsockListener listener = vsock.Device.Listen(HostPort);
        VsockConnection connection = await vsock.AcceptAsync(listener, GuestPort);

        vsock.Send(VsockDriver.Packet(VsockOperation.ReadWrite, GuestPort, HostPort, 5), "hello"u8);
        ReadResult read = await connection.Input.ReadAsync();
        Assert.Equal("hello"u8.ToArray(), System.Buffers.BuffersExtensions.ToArray(read.Buffer));
        connection.Input.AdvanceTo(read.Buffer.End);
        await connection.Output.WriteAsync("world!"u8.ToArray());
        vsock.Work();

        VsockHeader header = vsock.Guest.Receive(VsockOperation.ReadWrite, out byte[] payload);
        Assert.Equal("world!"u8.ToArray(), payload);
        Assert.Equal(5U, header.ForwardCount);
        Assert.Equal(GuestPort, header.DestinationPort);
        Assert.Equal(HostPort, header.SourcePort);
        Assert.Equal(5, vsock.Device.BytesFromGuest);
        Assert.Equal(6, vsock.Device.BytesToGuest);
    }

    [Fact]
    public void Request_WithoutListener_IsReset()
    {
        using var vsock = new VsockBench();

        vsock.Send(VsockDriver.Packet(VsockOperation.Request, GuestPort, HostPort));

        VsockHeader reset = vsock.Guest.Receive(VsockOperation.Reset);
        Assert.Equal((HostPort, GuestPort), (reset.SourcePort, reset.DestinationPort));
    }

    [Fact]
    public async Task Request_BeyondLimitOrBacklog_IsReset()
    {
        using var vsock = new VsockBench(new VsockDeviceOptions { MaxConnections = 3 });
        using VsockListener small = vsock.Device.Listen(1, backlog: 1);
        using VsockListener large = vsock.Device.Listen(2);

        vsock.Send(VsockDriver.Packet(VsockOperation.Request, 10, 1));
        vsock.Guest.Receive(VsockOperation.Response);
        vsock.Send(VsockDriver.Packet(VsockOperation.Request, 11, 1));
        vsock.Guest.Receive(VsockOperation.Reset);
        await vsock.AcceptAsync(large, 12);
        await vsock.AcceptAsync(large, 13);
        vsock.Send(VsockDriver.Packet(VsockOperation.Request, 14, 2));

        vsock.Guest.Receive(VsockOperation.Reset);
        Assert.Equal(3, vsock.Device.ConnectionCount);
        Assert.Equal(VsockError.TooManyConnections, (await Assert.ThrowsAsync<VsockException>(() => vsock.Device.ConnectAsync(1).AsTask())).Error);
    }

    [Fact]
    public async Task Packets_WithoutRoomInTheGuestsQueue_WaitAndAreCoalesced()
    {
        using var vsock = new VsockBench(receiveBuffers: 1);
        using VsockListener listener = vsock.Device.Listen(HostPort);
        vsock.Guest.Send(VsockDriver.Packet(VsockOperation.Request, GuestPort, HostPort));
        vsock.Work();
        Assert.True(vsock.Guest.TryReceive(out _, out _, offersAnew: false));
        await listener.AcceptAsync();

        for (int i = 0; i < 1000; i++)
        {
            vsock.Send(VsockDriver.Packet(VsockOperation.CreditRequest, GuestPort, HostPort));
        }

        vsock.Guest.Offer(4);
        vsock.Work();
        vsock.Guest.Receive(VsockOperation.CreditUpdate);
        vsock.Guest.ReceivesNothing();
    }

    [Fact]
    public void Strays_WithoutRoomInTheGuestsQueue_HoldTheGuestUpAndAreAllAnswered()
    {
        using var vsock = new VsockBench(receiveBuffers: 0);
        const int Count = 200;
        VsockDriver guest = new(vsock.Bench.Driver, vsock.Bench.Arena);
        int sent = 0;
        guest.Start(0, receiveBuffers: 0, sendBuffers: 100);
        while (sent < Count && guest.TrySend(VsockDriver.Packet(VsockOperation.ReadWrite, (uint)sent, 1), []))
        {
            sent++;
            vsock.Work();
        }

        Assert.Equal(164, sent); // 100 that wait, and 64 whose answers do
        for (int i = 0; i < sent; i++)
        {
            guest.Offer(1);
            vsock.Work();
            Assert.Equal((uint)i, guest.Receive(VsockOperation.Reset).DestinationPort);
            vsock.Work();
        }

        guest.ReceivesNothing();
    }

    [Fact]
    public async Task Reset_OfTheDevice_BreaksAllConnectionsAndKeepsTheListeners()
    {
        using var vsock = new VsockBench();
        using VsockListener listener = vsock.Device.Listen(HostPort);
        VsockConnection accepted = await vsock.AcceptAsync(listener, GuestPort);
        vsock.Send(VsockDriver.Packet(VsockOperation.Request, GuestPort + 1, HostPort)); // in the backlog
        Task<VsockConnection> connecting = vsock.Device.ConnectAsync(GuestPort).AsTask();
        Task<ReadResult> reading = accepted.Input.ReadAsync().AsTask();

        vsock.Restart();

        Assert.Equal(VsockError.DeviceReset, (await Assert.ThrowsAsync<VsockException>(() => connecting.WaitAsync(VsockBench.Limit))).Error);
        Assert.Equal(VsockError.DeviceReset, (await Assert.ThrowsAsync<VsockException>(() => reading.WaitAsync(VsockBench.Limit))).Error);
        await Assert.ThrowsAsync<VsockException>(() => accepted.Output.WriteAsync(new byte[1]).AsTask());
        Assert.Equal(0, vsock.Device.ConnectionCount);
        Assert.Equal(GuestPort + 7, (await vsock.AcceptAsync(listener, GuestPort + 7)).RemotePort);
    }

    [Fact]
    public async Task Listener_WhenTheMachineEnds_Ends()
    {
        using var vsock = new VsockBench();
        VsockListener listener = vsock.Device.Listen(HostPort);
        Task<VsockConnection> accepting = listener.AcceptAsync().AsTask();

        vsock.Bench.Slot.End();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => accepting.WaitAsync(VsockBench.Limit));
        Assert.Throws<ObjectDisposedException>(() => vsock.Device.Listen(1));
    }
}
