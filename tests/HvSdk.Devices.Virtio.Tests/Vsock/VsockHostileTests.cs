using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests.Vsock;

/// <summary>Packets that no driver sends: no exception, no hang, no growth.</summary>
public sealed class VsockHostileTests
{
    private const uint HostPort = 1024;
    private const uint GuestPort = 5000;

    [Fact]
    public void Packet_CutAtAnyLength_IsDroppedOrAnswered()
    {
        using var vsock = new VsockBench();
        VsockHeader request = VsockDriver.Packet(VsockOperation.Request, GuestPort, HostPort);
        byte[] bytes = new byte[VsockHeader.Size];
        System.Runtime.InteropServices.MemoryMarshal.Write(bytes, request);
        for (int length = 1; length <= bytes.Length; length++)
        {
            vsock.Guest.Sending.Add(vsock.Bench.Readable(bytes.AsSpan(0, length)));
            vsock.Work();
            Assert.True(vsock.Guest.Sending.TryTakeUsed(out _));
        }

        Assert.Equal(VsockHeader.Size - 1, vsock.Device.PacketsDropped);
        vsock.Guest.Receive(VsockOperation.Reset);
        vsock.Guest.ReceivesNothing();
    }

    [Fact]
    public void Packet_OfAnotherCid_IsDropped()
    {
        using var vsock = new VsockBench();
        VsockHeader fromOther = VsockDriver.Packet(VsockOperation.Request, GuestPort, HostPort);
        fromOther.SourceCid = 4;
        VsockHeader toOther = VsockDriver.Packet(VsockOperation.Request, GuestPort, HostPort);
        toOther.DestinationCid = VsockDriver.GuestCid;

        vsock.Send(fromOther);
        vsock.Send(toOther);

        vsock.Guest.ReceivesNothing();
        Assert.Equal(2, vsock.Device.PacketsDropped);
    }

    [Fact]
    public void Packet_OfUnknownType_IsReset()
    {
        using var vsock = new VsockBench();
        using VsockListener listener = vsock.Device.Listen(HostPort);
        VsockHeader request = VsockDriver.Packet(VsockOperation.Request, GuestPort, HostPort);
        request.Type = 2;

        vsock.Send(request);

        Assert.Equal(2, vsock.Guest.Receive(VsockOperation.Reset).Type);
        Assert.Equal(0, vsock.Device.ConnectionCount);
    }

    [Theory]
    [InlineData((ushort)VsockOperation.Invalid, 0U)]
    [InlineData((ushort)VsockOperation.Request, 0U)]
    [InlineData((ushort)VsockOperation.Response, 0U)]
    [InlineData((ushort)8, 0U)]
    [InlineData((ushort)0xFFFF, 0U)]
    [InlineData((ushort)VsockOperation.ReadWrite, 1U)]
    [InlineData((ushort)VsockOperation.ReadWrite, uint.MaxValue)]
    public async Task Packet_ThatAConnectionCannotHave_ResetsIt(ushort operation, uint length)
    {
        using var vsock = new VsockBench();
        using VsockListener listener = vsock.Device.Listen(HostPort);
        VsockConnection connection = await vsock.AcceptAsync(listener, GuestPort);

        vsock.Send(VsockDriver.Packet((VsockOperation)operation, GuestPort, HostPort, length));

        vsock.Guest.Receive(VsockOperation.Reset);
        vsock.Guest.ReceivesNothing();
        Assert.Equal(VsockError.ProtocolViolation, (await Assert.ThrowsAsync<VsockException>(() => connection.Input.ReadAsync().AsTask())).Error);
        Assert.False(vsock.Bench.Driver.NeedsReset);
    }

    [Fact]
    public async Task Buffers_TooSmallForAPacket_ComeBackEmpty()
    {
        using var vsock = new VsockBench(receiveBuffers: 0);
        using VsockListener listener = vsock.Device.Listen(HostPort);
        vsock.Send(VsockDriver.Packet(VsockOperation.Request, GuestPort, HostPort));
        VsockConnection connection = await listener.AcceptAsync();
        await connection.Output.WriteAsync(new byte[10]);
        vsock.Guest.Receiving.Add(vsock.Bench.Writable(VsockHeader.Size - 1)); // for nothing
        vsock.Guest.Receiving.Add(vsock.Bench.Writable(VsockHeader.Size)); // for the response
        vsock.Guest.Receiving.Add(vsock.Bench.Writable(VsockHeader.Size)); // for data, without room
        vsock.Guest.Receiving.Add(vsock.Bench.Readable(1)); // not for the device
        vsock.Guest.Receiving.Notify();

        vsock.Work();

        Assert.Equal(0U, vsock.Guest.Receiving.TakeUsed().Written);
        Assert.Equal(44U, vsock.Guest.Receiving.TakeUsed().Written);
        Assert.Equal(44U, vsock.Guest.Receiving.TakeUsed().Written);
        Assert.Equal(0U, vsock.Guest.Receiving.TakeUsed().Written);
        vsock.Guest.Offer(1);
        vsock.Work();
        Assert.Equal(10U, vsock.Guest.Receive(VsockOperation.ReadWrite).Length);
    }

    [Theory]
    [MemberData(nameof(Rings.All), MemberType = typeof(Rings))]
    public async Task Packets_AtRandom_BreakOnlyTheirConnections(ulong features)
    {
        int rounds = Environment.GetEnvironmentVariable("HVSDK_LONG") == "1" ? 2_000_000 : 20_000;
        var options = new VsockDeviceOptions { MaxConnections = 20, ReceiveBufferSize = 4096 };
        var device = new VsockDevice(options);
        using var bench = new Bench(device);
        var guest = new VsockDriver(bench.Driver, bench.Arena, receiveBufferLength: 256);
        var random = new Random(unchecked((int)features) + 11);
        ulong mark = bench.Arena.Mark;
        guest.Start(features, receiveBuffers: 8);
        using VsockListener first = device.Listen(0, backlog: 4);
        using VsockListener second = device.Listen(1, backlog: 4);
        List<VsockConnection> held = [];
        byte[] payload = new byte[5000];
        for (int round = 0; round < rounds; round++)
        {
            if (random.Next(2000) == 0)
            {
                bench.Arena.Clear(mark);
                guest.Start(features, receiveBuffers: 8);
            }

            guest.TrySend(RandomPacket(random), payload.AsSpan(0, random.Next(4) == 0 ? random.Next(payload.Length) : random.Next(8)));
            bench.Work();
            for (int i = random.Next(4); i > 0 && guest.TryReceive(out _, out _); i--)
            {
            }

            await Host(random, device, first, second, held);
            Assert.False(bench.Driver.NeedsReset, device.Fault);
            Assert.InRange(device.ConnectionCount, 0, options.MaxConnections);
        }

        // Still of use to a driver that behaves.
        bench.Arena.Clear(mark);
        guest.Start(features, receiveBuffers: 8);
        bench.Work();
        guest.Send(VsockDriver.Packet(VsockOperation.Request, 77, 0));
        bench.Work();
        guest.Receive(VsockOperation.Response);
    }

    private static VsockHeader RandomPacket(Random random)
    {
        VsockHeader packet = VsockDriver.Packet((VsockOperation)random.Next(9), (uint)random.Next(6), (uint)random.Next(3), (uint)random.Next(8));
        packet.Flags = (uint)random.Next(8) == 0 ? (uint)random.Next(4) : 0;
        packet.BufferAllocation = random.Next(4) == 0 ? (uint)random.Next() : 1000;
        packet.ForwardCount = random.Next(4) == 0 ? (uint)random.Next() : 0;
        switch (random.Next(30))
        {
            case 0:
                packet.SourceCid = (ulong)random.NextInt64();
                break;
            case 1:
                packet.DestinationCid = (ulong)random.NextInt64();
                break;
            case 2:
                packet.Type = (ushort)random.Next(4);
                break;
            case 3:
                packet.Length = (uint)random.NextInt64(1L << 32);
                break;
            case 4:
                packet.Operation = (VsockOperation)random.Next(0x10000);
                break;
            case 5:
                packet.SourcePort = packet.DestinationPort = uint.MaxValue;
                break;
        }

        return packet;
    }

    /// <summary>What a host does meanwhile, at random.</summary>
    private static async Task Host(Random random, VsockDevice device, VsockListener first, VsockListener second, List<VsockConnection> held)
    {
        switch (random.Next(12))
        {
            case 0:
                using (var cancellation = new CancellationTokenSource())
                {
                    ValueTask<VsockConnection> accepting = (random.Next(2) == 0 ? first : second).AcceptAsync(cancellation.Token);
                    if (accepting.IsCompleted)
                    {
                        held.Add(await accepting);
                        break;
                    }

                    await cancellation.CancelAsync();
                    await Assert.ThrowsAnyAsync<OperationCanceledException>(() => accepting.AsTask());
                }

                break;
            case 1 when held.Count > 0:
                VsockConnection closing = held[random.Next(held.Count)];
                held.Remove(closing);
                await closing.DisposeAsync();
                break;
            case 2 when held.Count > 0:
                held[random.Next(held.Count)].Abort();
                break;
            case 3 when held.Count > 0:
                if (held[random.Next(held.Count)] is var reading)
                {
                    try
                    {
                        if (reading.Input.TryRead(out System.IO.Pipelines.ReadResult read))
                        {
                            reading.Input.AdvanceTo(read.Buffer.End);
                        }
                    }
                    catch (VsockException)
                    {
                        held.Remove(reading);
                    }
                }

                break;
            case 4 when held.Count > 0:
                _ = Try<ReadOnlyMemory<byte>, System.IO.Pipelines.FlushResult>(held[random.Next(held.Count)].Output.WriteAsync, new byte[random.Next(3000)]);
                break;
            case 5 when device.ConnectionCount < 15:
                _ = Try(device.ConnectAsync, (uint)random.Next(6));
                break;
        }
    }

    /// <summary>Does what a connection's end may break. A write during another is the pipe's error.</summary>
    private static async Task Try<TArgument, TResult>(Func<TArgument, CancellationToken, ValueTask<TResult>> action, TArgument argument)
    {
        try
        {
            await action(argument, CancellationToken.None);
        }
        catch (Exception e) when (e is VsockException or InvalidOperationException)
        {
        }
    }
}
