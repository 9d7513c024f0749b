using HvSdk.Live;

namespace HvSdk.Conformance.Tests;

/// <summary>Interrupts raised through a waitable of the host.</summary>
[X64Only("The vectors are x86's; Arm64GicTests has triggers of the GIC.")]
public sealed class InterruptTriggerTests
{
    private const int Line = 5;
    private const byte Vector = 0x30;

    [Fact]
    public void Trigger_OfEdgeLine_InterruptsOncePerSignal()
    {
        using InterruptMachine machine = CreateWithIoApic();
        machine.RunToLoop();
        using InterruptTrigger trigger = machine.Interrupts.CreateTrigger(machine.Interrupts.GetLine(Line));

        trigger.Signal();
        Assert.Equal(Vector, machine.NextVector());
        machine.AssertNoInterrupt();

        trigger.Signal();
        Assert.Equal(Vector, machine.NextVector());
    }

    [Fact]
    public void Trigger_OfLevelLine_IsAcknowledgedOncePerSignal()
    {
        using InterruptMachine machine = CreateWithIoApic(ApicCode.LevelTriggered);
        machine.RunToLoop();
        using InterruptTrigger trigger = machine.Interrupts.CreateTrigger(machine.Interrupts.GetLine(Line), levelTriggered: true);
        Assert.False(trigger.WaitForAcknowledge(TimeSpan.Zero));

        for (int i = 0; i < 3; i++)
        {
            trigger.Signal();
            Assert.Equal(Vector, machine.NextVector());
            machine.AssertNoInterrupt();
            Assert.True(trigger.WaitForAcknowledge(Limit.Value), "The guest has ended the interrupt.");
            Assert.False(trigger.WaitForAcknowledge(TimeSpan.Zero), "It has ended one.");
        }
    }

    [Fact]
    public void Trigger_OfLevelLineWithinHandler_IsNotAcknowledged() => Divergences.Check("acknowledge-at-end-of-interrupt", static () =>
    {
        using InterruptMachine machine = CreateWithIoApic(ApicCode.LevelTriggered);
        machine.RunToLoop();
        using InterruptTrigger trigger = machine.Interrupts.CreateTrigger(machine.Interrupts.GetLine(Line), levelTriggered: true);

        trigger.Signal();
        Assert.Equal(Vector, machine.NextVector());

        Assert.False(trigger.WaitForAcknowledge(TimeSpan.Zero), "The guest has not ended the interrupt yet.");
    });

    [Fact]
    public void Trigger_OfLevelLine_WaitEndsByToken()
    {
        using InterruptMachine machine = CreateWithIoApic(ApicCode.LevelTriggered);
        using InterruptTrigger trigger = machine.Interrupts.CreateTrigger(machine.Interrupts.GetLine(Line), levelTriggered: true);
        using var canceled = new CancellationTokenSource();
        canceled.Cancel();

        Assert.Throws<OperationCanceledException>(() => trigger.WaitForAcknowledge(Limit.Value, canceled.Token));
    }

    [Theory]
    [InlineData(InterruptControllerMode.Full)]
    [InlineData(InterruptControllerMode.PerVcpu)]
    public void Trigger_OfMessage_SendsItAndThenItsUpdate(InterruptControllerMode mode)
    {
        using var machine = new InterruptMachine(mode, [0x40, 0x41]);
        machine.RunToLoop();
        using InterruptTrigger trigger = machine.Interrupts.CreateTrigger(MsiMessage.ForX64(0x40));

        trigger.Signal();
        Assert.Equal(0x40, machine.NextVector());

        trigger.Update(MsiMessage.ForX64(0x41));
        trigger.Signal();
        Assert.Equal(0x41, machine.NextVector());
        machine.AssertNoInterrupt();
    }

    [Fact]
    public void Trigger_SeveralOfMessages_EachSendsItsOwn()
    {
        using var machine = new InterruptMachine(InterruptControllerMode.PerVcpu, [0x40, 0x41, 0x42]);
        machine.RunToLoop();
        using InterruptTrigger first = machine.Interrupts.CreateTrigger(MsiMessage.ForX64(0x40));
        using InterruptTrigger second = machine.Interrupts.CreateTrigger(MsiMessage.ForX64(0x41));
        first.Dispose();
        using InterruptTrigger third = machine.Interrupts.CreateTrigger(MsiMessage.ForX64(0x42));

        second.Signal();
        Assert.Equal(0x41, machine.NextVector());
        third.Signal();
        Assert.Equal(0x42, machine.NextVector());
    }

    [Fact]
    public void Trigger_DisposedOf_DoesNothing()
    {
        using var machine = new InterruptMachine(InterruptControllerMode.PerVcpu, [0x40]);
        machine.RunToLoop();
        InterruptTrigger trigger = machine.Interrupts.CreateTrigger(MsiMessage.ForX64(0x40));

        trigger.Dispose();
        trigger.Signal();
        trigger.Dispose();

        machine.AssertNoInterrupt();
    }

    [Fact]
    public void Trigger_ForOtherUse_IsRefusedInWords()
    {
        using InterruptMachine machine = CreateWithIoApic();
        using InterruptTrigger trigger = machine.Interrupts.CreateTrigger(machine.Interrupts.GetLine(Line));

        var wait = Assert.Throws<InvalidOperationException>(() => trigger.WaitForAcknowledge(TimeSpan.Zero));
        var update = Assert.Throws<InvalidOperationException>(() => trigger.Update(MsiMessage.ForX64(0x40)));

        Assert.Contains("levelTriggered: true", wait.Message, StringComparison.Ordinal);
        Assert.Contains("line", update.Message, StringComparison.Ordinal);
    }

    private static InterruptMachine CreateWithIoApic(uint flags = 0) => new(InterruptControllerMode.Full, [Vector], a =>
    {
        a.EnableLocalApic();
        a.RouteIoApicPin(Line, Vector, flags);
    });
}
