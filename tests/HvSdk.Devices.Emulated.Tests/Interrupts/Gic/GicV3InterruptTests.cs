using static HvSdk.Devices.Emulated.Tests.GicBench;

namespace HvSdk.Devices.Emulated.Tests;

/// <summary>From the inputs of a GICv3 to its processors and back (Arm IHI 0069H, 4).</summary>
public sealed class GicV3InterruptTests
{
    private const ulong Spurious = 1023;

    [Fact]
    public void Line_OfALevel_StaysPendingUntilItIsReleased()
    {
        GicBench bench = new GicBench().TurnOn();
        bench.EnableShared(3);

        bench.Gic.GetInput(3).Set(true);
        Assert.True(bench.Irq());
        Assert.Equal(35UL, bench.Get(Hppir1));
        Assert.Equal(35UL, bench.Acknowledge());
        Assert.False(bench.Irq());
        Assert.Equal(0xA0UL, bench.Get(Rpr));
        Assert.Equal(Spurious, bench.Acknowledge());
        bench.End(35);
        Assert.True(bench.Irq()); // nobody has served the device

        Assert.Equal(35UL, bench.Acknowledge());
        bench.Gic.GetInput(3).Set(false);
        bench.End(35);
        Assert.False(bench.Irq());
        Assert.Equal(0xFFUL, bench.Get(Rpr));
    }

    [Fact]
    public void Line_OfAnEdge_IsTakenOnceForEachRise()
    {
        GicBench bench = new GicBench().TurnOn();
        bench.EnableShared(3, edge: true);

        bench.Gic.GetInput(3).Set(true);
        bench.Gic.GetInput(3).Set(true);
        Assert.Equal(35UL, bench.Acknowledge());
        bench.Gic.GetInput(3).Set(false);
        bench.Gic.GetInput(3).Set(true); // while it is served
        Assert.False(bench.Irq());
        bench.End(35);
        Assert.Equal(35UL, bench.Acknowledge());
        bench.End(35);
        Assert.Equal(Spurious, bench.Acknowledge());
    }

    [Fact]
    public void Interrupt_OfGroup0_IsAFiq()
    {
        GicBench bench = new GicBench().TurnOn();
        bench.EnableShared(3);
        bench.Write(GroupRegister + 4, 0);

        bench.Gic.GetInput(3).Set(true);

        Assert.Equal((false, true), (bench.Irq(), bench.Fiq()));
        Assert.Equal(Spurious, bench.Acknowledge()); // of group 1
        Assert.Equal(35UL, bench.Get(Iar0));
        bench.Gic.GetInput(3).Set(false);
        bench.Set(Eoir0, 35);
        Assert.Equal(0xFFUL, bench.Get(Rpr));
    }

    [Fact]
    public void Interrupt_OfAGroupThatIsOff_WaitsForBothSwitches()
    {
        GicBench bench = new GicBench().TurnOn();
        bench.EnableShared(3);
        bench.Gic.GetInput(3).Set(true);

        bench.Set(Arm64SystemRegister.IccIgrpen1El1, 0);
        Assert.False(bench.Irq());
        bench.Set(Arm64SystemRegister.IccIgrpen1El1, 1);
        Assert.True(bench.Irq());
        bench.Write(0, 1);
        Assert.False(bench.Irq());
        bench.Write(0, 2);
        Assert.True(bench.Irq());
        bench.Write(ClearEnable + 4, 8);
        Assert.False(bench.Irq());
    }

    [Fact]
    public void Interrupt_OfTheMasksPriority_IsNotTaken()
    {
        GicBench bench = new GicBench().TurnOn();
        bench.EnableShared(3, priority: 0x80);
        bench.Gic.GetInput(3).Set(true);

        bench.Set(Arm64SystemRegister.IccPmrEl1, 0x80);
        Assert.False(bench.Irq());
        bench.Set(Arm64SystemRegister.IccPmrEl1, 0x88);
        Assert.True(bench.Irq());
    }

    [Fact]
    public void Interrupts_SeveralPending_ComeByPriorityAndThenByNumber()
    {
        GicBench bench = new GicBench().TurnOn();
        bench.EnableShared(1, priority: 0xA0);
        bench.EnableShared(2, priority: 0x40);
        bench.EnableShared(40, priority: 0x40);
        foreach (int line in (int[])[1, 40, 2])
        {
            bench.Gic.GetInput(line).Set(true);
        }

        Assert.Equal(34UL, bench.Acknowledge());
        Assert.Equal(Spurious, bench.Acknowledge()); // the same priority does not interrupt
        bench.Gic.GetInput(2).Set(false);
        bench.End(34);
        Assert.Equal(72UL, bench.Acknowledge());
        bench.Gic.GetInput(40).Set(false);
        bench.End(72);
        Assert.Equal(33UL, bench.Acknowledge());
    }

    [Fact]
    public void Interrupt_OfAHigherGroupPriority_InterruptsTheRunning()
    {
        GicBench bench = new GicBench().TurnOn();
        bench.EnableShared(1, priority: 0x60);
        bench.EnableShared(2, priority: 0x40);
        bench.Gic.GetInput(1).Set(true);
        Assert.Equal(33UL, bench.Acknowledge());
        bench.Set(Arm64SystemRegister.IccBpr1El1, 7); // priorities differ in bit 7 alone then

        bench.Gic.GetInput(2).Set(true);
        Assert.False(bench.Irq());
        bench.Set(Arm64SystemRegister.IccBpr1El1, 0); // the least there is
        Assert.Equal(3UL, bench.Get(Arm64SystemRegister.IccBpr1El1));
        Assert.True(bench.Irq());
        Assert.Equal(34UL, bench.Acknowledge());
        Assert.Equal((0x40UL, 0x1100UL), (bench.Get(Rpr), bench.Get(Ap1R0)));
        bench.End(34);
        Assert.Equal(0x60UL, bench.Get(Rpr));
    }

    [Fact]
    public void End_InTwoSteps_DropsThePriorityFirst()
    {
        GicBench bench = new GicBench().TurnOn();
        bench.EnableShared(3);
        bench.Set(Arm64SystemRegister.IccCtlrEl1, 2);
        bench.Gic.GetInput(3).Set(true);
        Assert.Equal(35UL, bench.Acknowledge());

        bench.End(35);
        Assert.Equal(0xFFUL, bench.Get(Rpr));
        Assert.False(bench.Irq()); // active still
        Assert.Equal(8U, bench.Read(SetActive + 4));
        bench.Set(Dir, 35);
        Assert.True(bench.Irq());
    }

    [Theory]
    [InlineData(1023)]
    [InlineData(8192)]
    [InlineData(0xFFFF_FFFF)]
    public void End_OfANumberThatIsNone_ChangesNothing(ulong interrupt)
    {
        GicBench bench = new GicBench().TurnOn();
        bench.EnableShared(3);
        bench.Gic.GetInput(3).Set(true);
        Assert.Equal(35UL, bench.Acknowledge());
        GicV3State before = bench.Gic.SaveState();

        bench.End(interrupt);
        bench.Set(Dir, interrupt);

        Assert.Equivalent(before, bench.Gic.SaveState(), strict: true);
    }

    [Fact]
    public void Pending_WrittenByTheGuest_IsTakenOnce()
    {
        GicBench bench = new GicBench().TurnOn();
        bench.EnableShared(3);

        bench.Write(SetPending + 4, 8);
        Assert.Equal(8U, bench.Read(ClearPending + 4));
        bench.Write(ClearPending + 4, 8);
        Assert.False(bench.Irq());
        bench.Write(SetPending + 4, 8);
        Assert.Equal(35UL, bench.Acknowledge());
        bench.End(35);
        Assert.False(bench.Irq());
    }

    [Fact]
    public void Active_SetAndClearedByTheGuest_HoldsTheInterruptBack()
    {
        GicBench bench = new GicBench().TurnOn();
        bench.EnableShared(3);
        bench.Write(SetActive + 4, 8);
        bench.Gic.GetInput(3).Set(true);
        Assert.False(bench.Irq());
        bench.Write(ClearActive + 4, 8);
        Assert.True(bench.Irq());
    }

    [Fact]
    public void Route_Changed_LeadsToTheOtherProcessor()
    {
        GicBench bench = new GicBench(processors: 18).TurnOn();
        bench.EnableShared(3, route: 1);
        bench.Gic.GetInput(3).Set(true);
        Assert.Equal((false, true), (bench.Irq(0), bench.Irq(1)));

        bench.Write(Routes + (8 * 35), 0x101); // the second of the second cluster
        Assert.Equal((false, true), (bench.Irq(1), bench.Irq(17)));
        bench.Write(Routes + (8 * 35), 0x8000_0055); // 1 of N is not there, nor this affinity
        Assert.Equal(0x55U, bench.Read(Routes + (8 * 35)));
        Assert.False(bench.Irq(17));
        Assert.Equal(["1 Irq +", "1 Irq -", "17 Irq +", "17 Irq -"], bench.Changes);
    }

    [Fact]
    public void Sgi_ToSomeAndToAllOthers_ReachesThem()
    {
        GicBench bench = new GicBench(processors: 18).TurnOn();
        for (int i = 0; i < 18; i++)
        {
            bench.EnablePrivate(i);
        }

        bench.Set(Arm64SystemRegister.IccSgi1REl1, (5UL << 24) | 0b101); // Aff1 0: processors 0 and 2
        Assert.Equal([0, 2], Reached());
        Assert.Equal(5UL, bench.Acknowledge(2));
        Assert.Equal(5UL, bench.Acknowledge(0));
        bench.End(5, 2);
        bench.End(5, 0);
        bench.Set(Arm64SystemRegister.IccSgi1REl1, (6UL << 24) | (1UL << 16) | 0b10); // Aff1 1: processor 17
        Assert.Equal([17], Reached());
        Assert.Equal(6UL, bench.Acknowledge(17));
        bench.Set(Arm64SystemRegister.IccSgi1REl1, (7UL << 24) | (1UL << 40), 3);
        Assert.Equal([.. Enumerable.Range(0, 17).Where(static i => i != 3)], Reached()); // 17 is at one of the same priority
        bench.Set(Arm64SystemRegister.IccSgi1REl1, (8UL << 24) | (1UL << 44) | 1); // Aff0 16 to 31
        Assert.DoesNotContain(3, Reached());

        int[] Reached() => [.. Enumerable.Range(0, 18).Where(bench.Irq)];
    }

    [Fact]
    public void Sgi_OfTheOtherGroup_ReachesNobody()
    {
        GicBench bench = new GicBench(processors: 2).TurnOn();
        bench.EnablePrivate(0);
        bench.EnablePrivate(1);
        bench.Set(Sgi0R, (5UL << 24) | 0b10);
        Assert.Empty(bench.Changes);
        bench.WriteRedistributor(SgiFrame + GroupRegister, 0, 1);
        bench.Set(Sgi0R, (5UL << 24) | 0b10);
        Assert.Equal(["1 Fiq +"], bench.Changes);
    }

    [Fact]
    public void PrivateInterrupt_OfOneProcessor_IsItsOwn()
    {
        GicBench bench = new GicBench(processors: 2).TurnOn();
        bench.EnablePrivate(0);
        bench.EnablePrivate(1);
        bench.Gic.SetPrivateInterrupt(1, 27, true);
        Assert.Equal((false, true), (bench.Irq(0), bench.Irq(1)));
        Assert.Equal(27UL, bench.Acknowledge(1));
        bench.Gic.SetPrivateInterrupt(1, 27, false);
        bench.End(27, 1);
        Assert.False(bench.Irq(1));
    }

    [Fact]
    public void SetPrivateInterrupt_ThatIsNone_SaysWhichThereAre()
    {
        var bench = new GicBench();
        Assert.Throws<ArgumentOutOfRangeException>(() => bench.Gic.SetPrivateInterrupt(0, 15, true));
        Assert.Throws<ArgumentOutOfRangeException>(() => bench.Gic.SetPrivateInterrupt(0, 32, true));
        Assert.Throws<ArgumentOutOfRangeException>(() => bench.Gic.SetPrivateInterrupt(1, 27, true));
        Assert.Throws<ArgumentOutOfRangeException>(() => bench.Gic.GetInput(64));
    }
}
