using HvSdk.Testing;

namespace HvSdk.Hvf.StandIn.Tests;

public sealed class InterruptTests(StandIn standIn)
{
    private const ulong Vectors = Machine.Ram + 0x800;
    private const ulong IrqVector = Vectors + 0x280; // from EL1h

    /// <summary>Waits with interrupts let in; the interrupt's vector calls 2.</summary>
    [Fact]
    public void Input_Asserted_EntersTheVectorUntilItIsReleased()
    {
        using Machine machine = new(standIn, static guest => WaitForInterrupt(guest, static _ => { }));
        using Vcpu vcpu = machine.CreateVcpu();
        Assert.Equal("Halt", vcpu.Run(TestContext.Current.CancellationToken).ToString());
        vcpu.Arm64.SetInterruptInput(Arm64InterruptInput.Irq, true);
        Assert.Equal(0xC300_0002UL, vcpu.Run(TestContext.Current.CancellationToken).HypercallNumber);
        vcpu.Arm64.SetInterruptInput(Arm64InterruptInput.Irq, false);
        Assert.Equal("Halt", vcpu.Run(TestContext.Current.CancellationToken).ToString());
    }

    /// <summary>Sets the virtual timer to now and waits.</summary>
    [Fact]
    public void Timer_Fires_LeavesOnceUntilUnmasked()
    {
        using Machine machine = new(standIn, static guest => WaitForInterrupt(guest, static timer =>
        {
            timer.Mrs(2, Arm64SystemRegister.CntvctEl0);
            timer.Msr(Arm64SystemRegister.CntvCvalEl0, 2);
            timer.Mov(2, 1);
            timer.Msr(Arm64SystemRegister.CntvCtlEl0, 2);
            timer.Isb();
            Arm64Label loop = new();
            timer.Mark(loop);
            timer.B(loop);
        }));
        using Vcpu vcpu = machine.CreateVcpu();
        Assert.Equal("Timer", vcpu.Run(TestContext.Current.CancellationToken).ToString());
        Assert.True(vcpu.Arm64.IsVirtualTimerMasked);
        Assert.Equal(TimeSpan.Zero, vcpu.Arm64.GetVirtualTimerDelay());
        vcpu.Arm64.SetInterruptInput(Arm64InterruptInput.Irq, true);
        Assert.Equal(0xC300_0002UL, vcpu.Run(TestContext.Current.CancellationToken).HypercallNumber);
    }

    /// <summary>Enables SPI 3 in the host's GIC, waits, acknowledges, and stores the number that the GIC gave.</summary>
    [Fact]
    public void Line_OfTheHostsGic_ReachesTheGuest()
    {
        using Machine machine = new(standIn, static guest => WaitForInterrupt(guest, EnableSpi3), static options => options.InterruptController = InterruptControllerMode.Full);
        using Vcpu vcpu = machine.CreateVcpu();
        machine.Partition.Interrupts.GetLine(3).Set(true);
        Assert.Equal(0xC300_0002UL, vcpu.Run(TestContext.Current.CancellationToken).HypercallNumber);
        Assert.Equal(["W 8 at 0x0: 0000000000000023"], machine.Log.Accesses);
    }

    [Fact]
    public void Message_ToTheFrame_RaisesItsLine()
    {
        var frame = new Arm64MsiFrame(0x802_0000, 3, 4);
        using Machine machine = new(standIn, static guest => WaitForInterrupt(guest, EnableSpi3), options =>
        {
            options.InterruptController = InterruptControllerMode.Full;
            options.Arm64.Gic = new() { MsiFrame = frame };
        });
        using Vcpu vcpu = machine.CreateVcpu();
        Assert.True(machine.Partition.Interrupts.Send(frame.GetMessage(3)));
        Assert.False(machine.Partition.Interrupts.Send(new MsiMessage(0x1234, 35)));
        Assert.Equal(0xC300_0002UL, vcpu.Run(TestContext.Current.CancellationToken).HypercallNumber);
        Assert.Equal(["W 8 at 0x0: 0000000000000023"], machine.Log.Accesses);
    }

    private static void WaitForInterrupt(Arm64Assembler guest, Action<Arm64Assembler> prepare)
    {
        guest.Mov(1, Vectors);
        guest.Msr(Arm64SystemRegister.VbarEl1, 1);
        guest.Isb();
        guest.UnmaskIrq();
        prepare(guest);
        Arm64Label loop = new();
        guest.Mark(loop);
        guest.Wfi();
        guest.B(loop);
        guest.PadTo(IrqVector);
        Arm64Label none = new();
        guest.Cbz(9, none);
        guest.Mrs(3, Arm64SystemRegister.IccIar1El1);
        guest.Mov(4, Machine.Device);
        guest.Str(3, 4, 8);
        guest.Msr(Arm64SystemRegister.IccEoir1El1, 3);
        guest.Mark(none);
        guest.Mov(0, 0xC300_0002);
        guest.Hvc();
        guest.Eret();
    }

    /// <summary>GICv3 architecture, 12.8 and 12.2: affinity routing and group 1 on; SPI 3 (INTID 35) of group 1, enabled, to vCPU 0; all priorities let through.</summary>
    private static void EnableSpi3(Arm64Assembler guest)
    {
        guest.Mov(9, 1); // tells the vector that there is a GIC
        guest.Mov(5, new Arm64GicLayout().DistributorAddress);
        guest.Mov(6, 0x12); // GICD_CTLR: ARE_NS, EnableGrp1A
        guest.Str(6, 5, 4);
        guest.Mov(6, 8);
        guest.Str(6, 5, 4, 0x84); // GICD_IGROUPR1
        guest.Str(6, 5, 4, 0x104); // GICD_ISENABLER1
        guest.Mov(7, new Arm64GicLayout().DistributorAddress + 0x6000 + (8 * 35));
        guest.Str(Arm64Assembler.Zero, 7, 8); // GICD_IROUTER35
        guest.Mov(6, 0xF0);
        guest.Msr(Arm64SystemRegister.IccPmrEl1, 6);
        guest.Mov(6, 1);
        guest.Msr(Arm64SystemRegister.IccIgrpen1El1, 6);
        guest.Isb();
    }
}
