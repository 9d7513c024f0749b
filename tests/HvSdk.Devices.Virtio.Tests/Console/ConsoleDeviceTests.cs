using System.IO.Pipelines;
using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests.Console;

/// <summary>One console (virtio 1.2, 5.3): streams, back-pressure, size, emergency writes, resets.</summary>
public sealed class ConsoleDeviceTests
{
    [Fact]
    public void Identity_OfOneConsole_HasNoControlQueues()
    {
        using var driver = new ConsoleDriver(new ConsoleDevice());

        Assert.Equal(3U, driver.Bench.Driver.ReadRegister(0x08));
        Assert.Equal(ConsoleDriver.Size | ConsoleDriver.EmergencyWrite, driver.Bench.Driver.DeviceFeatures & 0xFF_FFFF);
        driver.Start(0);
        Assert.Equal(2, driver.Bench.Driver.Queues.Count);
    }

    [Theory]
    [MemberData(nameof(Rings.All), MemberType = typeof(Rings))]
    public async Task Output_OfManyPieces_ArrivesInOrder(ulong features)
    {
        var console = new ConsoleDevice();
        using var driver = new ConsoleDriver(console, features);
        PipeReader reader = console.Pipe.Input;
        byte[] sent = [.. Enumerable.Range(0, 3000).Select(static i => (byte)(i * 7))];

        foreach (byte[] piece in sent.Chunk(17))
        {
            Assert.True(driver.Write(0, piece));
        }

        Assert.Equal(sent, await reader.TakeAsync(sent.Length));
        Assert.Equal(sent.Length, console.Ports[0].BytesFromGuest);
    }

    [Theory]
    [MemberData(nameof(Rings.All), MemberType = typeof(Rings))]
    public async Task Input_LargerThanTheGuestsBuffers_ArrivesInOrder(ulong features)
    {
        var console = new ConsoleDevice();
        using var driver = new ConsoleDriver(console, features);
        byte[] sent = [.. Enumerable.Range(0, 1000).Select(static i => (byte)(i * 3))];
        await console.Pipe.Output.SendAsync(sent);
        Assert.Empty(driver.Take(0));

        driver.OfferRoom(0, 3);
        byte[] first = driver.Take(0);
        driver.OfferRoom(0, 3);
        byte[] second = driver.Take(0);

        Assert.Equal(3 * 256, first.Length);
        Assert.Equal(sent, first.Concat(second));
        Assert.Equal(1000, console.Ports[0].BytesToGuest);
    }

    [Fact]
    public async Task Input_WrittenBeforeTheDriverCame_WaitsForIt()
    {
        var console = new ConsoleDevice();
        using var driver = new ConsoleDriver(console);
        await console.Pipe.Output.SendAsync(1, 2, 3);

        driver.Start(0);
        driver.OfferRoom(0, 1);

        Assert.Equal([1, 2, 3], driver.Take(0));
    }

    [Fact]
    public async Task Input_GuestGivesNoRoom_TheHostsFlushWaits()
    {
        var console = new ConsoleDevice(new ConsoleDeviceOptions { Ports = [new() { IsConsole = true, BufferSize = 1024 }] });
        using var driver = new ConsoleDriver(console, 0);
        Task<FlushResult> write = console.Pipe.Output.WriteAsync(new byte[2048]).AsTask();
        Assert.False(write.IsCompleted);

        driver.OfferRoom(0, 8);

        Assert.Equal(2048, driver.Take(0).Length);
        await write.Within("the host's write");
    }

    [Fact]
    public async Task Output_HostDoesNotRead_TheGuestsBufferWaits()
    {
        var console = new ConsoleDevice(new ConsoleDeviceOptions { Ports = [new() { IsConsole = true, BufferSize = 1024, WaitsForReader = true }] });
        using var driver = new ConsoleDriver(console, 0);
        byte[] sent = [.. Enumerable.Range(0, 5000).Select(static i => (byte)(i * 5))];
        Assert.False(driver.Write(0, sent));

        byte[] received = await ReadWhileWorkingAsync(driver, console.Pipe.Input, sent.Length);

        Assert.Equal(sent, received);
        Assert.True(driver.Bench.Driver.Queues[1].TryTakeUsed(out _));
        Assert.Equal(0, console.Ports[0].DiscardedBytes);
    }

    [Fact]
    public async Task Output_BeforeAReaderComes_KeepsTheNewest()
    {
        var console = new ConsoleDevice(new ConsoleDeviceOptions { Ports = [new() { IsConsole = true, BufferSize = 64 }] });
        using var driver = new ConsoleDriver(console, 0);
        byte[] sent = [.. Enumerable.Range(0, 256).Select(static i => (byte)i)];

        Assert.True(driver.Write(0, sent));

        Assert.Equal(sent[^64..], await console.Pipe.Input.TakeAsync(64));
        Assert.Equal(192, console.Ports[0].DiscardedBytes);
    }

    [Fact]
    public void Output_AfterTheReaderHasCompleted_IsThrownAway()
    {
        var console = new ConsoleDevice(new ConsoleDeviceOptions { Ports = [new() { IsConsole = true, BufferSize = 64 }] });
        using var driver = new ConsoleDriver(console, 0);
        console.Pipe.Input.Complete();

        for (int i = 0; i < 100; i++)
        {
            Assert.True(driver.Write(0, new byte[100]));
        }

        Assert.True(console.Ports[0].DiscardedBytes > 9000);
    }

    [Fact]
    public void Output_OfTerabytes_EndsEachLook()
    {
        var console = new ConsoleDevice(new ConsoleDeviceOptions { Ports = [new() { IsConsole = true, BufferSize = 4096 }] });
        using var driver = new ConsoleDriver(console, VirtioDriverFeatures.IndirectDescriptors);
        var all = new DriverBuffer(0, 16 << 20, IsWritable: false);
        driver.Bench.Driver.Queues[1].AddIndirect([.. Enumerable.Repeat(all, 1000)]);

        Assert.True(driver.Bench.RunOnce());
        Assert.True(driver.Bench.RunOnce());
        driver.Bench.Driver.Status = 0;
        Assert.False(driver.Bench.RunOnce());

        Assert.InRange(console.Ports[0].BytesFromGuest, 1, 1 << 20);
    }

    [Fact]
    public void Resize_OfOneConsole_ChangesTheConfiguration()
    {
        var console = new ConsoleDevice();
        using var driver = new ConsoleDriver(console, ConsoleDriver.Size);
        Assert.Equal(80UL | (24 << 16), driver.Bench.Driver.ReadConfiguration(0, 4));

        console.Resize(132, 50);

        Assert.Equal(132UL | (50 << 16), driver.Bench.Driver.ReadConfiguration(0, 4));
        Assert.Equal(2U, driver.Bench.Driver.InterruptStatus & 2);
        driver.Bench.Acknowledge();
        console.Resize(132, 50);
        Assert.Equal(0U, driver.Bench.Driver.InterruptStatus);
    }

    [Fact]
    public async Task EmergencyWrite_BeforeAnyDriver_ReachesTheReader()
    {
        var console = new ConsoleDevice();
        using var driver = new ConsoleDriver(console);

        driver.Bench.Driver.WriteConfiguration(8, 'o', 4);
        driver.Bench.Driver.WriteConfiguration(8, 'k', 1);
        driver.Bench.Driver.WriteConfiguration(0, 'x', 4);

        Assert.Equal("ok"u8.ToArray(), await console.Pipe.Input.TakeAsync(2));
        Assert.Equal(80UL, driver.Bench.Driver.ReadConfiguration(0, 2));
    }

    [Fact]
    public async Task Reset_WithBytesInBothDirections_LosesNone()
    {
        var console = new ConsoleDevice(new ConsoleDeviceOptions { Ports = [new() { IsConsole = true, BufferSize = 64, WaitsForReader = true }] });
        using var driver = new ConsoleDriver(console, 0);
        await console.Pipe.Output.SendAsync(9, 8, 7);
        driver.Write(0, new byte[1000]); // waits

        driver.Start(0);
        Assert.True(console.Ports[0].IsGuestOpen);
        driver.OfferRoom(0, 1);

        Assert.Equal([9, 8, 7], driver.Take(0));
        Assert.NotEmpty(await console.Pipe.Input.TakeAsync(1));
        await ReadWhileWorkingAsync(driver, console.Pipe.Input, (int)console.Ports[0].BytesFromGuest - 1);
        driver.Write(0, 5);
        Assert.Equal([5], await console.Pipe.Input.TakeAsync(1));
    }

    [Fact]
    public async Task QueueReset_WithAChainThatWaits_ForgetsIt()
    {
        var console = new ConsoleDevice(new ConsoleDeviceOptions { Ports = [new() { IsConsole = true, BufferSize = 64, WaitsForReader = true }] });
        using var driver = new ConsoleDriver(console, VirtioDriverFeatures.RingReset);
        Assert.False(driver.Write(0, new byte[1000]));

        driver.Bench.Driver.ResetQueue(1);
        driver.Bench.Driver.SetUpQueue(1);
        await ReadWhileWorkingAsync(driver, console.Pipe.Input, (int)console.Ports[0].BytesFromGuest);

        Assert.True(driver.Write(0, 5));
        Assert.Equal([5], await console.Pipe.Input.TakeAsync(1));
    }

    [Fact]
    public async Task End_OfMachine_CompletesBothStreams()
    {
        var console = new ConsoleDevice();
        using (var driver = new ConsoleDriver(console, 0))
        {
            driver.Write(0, 1, 2);
        }

        ReadResult result = await console.Pipe.Input.ReadAtLeastAsync(3).AsTask().Within("the end");
        Assert.Equal(2, result.Buffer.Length);
        Assert.True(result.IsCompleted);
        Assert.True((await console.Pipe.Output.WriteAsync(new byte[1])).IsCompleted);
        console.Resize(1, 1);
    }

    [Fact]
    public async Task Streams_WithAWorker_MoveAMebibyteBothWays()
    {
        var console = new ConsoleDevice();
        using var bench = new VirtioBench(new VirtioMmio(console));
        bench.Driver.Start();
        byte[] sent = new byte[1 << 20];
        new Random(4).NextBytes(sent);
        PipeReader reader = console.Pipe.Input; // bytes wait from here on
        Task<byte[]> read = Task.Run(() => reader.TakeAsync(sent.Length));
        Task<FlushResult> write = Task.Run(async () => await console.Pipe.Output.WriteAsync(sent));

        var received = new List<byte>();
        for (int i = 0; i < sent.Length; i += 4096)
        {
            bench.Driver.Queues[1].Exchange(sent.AsSpan(i, 4096), 0);
        }

        while (received.Count < sent.Length)
        {
            received.AddRange(bench.Driver.Queues[0].Exchange([], 4096));
        }

        Assert.Equal(sent, await read);
        Assert.Equal(sent, received);
        await write.Within("the host's write");
    }

    private static async Task<byte[]> ReadWhileWorkingAsync(ConsoleDriver driver, PipeReader reader, int count)
    {
        List<byte> all = [];
        while (all.Count < count)
        {
            all.AddRange(await reader.TakeAsync(1));
            driver.Bench.Work();
        }

        return [.. all];
    }
}
