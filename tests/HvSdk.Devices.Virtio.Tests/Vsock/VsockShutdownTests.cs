using System.IO.Pipelines;

namespace HvSdk.Devices.Virtio.Tests.Vsock;

/// <summary>How connections end (virtio 1.2, 5.10.6.6).</summary>
public sealed class VsockShutdownTests
{
    private const uint HostPort = 1024;
    private const uint GuestPort = 5000;

    [Fact]
    public async Task Output_Completed_ShutsSendingDownBehindTheData()
    {
        using var vsock = new VsockBench();
        using VsockListener listener = vsock.Device.Listen(HostPort);
        VsockConnection connection = await vsock.AcceptAsync(listener, GuestPort);
        connection.Output.GetSpan(3)[..3].Fill(7);
        connection.Output.Advance(3);

        await connection.Output.CompleteAsync();
        vsock.Work();

        Assert.Equal(3U, vsock.Guest.Receive(VsockOperation.ReadWrite).Length);
        Assert.Equal((uint)VsockShutdown.Send, vsock.Guest.Receive(VsockOperation.Shutdown).Flags);
        vsock.Send(VsockDriver.Packet(VsockOperation.ReadWrite, GuestPort, HostPort, 1), [9]); // the other way is open
        Assert.Equal(1, (await connection.Input.ReadAsync()).Buffer.Length);
    }

    [Fact]
    public async Task Guest_ThatShutsSendingDown_EndsTheInputBehindTheData()
    {
        using var vsock = new VsockBench();
        using VsockListener listener = vsock.Device.Listen(HostPort);
        VsockConnection connection = await vsock.AcceptAsync(listener, GuestPort);
        vsock.Send(VsockDriver.Packet(VsockOperation.ReadWrite, GuestPort, HostPort, 2), [1, 2]);
        SendShutdown(vsock, VsockShutdown.Send);

        ReadResult read = await connection.Input.ReadAsync();

        Assert.Equal(2, read.Buffer.Length);
        Assert.True(read.IsCompleted);
        await connection.Output.WriteAsync(new byte[4]);
        vsock.Work();
        Assert.Equal(4U, vsock.Guest.Receive(VsockOperation.ReadWrite).Length);
    }

    [Fact]
    public async Task Guest_ThatShutsReceivingDown_EndsTheOutput()
    {
        using var vsock = new VsockBench();
        using VsockListener listener = vsock.Device.Listen(HostPort);
        VsockConnection connection = await vsock.AcceptAsync(listener, GuestPort);

        SendShutdown(vsock, VsockShutdown.Receive);

        Assert.True((await connection.Output.WriteAsync(new byte[4])).IsCompleted);
        await Assert.ThrowsAsync<VsockException>(() => connection.AsStream().WriteAsync(new byte[4]).AsTask());
    }

    [Fact]
    public async Task Guest_ThatShutsBothDown_GetsAResetAndTheHostAnEnd()
    {
        using var vsock = new VsockBench();
        using VsockListener listener = vsock.Device.Listen(HostPort);
        VsockConnection connection = await vsock.AcceptAsync(listener, GuestPort);
        vsock.Send(VsockDriver.Packet(VsockOperation.ReadWrite, GuestPort, HostPort, 2), [1, 2]);

        SendShutdown(vsock, VsockShutdown.Both);

        vsock.Guest.Receive(VsockOperation.Reset);
        Assert.Equal(0, vsock.Device.ConnectionCount);
        ReadResult read = await connection.Input.ReadAsync();
        Assert.True(read is { IsCompleted: true, Buffer.Length: 2 });
        Assert.True((await connection.Output.FlushAsync()).IsCompleted);
    }

    [Fact]
    public async Task Dispose_WithDataToSend_SendsItAndThenShutsBothDown()
    {
        using var vsock = new VsockBench();
        using VsockListener listener = vsock.Device.Listen(HostPort);
        VsockConnection connection = await vsock.AcceptAsync(listener, GuestPort, guestBuffer: 10);
        await connection.Output.WriteAsync(new byte[15]);

        await connection.DisposeAsync();
        vsock.Work();

        Assert.Equal(10U, vsock.Guest.Receive(VsockOperation.ReadWrite).Length);
        vsock.Guest.Receive(VsockOperation.CreditRequest);
        Assert.Equal((uint)VsockShutdown.Receive, vsock.Guest.Receive(VsockOperation.Shutdown).Flags);
        vsock.Guest.ReceivesNothing();
        VsockHeader update = VsockDriver.Packet(VsockOperation.CreditUpdate, GuestPort, HostPort);
        update.ForwardCount = 10;
        vsock.Send(update);
        Assert.Equal(5U, vsock.Guest.Receive(VsockOperation.ReadWrite).Length);
        Assert.Equal((uint)VsockShutdown.Both, vsock.Guest.Receive(VsockOperation.Shutdown).Flags);
        vsock.Send(VsockDriver.Packet(VsockOperation.Reset, GuestPort, HostPort));
        Assert.Equal(0, vsock.Device.ConnectionCount);
        vsock.Guest.ReceivesNothing();
    }

    [Fact]
    public async Task Dispose_WithoutTheGuestsConsent_ResetsInTime()
    {
        using var vsock = new VsockBench();
        using VsockListener listener = vsock.Device.Listen(HostPort);
        await (await vsock.AcceptAsync(listener, GuestPort)).DisposeAsync();
        vsock.Work();
        vsock.Guest.Receive(VsockOperation.Shutdown);

        vsock.Bench.Slot.Time.Advance(TimeSpan.FromSeconds(7));
        vsock.Work();
        vsock.Guest.ReceivesNothing();
        vsock.Bench.Slot.Time.Advance(TimeSpan.FromSeconds(2));
        vsock.Work();

        vsock.Guest.Receive(VsockOperation.Reset);
        Assert.Equal(0, vsock.Device.ConnectionCount);
        Assert.Equal(0, vsock.Bench.Slot.Time.ActiveTimers);
    }

    [Fact]
    public async Task Guest_ThatResets_BreaksBothEnds()
    {
        using var vsock = new VsockBench();
        using VsockListener listener = vsock.Device.Listen(HostPort);
        VsockConnection connection = await vsock.AcceptAsync(listener, GuestPort);

        vsock.Send(VsockDriver.Packet(VsockOperation.Reset, GuestPort, HostPort));

        Assert.Equal(VsockError.Reset, (await Assert.ThrowsAsync<VsockException>(() => connection.Input.ReadAsync().AsTask())).Error);
        Assert.Equal(VsockError.Reset, (await Assert.ThrowsAsync<VsockException>(() => connection.Output.WriteAsync(new byte[1]).AsTask())).Error);
        await connection.DisposeAsync();
        vsock.Work();
        vsock.Guest.ReceivesNothing();
    }

    [Fact]
    public async Task Abort_WithDataToSend_ResetsAtOnce()
    {
        using var vsock = new VsockBench();
        using VsockListener listener = vsock.Device.Listen(HostPort);
        VsockConnection connection = await vsock.AcceptAsync(listener, GuestPort);
        await connection.Output.WriteAsync(new byte[15]);

        connection.Abort();
        vsock.Work();

        vsock.Guest.Receive(VsockOperation.Reset);
        vsock.Guest.ReceivesNothing();
        Assert.Equal(VsockError.Aborted, (await Assert.ThrowsAsync<VsockException>(() => connection.Input.ReadAsync().AsTask())).Error);
    }

    [Fact]
    public async Task Output_CompletedWithAnError_Resets()
    {
        using var vsock = new VsockBench();
        using VsockListener listener = vsock.Device.Listen(HostPort);
        VsockConnection connection = await vsock.AcceptAsync(listener, GuestPort);

        await connection.Output.CompleteAsync(new InvalidOperationException("no more"));
        vsock.Work();

        vsock.Guest.Receive(VsockOperation.Reset);
    }

    [Fact]
    public async Task Stream_DisposedOfDuringARead_EndsTheRead()
    {
        using var vsock = new VsockBench();
        using VsockListener listener = vsock.Device.Listen(HostPort);
        Stream stream = (await vsock.AcceptAsync(listener, GuestPort)).AsStream();
        Task<int> reading = stream.ReadAsync(new byte[10]).AsTask();

        await stream.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => reading.WaitAsync(VsockBench.Limit));
        vsock.Work();
        Assert.Equal((uint)VsockShutdown.Both, vsock.Guest.Receive(VsockOperation.Shutdown).Flags);
    }

    private static void SendShutdown(VsockBench vsock, VsockShutdown flags)
    {
        VsockHeader shutdown = VsockDriver.Packet(VsockOperation.Shutdown, GuestPort, HostPort);
        shutdown.Flags = (uint)flags;
        vsock.Send(shutdown);
    }
}
