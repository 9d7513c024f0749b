using HvSdk.Devices;
using HvSdk.Testing;

namespace HvSdk.Devices.Emulated.Tests;

/// <summary>Timer, 8259A pair and I/O APIC together, as a machine that keeps its own chips connects them: each line leads to both controllers.</summary>
public sealed class PcChipsTests : IDisposable
{
    private const ulong IoApicAddress = 0xFEC0_0000;
    private const int TimerInput = 2; // IRQ 0 leads to input 2 of the I/O APIC on a PC

    private readonly RecordingApic _apic = new();
    private readonly RecordingLine _intr = new();
    private readonly ManualTimeProvider _time = new();
    private readonly DeviceBench _bench = new();
    private readonly InterruptControllerPair _pic;
    private readonly IoApic _ioApic;
    private readonly IntervalTimer8254 _timer;
    private readonly PowerManagement _power;

    public PcChipsTests()
    {
        _pic = new InterruptControllerPair(_intr);
        _ioApic = new IoApic(_apic);
        _timer = new IntervalTimer8254(_time, new Fork(_pic.GetInput(0), _ioApic.GetInput(TimerInput)));
        _power = new PowerManagement(_time, new Fork(_pic.GetInput(9), _ioApic.GetInput(9)), _bench.Machine);
        _bench.Attach(_pic);
        _bench.Attach(_ioApic);
        IDeviceSlot slot = _bench;
        slot.MapPorts(0x40, 4, _timer.CounterPorts);
        slot.MapPorts(0x600, 4, _power.EventPorts);
    }

    public void Dispose()
    {
        _timer.Dispose();
        _power.Dispose();
    }

    [Fact]
    public void Timer_ThroughThePic_TicksOncePerEnd()
    {
        foreach ((ushort port, byte value) in ((ushort, byte)[])[(0x20, 0x11), (0x21, 0x20), (0x21, 0x04), (0x21, 0x01), (0x21, 0xFE)])
        {
            _bench.WritePort(port, value);
        }

        StartTimer();

        for (int i = 0; i < 100; i++)
        {
            _time.Advance(TimeSpan.FromMilliseconds(10));
            Assert.True(_intr.IsAsserted, $"Tick {i}.");
            Assert.Equal(0x20, _pic.Acknowledge());
            Assert.False(_intr.IsAsserted);
            _bench.WritePort(0x20, 0x20);
        }

        Assert.Empty(_apic.Sent); // whose inputs are masked
    }

    [Fact]
    public void Timer_ThroughTheIoApic_SendsOneMessagePerTick()
    {
        SetEntry(TimerInput, 0x30);
        StartTimer();

        _time.Advance(TimeSpan.FromSeconds(1.001));

        Assert.Equal(Enumerable.Repeat(new MsiMessage(0xFEE0_0000, 0x30), 100), _apic.Sent);
        Assert.False(_intr.IsAsserted); // nobody has initialized the pair
    }

    [Fact]
    public void PowerButton_ThroughTheIoApic_IsALevelUntilTheGuestHasSeenIt()
    {
        SetEntry(9, 0x8000 | 0x49);
        _bench.WritePort(0x602, 0x100, 2);

        _power.PressPowerButton();
        Assert.Single(_apic.Sent);
        _ioApic.EndOfInterrupt(0x49);
        Assert.Equal(2, _apic.Sent.Count); // it has not been handled yet
        _bench.WritePort(0x600, 0x100, 2);
        _ioApic.EndOfInterrupt(0x49);

        Assert.Equal(2, _apic.Sent.Count);
    }

    [Fact]
    public async Task IoApic_WithLinesAndEndsOnManyThreads_LosesNoLevel()
    {
        // Each thread asserts its input, waits for its message, ends it, as a device and a handler would.
        const int rounds = 2_000;
        var delivered = new CountingApic();
        var ioApic = new IoApic(delivered);
        var bench = new DeviceBench();
        bench.Attach(ioApic);
        for (int input = 0; input < 4; input++)
        {
            bench.WriteMmio(IoApicAddress, (ulong)(0x10 + (2 * input)));
            bench.WriteMmio(IoApicAddress + 0x10, (ulong)(0x8000 | (0x40 + input)));
        }

        await Task.WhenAll(Enumerable.Range(0, 4).Select(input => Task.Run(() =>
        {
            for (int i = 0; i < rounds; i++)
            {
                ioApic.GetInput(input).Set(true);
                ioApic.GetInput(input).Set(false);
                ioApic.EndOfInterrupt((byte)(0x40 + input));
            }
        }))).WaitAsync(TimeSpan.FromSeconds(30));

        Assert.Equal([rounds, rounds, rounds, rounds], delivered.Counts);
    }

    private void StartTimer()
    {
        _bench.WritePort(0x43, 0x34);
        _bench.WritePort(0x40, 11_900 & 0xFF); // just under 10 ms
        _bench.WritePort(0x40, 11_900 >> 8);
    }

    private void SetEntry(int input, uint low)
    {
        _bench.WriteMmio(IoApicAddress, (ulong)(0x10 + (2 * input)));
        _bench.WriteMmio(IoApicAddress + 0x10, low);
    }

    private sealed class Fork(IInterruptLine first, IInterruptLine second) : IInterruptLine
    {
        public void Set(bool asserted)
        {
            first.Set(asserted);
            second.Set(asserted);
        }
    }

    private sealed class CountingApic : IIoApicOutput
    {
        internal int[] Counts { get; } = new int[4];

        public void Send(MsiMessage message) => Counts[(message.Data & 0xFF) - 0x40]++; // the I/O APIC's lock is held

        public void SetLevelRoute(int input, MsiMessage? message)
        {
        }
    }
}
