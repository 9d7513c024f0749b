using static HvSdk.Devices.Emulated.Tests.GicBench;

namespace HvSdk.Devices.Emulated.Tests;

/// <summary>The registers of a GICv3, its state, and guests that do as they like (Arm IHI 0069H, 12).</summary>
public sealed class GicV3RegisterTests
{
    [Fact]
    public void Distributor_Identification_IsThatOfAVersion3()
    {
        var bench = new GicBench();
        Assert.Equal(0x50U, bench.Read(0)); // ARE, DS
        Assert.Equal(0x0248_0002U, bench.Read(4)); // 96 INTIDs of 10 bits, no 1 of N, no LPIs, one Security state
        Assert.Equal(3U, bench.Read(0xFFE8) >> 4);
        bench.Write(0, uint.MaxValue);
        Assert.Equal(0x53U, bench.Read(0));
    }

    [Fact]
    public void Redistributor_Identification_NamesItsProcessor()
    {
        var bench = new GicBench(processors: 17);
        Assert.Equal((0x0000_0100U, 1U), (bench.ReadRedistributor(8, 1), bench.ReadRedistributor(12, 1)));
        Assert.Equal((0x0000_1010U, 0x100U), (bench.ReadRedistributor(8, 16), bench.ReadRedistributor(12, 16))); // the last
        Assert.Equal(3U, bench.ReadRedistributor(0xFFE8, 3) >> 4);
    }

    [Fact]
    public void Waker_Written_ChildrenFollow()
    {
        var bench = new GicBench();
        Assert.Equal(6U, bench.ReadRedistributor(0x14));
        bench.WriteRedistributor(0x14, 0);
        Assert.Equal(0U, bench.ReadRedistributor(0x14));
    }

    [Fact]
    public void PrivateRegisters_InTheDistributor_ReadZero()
    {
        var bench = new GicBench();
        foreach (uint register in (uint[])[GroupRegister, SetEnable, SetPending, SetActive, Priorities, Configuration])
        {
            bench.Write(register, uint.MaxValue);
            Assert.Equal(0U, bench.Read(register));
        }

        Assert.Equal(0xAAAA_AAAAU, bench.ReadRedistributor(SgiFrame + Configuration)); // SGIs are edges
        bench.WriteRedistributor(SgiFrame + Configuration, 0);
        Assert.Equal(0xAAAA_AAAAU, bench.ReadRedistributor(SgiFrame + Configuration));
        bench.WriteRedistributor(SgiFrame + Configuration + 4, uint.MaxValue);
        Assert.Equal(0xAAAA_AAAAU, bench.ReadRedistributor(SgiFrame + Configuration + 4));
    }

    [Fact]
    public void Priorities_KeepFiveBits_ByByteAndByWord()
    {
        var bench = new GicBench();
        bench.Write(Priorities + 32, 0x0107_FF80);
        Assert.Equal(0x0000_F880U, bench.Read(Priorities + 32));
        bench.Gic.Distributor.Write(Priorities + 35, [0x4F]);
        byte[] one = new byte[1];
        bench.Gic.Distributor.Read(Priorities + 35, one);
        Assert.Equal(0x48, one[0]);
    }

    [Fact]
    public void Accesses_OfOtherSizes_ReadZeroAndWriteNothing()
    {
        var bench = new GicBench();
        bench.Write(SetEnable + 4, 5);
        foreach ((ulong offset, int size) in ((ulong, int)[])[(SetEnable + 4, 1), (SetEnable + 4, 2), (SetEnable + 5, 4), (SetEnable + 4, 8)])
        {
            byte[] data = new byte[size];
            Array.Fill(data, (byte)0xFF);
            bench.Gic.Distributor.Write(offset, data);
            bench.Gic.Distributor.Read(offset, data);
            Assert.All(data, static value => Assert.Equal(0, value));
        }

        Assert.Equal(5U, bench.Read(SetEnable + 4));
        byte[] pair = new byte[8];
        bench.Gic.Distributor.Read(SetEnable, pair);
        Assert.Equal([0, 0, 0, 0, 5, 0, 0, 0], pair);
    }

    [Fact]
    public void Interface_Registers_HaveTheirFixedBits()
    {
        var bench = new GicBench();
        Assert.Equal(0x400UL, bench.Get(Arm64SystemRegister.IccCtlrEl1)); // five bits of priority
        Assert.Equal(7UL, bench.Get(Arm64SystemRegister.IccSreEl1));
        bench.Set(Arm64SystemRegister.IccSreEl1, 0);
        Assert.Equal(7UL, bench.Get(Arm64SystemRegister.IccSreEl1));
        bench.Set(Arm64SystemRegister.IccPmrEl1, 0xFF);
        Assert.Equal(0xF8UL, bench.Get(Arm64SystemRegister.IccPmrEl1));
        bench.Set(Arm64SystemRegister.IccBpr0El1, 4);
        bench.Set(Arm64SystemRegister.IccCtlrEl1, 1); // one binary point for both
        Assert.Equal(5UL, bench.Get(Arm64SystemRegister.IccBpr1El1));
        bench.Set(Arm64SystemRegister.IccBpr1El1, 7);
        Assert.Equal(5UL, bench.Get(Arm64SystemRegister.IccBpr1El1));
    }

    [Fact]
    public void Registers_ThatAreNone_AreRefused()
    {
        var bench = new GicBench();
        Assert.False(bench.Gic.TryReadRegister(0, Arm64SystemRegister.IccEoir1El1, out _));
        Assert.False(bench.Gic.TryWriteRegister(0, Arm64SystemRegister.IccIar1El1, 0));
        Assert.False(bench.Gic.TryReadRegister(0, Arm64SystemRegister.Create(3, 0, 12, 8, 5), out _)); // ICC_AP0R1_EL1: more bits of priority
        Assert.False(bench.Gic.TryReadRegister(0, Arm64SystemRegister.SctlrEl1, out _));
    }

    [Fact]
    public void State_OfABusyGic_GoesOnInAnother()
    {
        GicBench bench = new GicBench(processors: 2).TurnOn();
        bench.EnableShared(3, priority: 0x60, route: 1);
        bench.EnableShared(4, priority: 0x40, route: 1);
        bench.Gic.GetInput(3).Set(true);
        Assert.Equal(35UL, bench.Acknowledge(1));
        bench.Gic.GetInput(4).Set(true);
        var other = new GicBench(processors: 2);

        other.Gic.LoadState(bench.Gic.SaveState());

        Assert.Equivalent(bench.Gic.SaveState(), other.Gic.SaveState(), strict: true);
        Assert.Equal(["1 Irq +"], other.Changes);
        Assert.Equal(36UL, other.Acknowledge(1)); // more urgent than the one that it is at
        other.End(36, 1);
        Assert.Equal(0x60UL, other.Get(Rpr, 1));
    }

    [Fact]
    public void LoadState_OfAnotherGic_NamesTheField()
    {
        GicV3State state = new GicBench(processors: 2).Gic.SaveState();
        Assert.Equal("Processors", Assert.Throws<ArgumentException>(() => new GicBench(processors: 1).Gic.LoadState(state)).ParamName);
        Assert.Equal("Routes", Assert.Throws<ArgumentException>(() => new GicBench(processors: 2, sharedInterrupts: 96).Gic.LoadState(state)).ParamName);
        Assert.Throws<ArgumentOutOfRangeException>(() => new GicBench(processors: 2).Gic.LoadState(state with { Control = 4 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new GicBench(processors: 2).Gic.LoadState(state with { Processors = [state.Processors[0], state.Processors[1] with { BinaryPoint0 = 0 }] }));
        GicV3InterruptsState cut = state.Shared with { Active = [0] };
        Assert.Equal("Shared.Active", Assert.Throws<ArgumentException>(() => new GicBench(processors: 2).Gic.LoadState(state with { Shared = cut })).ParamName);
    }

    [Fact]
    public void Constructor_OfSizesThatCannotBe_SaysWhichCan()
    {
        var bench = new GicBench();
        Assert.Throws<ArgumentOutOfRangeException>(() => new GicV3(0, bench));
        Assert.Throws<ArgumentOutOfRangeException>(() => new GicV3(513, bench));
        Assert.Throws<ArgumentOutOfRangeException>(() => new GicV3(1, bench, 33));
        Assert.Throws<ArgumentOutOfRangeException>(() => new GicV3(1, bench, 992));
        Assert.Equal(960, new GicV3(512, bench, 960).SharedInterruptCount);
        Assert.Throws<ArgumentException>(() => new GicV3(1, bench) { Layout = new() { MsiFrame = new(0x802_0000, 0, 1) } });
    }

    /// <summary>Anything at any register of any size, and devices that do as they like: no exception, no growth, and the inputs follow the state.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Gic_UnderRandomAccesses_StaysInOrder(int seed)
    {
        var random = new Random(seed);
        GicBench bench = new GicBench(processors: 3).TurnOn();
        byte[] data = new byte[16];
        for (int round = 0; round < 50; round++)
        {
            Poke(500);
            bench.Changes.Clear();
            var other = new GicBench(processors: 3);
            other.Gic.LoadState(bench.Gic.SaveState());
            Assert.Equivalent(bench.Gic.SaveState(), other.Gic.SaveState(), strict: true);
            for (int i = 0; i < 3; i++)
            {
                Assert.Equal((bench.Irq(i), bench.Fiq(i)), (other.Irq(i), other.Fiq(i)));
            }
        }

        void Poke(int count)
        {
            for (int i = 0; i < count; i++)
            {
                Span<byte> part = data.AsSpan(0, 1 << random.Next(5));
                random.NextBytes(part);
                IBusDevice frame = random.Next(2) == 0 ? bench.Gic.Distributor : bench.Gic.Redistributors;
                ulong offset = (ulong)(random.Next(4) == 0 ? random.Next(0x8_0000) : random.Next(0x1000) + (random.Next(4) * 0x1_0000)) & ~(random.Next(4) == 0 ? 0UL : 3);
                var register = new Arm64SystemRegister((ushort)(random.Next(2) == 0 ? Arm64SystemRegister.Create(3, 0, 12, 8 + random.Next(5), random.Next(8)).Encoding : random.Next(0x1_0000)));
                switch (random.Next(6))
                {
                    case 0:
                        frame.Read(offset, part);
                        break;
                    case 1:
                        frame.Write(offset, part);
                        break;
                    case 2:
                        bench.Gic.TryReadRegister(random.Next(3), register, out _);
                        break;
                    case 3:
                        bench.Gic.TryWriteRegister(random.Next(3), register, (ulong)random.NextInt64());
                        break;
                    case 4:
                        bench.Gic.GetInput(random.Next(64)).Set(random.Next(2) == 0);
                        break;
                    default:
                        bench.Gic.SetPrivateInterrupt(random.Next(3), random.Next(16, 32), random.Next(2) == 0);
                        break;
                }
            }
        }
    }

    /// <summary>One interrupt from its input to its end, as often as a guest likes.</summary>
    [Fact]
    public void Interrupt_InSteadyState_AllocatesNothing()
    {
        GicBench bench = new GicBench().TurnOn();
        var output = new SilentOutput();
        var gic = new GicV3(1, output, 64);
        gic.LoadState(bench.Gic.SaveState());
        gic.SetPrivateInterrupt(0, 27, false);

        Assert.Equal(0, Allocations.Least(() => Cycle(1_000)));

        void Cycle(int count)
        {
            Span<byte> word = stackalloc byte[4];
            for (int i = 0; i < count; i++)
            {
                gic.GetInput(3).Set(true);
                gic.TryReadRegister(0, Arm64SystemRegister.IccIar1El1, out ulong interrupt);
                gic.GetInput(3).Set(false);
                gic.TryWriteRegister(0, Arm64SystemRegister.IccEoir1El1, interrupt);
                gic.Distributor.Read(SetEnable + 4, word);
                gic.Redistributors.Write(SgiFrame + SetEnable, word);
            }
        }
    }

    private sealed class SilentOutput : IGicV3Output
    {
        public void SetInput(int processor, Arm64InterruptInput input, bool asserted)
        {
        }
    }
}
