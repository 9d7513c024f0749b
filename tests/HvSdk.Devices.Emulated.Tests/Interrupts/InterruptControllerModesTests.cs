namespace HvSdk.Devices.Emulated.Tests;

/// <summary>Priorities, ends of interrupts and special modes of the 8259A (Intel 8259A data sheet, "Operating Modes"), and its state.</summary>
public sealed class InterruptControllerModesTests
{
    private const ushort Master = PicBench.Master;
    private const ushort Slave = PicBench.Slave;

    [Fact]
    public void FullyNested_HigherPriority_InterruptsTheLower()
    {
        var bench = new PicBench();
        bench.Raise(4);
        bench.Acknowledge();

        bench.Raise(5);
        Assert.False(bench.Pic.HasInterrupt, "5 waits for 4.");
        bench.Raise(3);

        Assert.Equal(3, bench.Acknowledge());
        Assert.Equal(0x18, bench.InService(Master));
    }

    [Fact]
    public void Slave_AgainstInput3_HasThePriorityOfInput2()
    {
        var bench = new PicBench();
        bench.Raise(3);
        bench.Raise(15);

        Assert.Equal(15, bench.Acknowledge());
        Assert.False(bench.Pic.HasInterrupt);
    }

    [Fact]
    public void NonspecificEnd_OfTwoInService_EndsTheHigher()
    {
        var bench = new PicBench();
        bench.Raise(4);
        bench.Acknowledge();
        bench.Raise(1);
        bench.Acknowledge();

        bench.Write(Master, 0x20);

        Assert.Equal(0x10, bench.InService(Master));
    }

    [Fact]
    public void SpecificEnd_OfTwoInService_EndsTheNamedOne()
    {
        var bench = new PicBench();
        bench.Raise(4);
        bench.Acknowledge();
        bench.Raise(1);
        bench.Acknowledge();

        bench.Write(Master, 0x60 | 4);

        Assert.Equal(0x02, bench.InService(Master));
    }

    [Fact]
    public void RotateOnNonspecificEnd_OfInput4_MakesItTheLowest()
    {
        var bench = new PicBench();
        bench.Raise(4);
        bench.Acknowledge();

        bench.Write(Master, 0xA0);
        bench.Pulse(4);
        bench.Pulse(3);
        bench.Pulse(5);

        Assert.Equal(5, bench.Acknowledge());
        bench.Write(Master, 0x20);
        Assert.Equal(3, bench.Acknowledge());
        bench.Write(Master, 0x20);
        bench.Lower(4);
        bench.Raise(4);
        Assert.Equal(4, bench.Acknowledge());
    }

    [Fact]
    public void RotateOnSpecificEnd_OfInput0_MakesItTheLowest()
    {
        var bench = new PicBench();
        bench.Raise(0);
        bench.Acknowledge();

        bench.Write(Master, 0xE0 | 0);
        bench.Lower(0);
        bench.Raise(0);
        bench.Raise(7);

        Assert.Equal(0, bench.InService(Master));
        Assert.Equal(7, bench.Acknowledge());
    }

    [Fact]
    public void SetPriority_OfInput5_MakesItTheLowest()
    {
        var bench = new PicBench();

        bench.Write(Master, 0xC0 | 5);
        bench.Raise(5);
        bench.Raise(6);
        bench.Raise(0);

        Assert.Equal(6, bench.Acknowledge());
    }

    [Fact]
    public void Ocw2_NoOperation_ChangesNothing()
    {
        var bench = new PicBench();
        bench.Raise(4);
        bench.Acknowledge();

        bench.Write(Master, 0x40 | 4);

        Assert.Equal(0x10, bench.InService(Master));
    }

    [Fact]
    public void AutomaticEnd_Acknowledged_LeavesNothingInService()
    {
        var bench = new PicBench(icw4: 0x03);
        bench.Raise(4);
        bench.Acknowledge();

        Assert.Equal(0, bench.InService(Master));
        bench.Raise(5);
        Assert.Equal(5, bench.Acknowledge());
    }

    [Fact]
    public void AutomaticEnd_Rotating_MakesTheAcknowledgedOneLowest()
    {
        var bench = new PicBench(icw4: 0x03);
        bench.Write(Master, 0x80);
        bench.Pulse(0);
        bench.Acknowledge();

        bench.Pulse(0);
        bench.Pulse(1);
        Assert.Equal(1, bench.Acknowledge());
        bench.Write(Master, 0x00); // no longer
        Assert.Equal(0, bench.Acknowledge());
        bench.Pulse(0);
        bench.Pulse(2 + 1);
        Assert.Equal(3, bench.Acknowledge());
    }

    [Fact]
    public void SpecialMask_OfInputInService_LetsLowerOnesThrough()
    {
        var bench = new PicBench();
        bench.Raise(3);
        bench.Acknowledge();
        bench.Raise(6);
        Assert.False(bench.Pic.HasInterrupt);

        bench.Mask(Master, 0x08);
        Assert.False(bench.Pic.HasInterrupt, "A mask alone does not let them through.");
        bench.Write(Master, 0x68);

        Assert.Equal(6, bench.Acknowledge());
        bench.Write(Master, 0x20);
        Assert.Equal(0x08, bench.InService(Master)); // a masked input is not ended by a nonspecific end
        bench.Write(Master, 0x48);
        bench.Pulse(6);
        Assert.False(bench.Pic.HasInterrupt, "The mode has ended.");
    }

    [Fact]
    public void Poll_WithRequest_AcknowledgesIt()
    {
        var bench = new PicBench();
        bench.Raise(6);
        bench.Raise(4);

        bench.Write(Master, 0x0C);

        Assert.Equal(0x84, bench.Read(Master));
        Assert.Equal(0x10, bench.InService(Master));
    }

    [Fact]
    public void Poll_WithoutRequest_SaysSoOnce()
    {
        var bench = new PicBench();
        bench.Mask(Master, 0xEF);

        bench.Write(Master, 0x0C);

        Assert.Equal(0, bench.Read(Master) & 0x80);
        Assert.Equal(0xEF, bench.Read(Master + 1));
    }

    [Fact]
    public void Poll_OfBothChips_FindsTheSlavesInput()
    {
        var bench = new PicBench();
        bench.Raise(13);

        bench.Write(Master, 0x0C);
        Assert.Equal(0x82, bench.Read(Master));
        bench.Write(Slave, 0x0C);
        Assert.Equal(0x85, bench.Read(Slave));

        Assert.False(bench.Pic.HasInterrupt);
    }

    [Fact]
    public void SpecialFullyNested_HigherRequestOfTheSlave_InterruptsTheSlave()
    {
        var bench = new PicBench(icw4: 0x11);
        bench.Raise(12);
        bench.Acknowledge();

        bench.Raise(3);
        Assert.False(bench.Pic.HasInterrupt, "Input 3 is below the slave.");
        bench.Raise(8);

        Assert.Equal(8, bench.Acknowledge());
    }

    [Fact]
    public void FullyNested_HigherRequestOfTheSlave_WaitsForTheSlave()
    {
        var bench = new PicBench();
        bench.Raise(12);
        bench.Acknowledge();

        bench.Raise(8);

        Assert.False(bench.Pic.HasInterrupt);
    }

    [Fact]
    public void State_LoadedIntoAnotherPair_GoesOn()
    {
        var bench = new PicBench();
        bench.Raise(4);
        bench.Acknowledge();
        bench.Raise(14);
        bench.Mask(Slave, 0x01);
        var output = new Testing.RecordingLine();
        var other = new InterruptControllerPair(output);

        InterruptControllerPairState state = bench.Pic.SaveState();
        other.LoadState(state);

        Assert.Equal(state, other.SaveState());
        Assert.True(output.IsAsserted);
        Assert.Equal(PicBench.SlaveVector + 6, other.Acknowledge());
    }

    [Fact]
    public void LoadState_OfWrongPriority_NamesTheField()
    {
        var pair = new InterruptControllerPair();
        InterruptControllerPairState state = pair.SaveState();

        var exception = Assert.ThrowsAny<ArgumentException>(() => pair.LoadState(state with { Slave = state.Slave with { LowestPriority = 8 } }));

        Assert.Contains("Slave.LowestPriority is 8; it is 0 to 7", exception.Message, StringComparison.Ordinal);
    }
}
