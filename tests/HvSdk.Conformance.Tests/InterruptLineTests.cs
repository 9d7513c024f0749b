using HvSdk.Live;

namespace HvSdk.Conformance.Tests;

/// <summary>Lines of the interrupt controller that the host keeps.</summary>
[X64Only("The 8259A and the I/O APIC are x86's; Arm64GicTests has lines of the GIC.")]
public sealed class InterruptLineTests
{
    private const int Line = 5;
    private const byte Vector = 0x30;

    [Fact]
    public void Line_PulsedOnIoApic_InterruptsOncePerEdge()
    {
        using InterruptMachine machine = CreateWithIoApic();
        machine.RunToLoop();

        machine.Interrupts.GetLine(Line).Pulse();
        Assert.Equal(Vector, machine.NextVector());
        machine.AssertNoInterrupt();

        machine.Interrupts.GetLine(Line).Pulse();
        Assert.Equal(Vector, machine.NextVector());
        machine.AssertNoInterrupt();
    }

    [Fact]
    public void Line_HeldOnEdgeTriggeredInput_InterruptsOnce()
    {
        using InterruptMachine machine = CreateWithIoApic();
        machine.RunToLoop();

        machine.Interrupts.GetLine(Line).Set(true);

        Assert.Equal(Vector, machine.NextVector());
        machine.AssertNoInterrupt();
    }

    [Fact]
    public void Line_HeldOnLevelTriggeredInput_InterruptsAgainAndAgain()
    {
        using InterruptMachine machine = CreateWithIoApic(ApicCode.LevelTriggered);
        machine.RunToLoop();

        machine.Interrupts.GetLine(Line).Set(true);

        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(Vector, machine.NextVector());
        }
    }

    [Fact]
    public void Line_ReleasedWithinHandler_DoesNotInterruptAgain() => Divergences.Check("end-of-interrupt", static () =>
    {
        using InterruptMachine machine = CreateWithIoApic(ApicCode.LevelTriggered);
        machine.RunToLoop();
        machine.Interrupts.GetLine(Line).Set(true);
        Assert.Equal(Vector, machine.NextVector());

        // The handler has not ended the interrupt yet, so this comes in time.
        machine.Interrupts.GetLine(Line).Set(false);

        machine.AssertNoInterrupt();
    });

    [Fact]
    public void Line_MaskedInput_DoesNotInterrupt()
    {
        using InterruptMachine machine = CreateWithIoApic(ApicCode.Masked);
        machine.RunToLoop();

        machine.Interrupts.GetLine(Line).Pulse();

        machine.AssertNoInterrupt();
    }

    [Fact]
    public void Line_PulsedOnPic_InterruptsWithItsVector()
    {
        const byte vectorBase = 0x28;
        using InterruptMachine machine = CreateWithPic(vectorBase);
        machine.RunToLoop();

        machine.Interrupts.GetLine(Line).Pulse();

        Assert.Equal(vectorBase + Line, machine.NextVector());
        machine.AssertNoInterrupt();
    }

    [Theory]
    [InlineData(InterruptControllerMode.Full)]
    [InlineData(InterruptControllerMode.PerVcpu)]
    public void SetRoutes_LineToMessage_SendsMessageAtEachEdge(InterruptControllerMode mode)
    {
        using var machine = new InterruptMachine(mode, [0x40, 0x41]);
        machine.RunToLoop();
        machine.Interrupts.SetRoutes([
            InterruptRoute.ToMessage(3, MsiMessage.ForX64(0x40)),
            InterruptRoute.ToMessage(Line, MsiMessage.ForX64(0x41))]);

        machine.Interrupts.GetLine(Line).Pulse();
        Assert.Equal(0x41, machine.NextVector());
        machine.Interrupts.GetLine(3).Pulse();
        Assert.Equal(0x40, machine.NextVector());
        machine.AssertNoInterrupt();
    }

    [Fact]
    public void SetRoutes_LineToAnotherInput_InterruptsAsThatInput()
    {
        using InterruptMachine machine = CreateWithIoApic();
        machine.RunToLoop();
        const int ioApic = 2;
        machine.Interrupts.SetRoutes([InterruptRoute.ToInput(9, new InterruptInput(ioApic, Line))]);

        machine.Interrupts.GetLine(9).Pulse();

        Assert.Equal(Vector, machine.NextVector());
    }

    [Fact]
    public void SetRoutes_LineNotNamed_LeadsNowhere()
    {
        using InterruptMachine machine = CreateWithIoApic();
        machine.RunToLoop();
        machine.Interrupts.SetRoutes([]);

        machine.Interrupts.GetLine(Line).Pulse();

        machine.AssertNoInterrupt();
    }

    [Fact]
    public void SetRoutes_InputWithoutChip_IsRefusedInWords()
    {
        using var machine = new InterruptMachine(InterruptControllerMode.PerVcpu, []);

        var exception = Assert.Throws<ArgumentException>(
            () => machine.Interrupts.SetRoutes([InterruptRoute.ToInput(1, new InterruptInput(2, 1))]));

        Assert.Contains("Line 1", exception.Message, StringComparison.Ordinal);
        Assert.Contains(nameof(InterruptRoute.ToMessage), exception.Message, StringComparison.Ordinal);
    }

    private static InterruptMachine CreateWithIoApic(uint flags = 0) => new(InterruptControllerMode.Full, [Vector], a =>
    {
        a.EnableLocalApic();
        a.RouteIoApicPin(Line, Vector, flags);
    });

    private static InterruptMachine CreateWithPic(byte vectorBase) => new(
        InterruptControllerMode.Full,
        [(byte)(vectorBase + Line)],
        a => a.InitializePic(vectorBase, mask: 0xFF ^ (1 << Line)),
        static a => a.WritePort(0x20, 0x20));
}
