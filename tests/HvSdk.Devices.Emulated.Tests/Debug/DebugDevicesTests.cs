using System.IO.Pipelines;
using HvSdk.Devices.Emulated.Tests.Streams;
using HvSdk.Testing;

namespace HvSdk.Devices.Emulated.Tests.Debug;

/// <summary>Debug exit, debug console and panic notifier.</summary>
public sealed class DebugDevicesTests
{
    private readonly DeviceBench _bench = new();

    [Theory]
    [InlineData(0x00UL, 1, 1)]
    [InlineData(0x10UL, 1, 33)]
    [InlineData(0x1234UL, 2, 0x2469)]
    [InlineData(0x3FFF_FFFFUL, 4, 0x7FFF_FFFF)]
    [InlineData(0xFFFF_FFFFUL, 4, -1)]
    public void DebugExit_Written_EndsWithTwiceTheValuePlusOne(ulong value, int size, int code)
    {
        _bench.Attach(new DebugExit());
        _bench.WritePort(0xF4, value, size);

        Assert.Equal([FormattableString.Invariant($"Exit {code}")], _bench.Machine.Requests);
    }

    [Fact]
    public void DebugExit_AtAnotherPort_IsThere()
    {
        _bench.Attach(new DebugExit { Port = 0x501 });
        Assert.Equal(0UL, _bench.ReadPort(0x501));
        _bench.WritePort(0x501, 1);

        Assert.Equal(["Exit 3"], _bench.Machine.Requests);
    }

    [Theory]
    [InlineData(0xE9)]
    [InlineData(0x402)]
    public async Task DebugConsole_Written_IsTextForTheHost(int port)
    {
        using var console = new DebugConsole();
        _bench.Attach(console);
        Assert.Equal(0xE9UL, _bench.ReadPort((ushort)port));
        Task<byte[]> read = console.Output.TakeAsync(2);

        _bench.WritePort((ushort)port, 'h');
        _bench.WritePort((ushort)port, 'i');

        Assert.Equal("hi"u8.ToArray(), await read);
    }

    [Fact]
    public async Task DebugConsole_NobodyReads_KeepsABoundedPartAndCountsTheRest()
    {
        using var console = new DebugConsole { BufferSize = 1024 };
        _bench.Attach(console);
        for (int i = 0; i < 10_000; i++)
        {
            _bench.WritePort(0xE9, (byte)i);
        }

        console.Dispose();
        ReadResult rest = await console.Output.ReadAsync();

        Assert.Equal(10_000, rest.Buffer.Length + console.DiscardedBytes);
        Assert.Equal(1024, rest.Buffer.Length);
    }

    [Fact]
    public void DebugConsole_ReaderDoesNotRead_NeverWaits()
    {
        using var console = new DebugConsole { BufferSize = 1024 };
        _ = console.Output;
        _bench.Attach(console);
        for (int i = 0; i < 100_000; i++)
        {
            _bench.WritePort(0x402, 1);
        }

        Assert.InRange(console.DiscardedBytes, 90_000, 100_000);
    }

    [Fact]
    public void PanicNotifier_Read_GivesWhatMayBeReported()
    {
        _bench.Attach(new PanicNotifier());

        Assert.Equal(0x03UL, _bench.ReadPort(0x505));
        Assert.Equal("QEMU0001", _bench.Acpi!.HardwareId);
        Assert.Equal([new DeviceWindow(BusSpace.Ports, 0x505, 1)], _bench.Description.Windows);
    }

    [Fact]
    public void PanicNotifier_Panicked_IsReported()
    {
        var notifier = new PanicNotifier();
        int panics = 0;
        notifier.Panicked += (_, _) => panics++;
        _bench.Attach(notifier);

        _bench.WritePort(0x505, 0x01);

        Assert.Equal(1, panics);
        Assert.Equal(["ReportPanic"], _bench.Machine.Requests);
    }

    [Fact]
    public void PanicNotifier_CrashLoaded_IsAnEventAndNoEnd()
    {
        var notifier = new PanicNotifier();
        int loads = 0;
        notifier.CrashLoaded += (_, _) => loads++;
        _bench.Attach(notifier);

        _bench.WritePort(0x505, 0x02);
        _bench.WritePort(0x505, 0xFC);

        Assert.Equal(1, loads);
        Assert.Empty(_bench.Machine.Requests);
    }

    [Fact]
    public void PanicNotifier_EventNotOffered_IsIgnored()
    {
        _bench.Attach(new PanicNotifier { Events = PanicEvents.CrashLoaded });

        Assert.Equal(0x02UL, _bench.ReadPort(0x505));
        _bench.WritePort(0x505, 0x01);

        Assert.Empty(_bench.Machine.Requests);
        Assert.Throws<ArgumentOutOfRangeException>(() => new PanicNotifier { Events = (PanicEvents)4 });
    }

    [Fact]
    public void PanicNotifier_ThatDoesNotEnd_OnlyRaisesTheEvent()
    {
        _bench.Attach(new PanicNotifier { EndsMachine = false });
        _bench.WritePort(0x505, 0x01);

        Assert.Empty(_bench.Machine.Requests);
    }
}
