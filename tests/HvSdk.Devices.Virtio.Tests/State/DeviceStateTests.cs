using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using HvSdk.Devices.Virtio.Tests.Net;
using HvSdk.Devices.Virtio.Tests.Vsock;
using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests.State;

/// <summary>What each kind of device carries over, and what it says of what it does not.</summary>
public sealed class DeviceStateTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Block_RequestThatWaited_IsDoneOnce(bool isPci)
    {
        var storage = new MemoryStorage(1 << 16);
        var options = new BlockDeviceOptions { Operations = new RateLimit(1, 1) };
        using AnyBench bench = AnyBench.Create(new BlockDevice(storage, options), isPci);
        bench.Driver.Start();
        VirtqueueDriver queue = bench.Driver.Queues[0];
        ulong[] statuses = [Write(bench, 0, 0xAA), Write(bench, 1, 0xBB), Write(bench, 2, 0xCC)];
        bench.Work();
        Assert.True(queue.TryTakeUsed(out _));

        bench.Pause();
        string state = bench.SaveState();
        var other = new BlockDevice(storage);
        bench.Replace(other);
        bench.LoadState(state);
        bench.Work();

        Assert.True(queue.TryTakeUsed(out _));
        Assert.True(queue.TryTakeUsed(out _));
        Assert.False(queue.TryTakeUsed(out _));
        byte[] content = new byte[3 * 512];
        storage.Read(0, content);
        Assert.Equal([0xAA, 0xBB, 0xCC], new int[] { content[0], content[512], content[1024] });
        Assert.All(statuses, status => Assert.Equal(0, bench.Memory.Read<byte>(status)));
        Assert.Equal(2, other.Statistics.Writes);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Balloon_HalfInflated_GoesOnWithItsSizesAndItsStatistics(bool isPci)
    {
        const int target = 0, actual = 4, poison = 12; // in its configuration space (virtio 1.2, 5.5.4)
        var device = new BalloonDevice { TargetSize = 8 << 12 };
        using AnyBench bench = AnyBench.Create(device, isPci);
        bench.Driver.Start();
        bench.Driver.WriteConfiguration(actual, 3, 4);
        bench.Driver.WriteConfiguration(poison, 0xAAAA_AAAA, 4);
        byte[] statistic = [5, 0, 0, 0, 1, 0, 0, 0, 0, 0]; // VIRTIO_BALLOON_S_MEMTOT: 65536 bytes
        bench.Driver.Queues[2].Add(new DriverBuffer(bench.Arena.Allocate(statistic), (uint)statistic.Length, IsWritable: false));
        bench.Work();
        Assert.Equal(1UL << 16, device.MemoryStatistics?.TotalBytes);

        bench.Pause();
        string state = bench.SaveState();
        var other = new BalloonDevice();
        bench.Replace(other);
        bench.LoadState(state);
        bench.Work();

        Assert.Equal((8 << 12, 3 << 12), (other.TargetSize, other.ActualSize));
        uint[] configuration = [(uint)bench.Driver.ReadConfiguration(target, 4), (uint)bench.Driver.ReadConfiguration(actual, 4), (uint)bench.Driver.ReadConfiguration(poison, 4)];
        Assert.Equal([8, 3, 0xAAAA_AAAA], configuration);
        Assert.Equal(1UL << 16, other.MemoryStatistics?.TotalBytes);
        Task<BalloonMemoryStatistics> asked = other.RefreshStatisticsAsync();
        bench.Work();
        Assert.True(bench.Driver.Queues[2].TryTakeUsed(out _)); // the driver is asked, by the buffer that it gave the first device
        Assert.False(asked.IsCompleted);
        Task settled = other.WaitForTargetAsync();
        Assert.False(settled.IsCompleted);
        bench.Driver.WriteConfiguration(actual, 8, 4);
        Assert.True(settled.IsCompletedSuccessfully);
    }

    [Theory]
    [InlineData("TargetSize", -4096L)]
    [InlineData("TargetSize", 4095L)]
    [InlineData("ActualSize", 1L << 44)]
    public void Balloon_OfAnImpossibleSize_IsRefused(string field, long value)
    {
        using AnyBench bench = AnyBench.Create(new BalloonDevice(), isPci: false);
        bench.Driver.Start();
        bench.Pause();
        JsonNode state = JsonNode.Parse(bench.SaveState())!;
        StateText.Change(state, $"Device.Device.{field}", value);

        Assert.Contains($"{field} is {value}", Assert.Throws<ArgumentException>(() => bench.LoadState(state.ToJsonString())).Message, StringComparison.Ordinal);
        Assert.Equal(0, ((BalloonDevice)bench.Endpoint.Device).TargetSize);
        Assert.Equal(0U, bench.Driver.Status);
    }

    [Fact]
    public void Block_OverAnotherDisk_IsRefused()
    {
        using AnyBench bench = AnyBench.Create(new BlockDevice(new MemoryStorage(1 << 16)), isPci: false);
        bench.Driver.Start();
        bench.Pause();
        string state = bench.SaveState();
        bench.Replace(new BlockDevice(new MemoryStorage(1 << 17)));

        Assert.Contains("65536", Assert.Throws<ArgumentException>(() => bench.LoadState(state)).Message, StringComparison.Ordinal);
        Assert.Equal(0U, bench.Driver.Status);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Net_FramesOnTheirWay_ArriveOnce(bool isPci)
    {
        var cable = new NetworkPair();
        using var peer = new NetworkPeer(cable.Second);
        var device = new NetworkDevice(cable.First);
        using AnyBench bench = AnyBench.Create(device, isPci);
        bench.Driver.Start();
        for (int i = 0; i < 3; i++)
        {
            Assert.True(peer.TrySend(NetworkBench.Frame(100 + i)));
        }

        bench.Work();
        Assert.Equal([0], bench.Ask(2, [1, 1, 0x52, 0x54, 0, 1, 2, 3], 1)); // VIRTIO_NET_CTRL_MAC_ADDR_SET
        MacAddress address = device.MacAddress;

        bench.Pause();
        string state = bench.SaveState();
        var otherCable = new NetworkPair();
        using var otherPeer = new NetworkPeer(otherCable.Second);
        var other = new NetworkDevice(otherCable.First);
        bench.Replace(other);
        bench.LoadState(state);

        Assert.Equal(address, other.MacAddress);
        for (int i = 0; i < 3; i++)
        {
            byte[] received = bench.Ask(0, [], 2000);
            Assert.Equal(NetworkBench.Frame(100 + i), received[NetworkBench.HeaderLength..]);
        }

        bench.Ask(1, [.. new byte[NetworkBench.HeaderLength], .. NetworkBench.Frame(77)], 0);
        byte[] buffer = new byte[2000];
        Assert.True(otherPeer.TryReceive(buffer, out int length, out _));
        Assert.Equal(NetworkBench.Frame(77), buffer[..length]);
    }

    [Fact]
    public void Net_FrameThatTheBackEndHasNotTaken_IsSent()
    {
        var full = new Refusing();
        using AnyBench bench = AnyBench.Create(new NetworkDevice(full), isPci: false);
        bench.Driver.Start();
        bench.Ask(1, [.. new byte[NetworkBench.HeaderLength], .. NetworkBench.Frame(60)], 0);
        Assert.Equal(0, full.Taken);
        bench.Pause();
        string state = bench.SaveState();
        var open = new Refusing { Takes = true };
        bench.Replace(new NetworkDevice(open));
        bench.LoadState(state);

        bench.Work();

        Assert.Equal(1, open.Taken);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Vsock_Connections_AreResetAndTheGuestHearsOfIt(bool isPci)
    {
        var device = new VsockDevice();
        VsockListener listener = device.Listen(1024);
        using AnyBench bench = AnyBench.Create(device, isPci);
        bench.Driver.Start();
        SendPacket(bench, VsockDriver.Packet(VsockOperation.Request, 5000, 1024));
        Assert.Equal(VsockOperation.Response, Receive(bench).Operation);
        Assert.Equal(1, device.ConnectionCount);

        bench.Pause();
        string state = bench.SaveState();
        var other = new VsockDevice();
        bench.Replace(other);
        bench.LoadState(state);
        bench.Driver.Queues[2].Add(new DriverBuffer(bench.Arena.Allocate(8), 8, IsWritable: true));
        Assert.Equal([0, 0, 0, 0], bench.Ask(2, [], 8)[..4]);

        VsockHeader reset = Receive(bench);
        Assert.Equal((VsockOperation.Reset, 1024U, 5000U), (reset.Operation, reset.SourcePort, reset.DestinationPort));
        Assert.False(bench.Driver.Queues[2].TryTakeUsed(out _)); // told once
        VsockListener again = other.Listen(1024);
        SendPacket(bench, VsockDriver.Packet(VsockOperation.Request, 5001, 1024));
        Assert.Equal(VsockOperation.Response, Receive(bench).Operation);
        _ = listener;
        _ = again;
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Console_ChainHalfTaken_GivesTheRestOnce(bool isPci)
    {
        var options = new ConsoleDeviceOptions { Ports = [new() { IsConsole = true }, new() { Name = "agent", BufferSize = 64, WaitsForReader = true }] };
        var device = new ConsoleDevice(options);
        using AnyBench bench = AnyBench.Create(device, isPci);
        bench.Driver.Start();
        for (int i = 0; i < 16; i++)
        {
            bench.Driver.Queues[2].Add(new DriverBuffer(bench.Arena.Allocate(64), 64, IsWritable: true));
        }

        bench.Ask(3, [0, 0, 0, 0, 0, 0, 1, 0], 0); // DEVICE_READY
        bench.Ask(3, [1, 0, 0, 0, 3, 0, 1, 0], 0); // PORT_READY of port 1
        bench.Ask(3, [1, 0, 0, 0, 6, 0, 1, 0], 0); // PORT_OPEN of port 1
        byte[] sent = [.. Enumerable.Range(0, 1000).Select(static i => (byte)i)];
        bench.Driver.Queues[5].Add(new DriverBuffer(bench.Arena.Allocate(sent), (uint)sent.Length, IsWritable: false));
        bench.Work();
        Assert.True(device.Ports[1].IsGuestOpen);
        Assert.False(bench.Driver.Queues[5].TryTakeUsed(out _));

        bench.Pause();
        string state = bench.SaveState();
        PipeReader first = device.Ports[1].Pipe.Input;
        var other = new ConsoleDevice(options);
        bench.Replace(other);
        bench.LoadState(state);
        bench.Work();
        List<byte> received = [.. await ReadToEndAsync(first)];
        Assert.InRange(received.Count, 1, 999);
        while (received.Count < sent.Length)
        {
            ReadResult result = await other.Ports[1].Pipe.Input.ReadAsync(TestContext.Current.CancellationToken);
            foreach (ReadOnlyMemory<byte> part in result.Buffer)
            {
                received.AddRange(part.Span);
            }

            other.Ports[1].Pipe.Input.AdvanceTo(result.Buffer.End);
            bench.Work();
        }

        Assert.Equal(sent, received);
        Assert.True(other.Ports[1].IsGuestOpen);
        Assert.True(bench.Driver.Queues[5].TryTakeUsed(out _));
    }

    [Fact]
    public void Console_WithOtherPorts_IsRefused()
    {
        using AnyBench bench = AnyBench.Create(new ConsoleDevice(new ConsoleDeviceOptions { Ports = [new() { IsConsole = true }, new() { Name = "agent" }] }), isPci: false);
        bench.Driver.Start();
        bench.Pause();
        string state = bench.SaveState();
        bench.Replace(new ConsoleDevice(new ConsoleDeviceOptions { Ports = [new() { IsConsole = true }, new() { Name = "other" }] }));

        Assert.Contains("'agent'", Assert.Throws<ArgumentException>(() => bench.LoadState(state)).Message, StringComparison.Ordinal);
    }

    private static ulong Write(AnyBench bench, ulong sector, byte value)
    {
        byte[] request = new byte[16 + 512];
        request[0] = 1; // VIRTIO_BLK_T_OUT
        BinaryPrimitives.WriteUInt64LittleEndian(request.AsSpan(8), sector);
        request.AsSpan(16).Fill(value);
        ulong status = bench.Arena.Allocate([0xFF]);
        bench.Driver.Queues[0].Add(new DriverBuffer(bench.Arena.Allocate(request), (uint)request.Length, IsWritable: false), new DriverBuffer(status, 1, IsWritable: true));
        return status;
    }

    private static void SendPacket(AnyBench bench, VsockHeader header) => bench.Ask(1, MemoryMarshal.AsBytes(new ReadOnlySpan<VsockHeader>(in header)), 0);

    private static VsockHeader Receive(AnyBench bench) => MemoryMarshal.Read<VsockHeader>(bench.Ask(0, [], 256));

    private static async Task<byte[]> ReadToEndAsync(PipeReader reader)
    {
        List<byte> bytes = [];
        while (true)
        {
            ReadResult result = await reader.ReadAsync(TestContext.Current.CancellationToken);
            foreach (ReadOnlyMemory<byte> part in result.Buffer)
            {
                bytes.AddRange(part.Span);
            }

            reader.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted)
            {
                return [.. bytes];
            }
        }
    }

    /// <summary>A back-end without room, or with any.</summary>
    private sealed class Refusing : INetworkBackend
    {
        public bool Takes { get; init; }

        public int Taken { get; private set; }

        NetworkOffloads INetworkBackend.Takes => NetworkOffloads.None;

        NetworkOffloads INetworkBackend.Gives => NetworkOffloads.None;

        void INetworkBackend.Attach(INetworkPort port)
        {
        }

        bool INetworkBackend.TrySend(ReadOnlySpan<byte> frame, in FrameOffload offload)
        {
            Taken += Takes ? 1 : 0;
            return Takes;
        }

        void INetworkBackend.OnRoom()
        {
        }
    }
}
