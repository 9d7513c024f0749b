using HvSdk.Testing;

namespace HvSdk.Devices.Emulated.Tests.Serial;

/// <summary>A host that writes faster than any wire: a driver that reads until there is no more comes to an end.</summary>
public sealed class SerialBurstTests
{
    private const ushort Data = 0x3F8;
    private const ushort LineStatus = 0x3FD;
    private const ulong DataReady = 1;
    private const int MaxBurst = 2048;

    [Fact]
    public async Task Receiver_HostWritesWithoutEnd_HasAGapInWhichTheInterruptFalls()
    {
        var bench = new DeviceBench();
        using var serial = new SerialPort16550A();
        bench.Attach(serial);
        bench.WritePort(0x3FC, 0x08); // OUT2: the interrupt's gate
        bench.WritePort(0x3FA, 0x01); // FIFOs
        bench.WritePort(0x3F9, 0x01); // the received data interrupt
        byte[] sent = new byte[3 * MaxBurst];
        new Random(1).NextBytes(sent);
        await serial.Pipe.Output.WriteAsync(sent, TestContext.Current.CancellationToken);

        var received = new List<byte>();
        for (int burst = 1; burst <= 3; burst++)
        {
            Assert.True(bench.Line(4).IsAsserted);
            ReadAll(bench, received);
            Assert.Equal(burst * MaxBurst, received.Count);
            Assert.False(bench.Line(4).IsAsserted);
            bench.Time.Advance(TimeSpan.FromMilliseconds(1));
        }

        Assert.Equal(sent, received);
    }

    [Fact]
    public async Task Receiver_HostPausesItself_HasNoGapOfItsOwn()
    {
        var bench = new DeviceBench();
        using var serial = new SerialPort16550A();
        bench.Attach(serial);
        bench.WritePort(0x3FA, 0x01);
        var received = new List<byte>();
        for (int i = 1; i <= 8; i++)
        {
            await serial.Pipe.Output.WriteAsync(new byte[MaxBurst / 2], TestContext.Current.CancellationToken);
            ReadAll(bench, received);
            Assert.Equal(i * MaxBurst / 2, received.Count);
        }
    }

    private static void ReadAll(DeviceBench bench, List<byte> received)
    {
        while ((bench.ReadPort(LineStatus) & DataReady) != 0)
        {
            received.Add((byte)bench.ReadPort(Data));
        }
    }
}
