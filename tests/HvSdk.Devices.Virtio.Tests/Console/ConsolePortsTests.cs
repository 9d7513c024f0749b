using System.IO.Pipelines;

namespace HvSdk.Devices.Virtio.Tests.Console;

/// <summary>Several ports (VIRTIO_CONSOLE_F_MULTIPORT): each message of virtio 1.2, 5.3.6.2, and what moves between.</summary>
public sealed class ConsolePortsTests
{
    private static ConsoleDeviceOptions Two { get; } = new() { Ports = [new() { IsConsole = true }, new() { Name = "org.test.0" }], MaxPorts = 4 };

    [Fact]
    public void Start_WithTwoPorts_TellsEachInOrder()
    {
        using var driver = new ConsoleDriver(new ConsoleDevice(Two), ConsoleDriver.Size | ConsoleDriver.Multiport);
        Assert.Equal(4UL, driver.Bench.Driver.ReadConfiguration(4, 4));
        Assert.Equal(10, driver.Bench.Driver.Queues.Count);
        driver.OfferMessages(20);
        Assert.Empty(driver.Messages);

        driver.Tell(0, 0, 1);
        Assert.Equal(["0 add", "1 add"], driver.Messages);
        driver.Messages.Clear();
        driver.Tell(0, 3, 1);
        Assert.Equal(["0 console 1", "0 resize 80 24", "0 open 1"], driver.Messages);
        driver.Messages.Clear();
        driver.Tell(1, 3, 1);

        Assert.Equal(["1 name org.test.0", "1 open 1"], driver.Messages);
    }

    [Fact]
    public void Start_WithoutSize_TellsNoSize()
    {
        using var driver = new ConsoleDriver(new ConsoleDevice(Two), ConsoleDriver.Multiport);
        driver.OfferMessages(20);

        driver.Tell(0, 0, 1);
        driver.Tell(0, 3, 1);

        Assert.Equal(["0 add", "1 add", "0 console 1", "0 open 1"], driver.Messages);
    }

    [Fact]
    public void Messages_WithoutRoom_WaitForIt()
    {
        using var driver = new ConsoleDriver(new ConsoleDevice(Two), ConsoleDriver.Size | ConsoleDriver.Multiport);
        driver.Tell(0, 0, 1);
        driver.OfferMessages(1);
        driver.TakeMessages();
        Assert.Equal(["0 add"], driver.Messages);

        driver.OfferMessages(1, size: 4); // too small: it comes back empty
        driver.OfferMessages(1);
        driver.TakeMessages();

        Assert.Equal(["0 add", "0 bytes", "1 add"], driver.Messages);
    }

    [Fact]
    public async Task Open_OfGuest_LetsTheHostsBytesIn()
    {
        var console = new ConsoleDevice(Two);
        using var driver = new ConsoleDriver(console);
        driver.StartPorts(2);
        ConsolePort port = console.Ports[1];
        List<bool> seen = [];
        port.GuestOpenChanged += (_, _) => seen.Add(port.IsGuestOpen);
        driver.OfferRoom(1, 4);
        await port.Pipe.Output.SendAsync(1, 2, 3);
        Assert.Empty(driver.Take(1));

        driver.Tell(1, 6, 1);
        Assert.Equal([1, 2, 3], driver.Take(1));
        driver.Tell(1, 6, 0);
        driver.Tell(1, 6, 0);

        await port.Pipe.Output.SendAsync(4);
        Assert.Empty(driver.Take(1));
        Assert.Equal([true, false], seen);
    }

    [Fact]
    public async Task Ports_WithTrafficOnEach_KeepItApart()
    {
        var console = new ConsoleDevice(Two);
        using var driver = new ConsoleDriver(console);
        driver.StartPorts(2);
        for (uint i = 0; i < 2; i++)
        {
            driver.Tell(i, 6, 1);
            driver.OfferRoom((int)i, 2);
            Assert.True(driver.Write((int)i, (byte)(10 + i), 99));
            await console.Ports[(int)i].Pipe.Output.SendAsync((byte)(20 + i));
        }

        for (int i = 0; i < 2; i++)
        {
            Assert.Equal([(byte)(10 + i), 99], await console.Ports[i].Pipe.Input.TakeAsync(2));
            Assert.Equal([(byte)(20 + i)], driver.Take(i));
        }
    }

    [Fact]
    public async Task SlowReader_OfOnePort_DoesNotHoldTheOther()
    {
        var console = new ConsoleDevice(Two with { Ports = [new() { IsConsole = true, BufferSize = 64, WaitsForReader = true }, new() { Name = "b" }] });
        using var driver = new ConsoleDriver(console);
        driver.StartPorts(2);

        Assert.False(driver.Write(0, new byte[1000]));
        Assert.True(driver.Write(1, 7));

        Assert.Equal([7], await console.Ports[1].Pipe.Input.TakeAsync(1));
    }

    [Fact]
    public void Resize_OfAPort_IsTold()
    {
        var console = new ConsoleDevice(Two);
        using var driver = new ConsoleDriver(console);
        driver.StartPorts(2);

        console.Ports[0].Resize(100, 40);
        console.Ports[0].Resize(101, 41);
        driver.Bench.Work();
        driver.TakeMessages();

        Assert.Equal(["0 resize 101 41"], driver.Messages);
        Assert.Throws<InvalidOperationException>(() => console.Ports[1].Resize(1, 1));
    }

    [Fact]
    public void Resize_ForOldLinux_HasTheRowsFirst()
    {
        var console = new ConsoleDevice(Two with { SendsRowsFirst = true });
        using var driver = new ConsoleDriver(console);
        driver.StartPorts(2);

        console.Resize(100, 40);
        driver.Bench.Work();
        driver.TakeMessages();

        Assert.Equal(["0 resize 40 100"], driver.Messages);
        Assert.Equal(100UL | (40 << 16), driver.Bench.Driver.ReadConfiguration(0, 4));
    }

    [Fact]
    public async Task Close_OfHost_IsToldBehindTheLastByte()
    {
        var console = new ConsoleDevice(Two);
        using var driver = new ConsoleDriver(console);
        driver.StartPorts(2);
        driver.Tell(1, 6, 1);
        ConsolePort port = console.Ports[1];
        await port.Pipe.Output.SendAsync(1, 2);
        port.IsOpen = false;
        driver.Bench.Work();
        driver.TakeMessages();
        Assert.Empty(driver.Messages);

        driver.OfferRoom(1, 1);
        Assert.Equal([1, 2], driver.Take(1));
        driver.TakeMessages();
        Assert.Equal(["1 open 0"], driver.Messages);

        port.IsOpen = true;
        driver.Bench.Work();
        driver.TakeMessages();
        Assert.Equal(["1 open 0", "1 open 1"], driver.Messages);
    }

    [Fact]
    public async Task AddPort_WhileRunning_IsToldAndWorks()
    {
        var console = new ConsoleDevice(Two);
        using var driver = new ConsoleDriver(console);
        driver.StartPorts(2);
        driver.OfferMessages(20);

        ConsolePort port = console.AddPort(new ConsolePortOptions { Name = "late" });
        driver.Bench.Work();
        driver.TakeMessages();
        driver.Tell(2, 3, 1);
        driver.Tell(2, 6, 1);

        Assert.Equal(2, port.Number);
        Assert.Equal(["2 add", "2 name late", "2 open 1"], driver.Messages);
        driver.Write(2, 1);
        Assert.Equal([1], await port.Pipe.Input.TakeAsync(1));
    }

    [Fact]
    public async Task RemovePort_WhileRunning_EndsItsStreams()
    {
        var console = new ConsoleDevice(Two);
        using var driver = new ConsoleDriver(console);
        driver.StartPorts(2);
        driver.Tell(1, 6, 1);
        driver.OfferMessages(8);
        ConsolePort port = console.Ports[1];
        driver.Write(1, 4);

        console.RemovePort(port);
        console.RemovePort(port);
        driver.Bench.Work();
        driver.TakeMessages();

        Assert.Equal(["1 remove"], driver.Messages);
        Assert.False(port.IsGuestOpen);
        Assert.Single(console.Ports);
        Assert.Equal([4], await port.Pipe.Input.TakeAsync(1));
        Assert.True((await port.Pipe.Input.ReadAsync()).IsCompleted);
        Assert.True((await port.Pipe.Output.WriteAsync(new byte[1])).IsCompleted);
        Assert.True(driver.Write(1, 5)); // nobody gets it
        console.AddPort(new ConsolePortOptions { Name = "org.test.0" });
        driver.Bench.Work();
        driver.TakeMessages();
        Assert.Equal(["1 remove", "1 add"], driver.Messages);
    }

    [Fact]
    public void RemovePort_BeforeTheDriverKnewIt_IsNotTold()
    {
        var console = new ConsoleDevice(Two);
        using var driver = new ConsoleDriver(console, ConsoleDriver.Size | ConsoleDriver.Multiport);
        driver.Tell(0, 0, 1);
        console.RemovePort(console.Ports[1]);

        driver.OfferMessages(8);
        driver.TakeMessages();

        Assert.Equal(["0 add"], driver.Messages);
    }

    [Fact]
    public async Task Driver_WithoutMultiport_SeesTheFirstPort()
    {
        var console = new ConsoleDevice(Two);
        using var driver = new ConsoleDriver(console, ConsoleDriver.Size);
        driver.OfferRoom(0, 1);
        driver.Tell(0, 0, 1);
        driver.OfferMessages(4);
        driver.TakeMessages();
        Assert.Empty(driver.Messages);

        await console.Pipe.Output.SendAsync(3);
        driver.Write(0, 4);

        Assert.Equal([3], driver.Take(0));
        Assert.Equal([4], await console.Pipe.Input.TakeAsync(1));
        Assert.Equal(1, console.IgnoredMessages);
    }

    [Fact]
    public void Reset_OfDriver_StartsTheHelloAnew()
    {
        var console = new ConsoleDevice(Two);
        using var driver = new ConsoleDriver(console);
        driver.StartPorts(2);
        driver.Tell(1, 6, 1);
        Assert.True(console.Ports[1].IsGuestOpen);

        driver.Bench.Driver.Status = 0;
        Assert.False(console.Ports[1].IsGuestOpen);
        driver.Start(ConsoleDriver.Size | ConsoleDriver.Multiport);
        driver.OfferMessages(4);
        driver.TakeMessages();
        Assert.Empty(driver.Messages);
        driver.Tell(0, 0, 1);

        Assert.Equal(["0 add", "1 add"], driver.Messages);
    }

    [Fact]
    public void Messages_ThatMeanNothing_AreCounted()
    {
        var console = new ConsoleDevice(Two);
        using var driver = new ConsoleDriver(console, ConsoleDriver.Size | ConsoleDriver.Multiport);
        driver.OfferMessages(30);
        driver.Tell(0, 3, 1); // not announced
        driver.Tell(0, 0, 1);
        driver.Tell(1, 6, 1); // not ready
        driver.Tell(3, 3, 1); // no port
        driver.Tell(uint.MaxValue, 3, 1);
        driver.Tell(0, 1, 1); // not the driver's
        driver.Tell(0, 999, 1);
        driver.TellRaw([0, 0, 0, 0, 0, 0, 1]);

        Assert.Equal(7, console.IgnoredMessages);
        Assert.False(driver.Bench.Driver.NeedsReset);
    }

    [Fact]
    public void Driver_ThatFails_HearsOfNothing()
    {
        var console = new ConsoleDevice(Two);
        using var driver = new ConsoleDriver(console, ConsoleDriver.Size | ConsoleDriver.Multiport);
        driver.OfferMessages(30);

        driver.Tell(0, 0, 0);
        console.AddPort(new ConsolePortOptions());
        driver.Bench.Work();
        driver.TakeMessages();
        Assert.Empty(driver.Messages);
        driver.Tell(0, 0, 1);
        driver.Tell(1, 3, 0);

        Assert.Equal(["0 add", "1 add", "2 add"], driver.Messages);
    }
}
