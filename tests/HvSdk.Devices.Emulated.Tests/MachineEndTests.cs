using System.IO.Pipelines;
using HvSdk.Testing;

namespace HvSdk.Devices.Emulated.Tests;

/// <summary>What a device's streams do when its machine has ended: a reader gets what is left and then the end.</summary>
public sealed class MachineEndTests
{
    [Fact]
    public async Task SerialPort_MachineEnds_ReaderGetsTheRestAndTheEnd()
    {
        var bench = new DeviceBench();
        using var serial = new SerialPort16550A();
        bench.Attach(serial);
        bench.WritePort(0x3F8, 'x');

        bench.End();

        Assert.Equal("x", await ReadAllAsync(serial.Pipe.Input));
    }

    [Fact]
    public async Task DebugConsole_MachineEnds_ReaderGetsTheRestAndTheEnd()
    {
        var bench = new DeviceBench();
        using var console = new DebugConsole();
        bench.Attach(console);
        bench.WritePort(0xE9, 'x');

        bench.End();

        Assert.Equal("x", await ReadAllAsync(console.Output));
    }

    private static async Task<string> ReadAllAsync(PipeReader reader)
    {
        using var copy = new MemoryStream();
        await reader.CopyToAsync(copy, TestContext.Current.CancellationToken);
        return System.Text.Encoding.ASCII.GetString(copy.ToArray());
    }
}
