using HvSdk.Live;
using Iced.Intel;

namespace HvSdk.Conformance.Tests;

/// <summary>Timers that the host keeps: the local APIC's and the 8254.</summary>
[X64Only("The APIC timer and the 8254 are x86's; Arm64TimerTests has the generic timer.")]
public sealed class TimerTests
{
    private const byte Vector = 0x40;
    private const uint Periodic = 0x2_0000;
    private const uint DivideBy1 = 0xB;

    [Theory]
    [InlineData(InterruptControllerMode.PerVcpu)]
    [InlineData(InterruptControllerMode.Full)]
    public void ApicTimer_OneShot_InterruptsOnce(InterruptControllerMode mode)
    {
        using var machine = new InterruptMachine(mode, [Vector], static a => ArmApicTimer(a, Vector));
        machine.RunToLoop();

        Assert.Equal(Vector, machine.NextVector());
        machine.AssertNoInterrupt();
    }

    [Fact]
    public void ApicTimer_Periodic_InterruptsAgainAndAgain()
    {
        using var machine = new InterruptMachine(InterruptControllerMode.PerVcpu, [Vector], static a => ArmApicTimer(a, Vector | Periodic));

        // The first ones may come before the loop is reached.
        for (int i = 0; i < 5; i++)
        {
            Assert.Equal(Vector, machine.NextVector());
        }
    }

    [Fact]
    public void TimerChip_Periodic_InterruptsThroughPic()
    {
        using var machine = new InterruptMachine(
            InterruptControllerMode.Full,
            [0x28],
            static a =>
            {
                // Input 0 alone; the counter reloads about every 4 ms (Intel 8254, control word: counter 0, both bytes, mode 2).
                a.InitializePic(0x28, mask: 0xFE);
                a.WritePort(0x43, 0x34);
                a.WritePort(0x40, 0x00);
                a.WritePort(0x40, 0x13);
            },
            static a => a.WritePort(0x20, 0x20),
            static options => options.X64.TimerChip = true);

        for (int i = 0; i < 5; i++)
        {
            Assert.Equal(0x28, machine.NextVector());
        }
    }

    private static void ArmApicTimer(Assembler a, uint vector)
    {
        a.EnableLocalApic();
        a.WriteLocalApic(ApicCode.TimerDivide, DivideBy1);
        a.WriteLocalApic(ApicCode.TimerVector, vector);
        a.WriteLocalApic(ApicCode.TimerInitialCount, 1_000_000);
    }
}
