using HvSdk.Live;

namespace HvSdk.Conformance.Tests;

/// <summary>The GIC that the host keeps: lines, private interrupts, messages, triggers, and interrupts between vCPUs.</summary>
[Arm64Only]
public sealed class Arm64GicTests
{
    private const int Line = 3;
    private const int OtherLine = 40;
    private const int Private = 20;

    [Fact]
    public void Line_Level_InterruptsUntilItIsReleased()
    {
        using var machine = new Arm64InterruptMachine(static a => a.EnableLine(Line));
        machine.RunToLoop();
        InterruptLine line = machine.Interrupts.GetLine(Line);

        line.Set(true);
        Assert.Equal(Arm64GicCode.FirstShared + Line, machine.NextInterrupt());
        Assert.Equal(Arm64GicCode.FirstShared + Line, machine.NextInterrupt());

        line.Set(false);
        machine.AssertNoInterrupt();
    }

    [Fact]
    public void Line_Edge_InterruptsOncePerPulse()
    {
        using var machine = new Arm64InterruptMachine(static a => a.EnableLine(Line, isEdge: true));
        machine.RunToLoop();

        for (int i = 0; i < 3; i++)
        {
            machine.Interrupts.GetLine(Line).Pulse();
            Assert.Equal(Arm64GicCode.FirstShared + Line, machine.NextInterrupt());
            machine.AssertNoInterrupt();
        }
    }

    [Fact]
    public void Lines_SetBeforeTheGuestEnablesThem_ComeWhenItDoes()
    {
        using var machine = new Arm64InterruptMachine(static a =>
        {
            a.Ask();
            a.EnableLine(OtherLine);
        });
        machine.RunToLoop();

        machine.Interrupts.GetLine(OtherLine).Set(true);

        Assert.Equal(Arm64GicCode.FirstShared + OtherLine, machine.NextInterrupt());
    }

    [Fact]
    public void Line_NotEnabled_InterruptsNobody()
    {
        using var machine = new Arm64InterruptMachine(static a => a.EnableLine(Line));
        machine.RunToLoop();

        machine.Interrupts.GetLine(OtherLine).Set(true);

        machine.AssertNoInterrupt();
    }

    [Fact]
    public void PrivateInterrupt_SetByTheHost_Interrupts()
    {
        using var machine = new Arm64InterruptMachine(static a => a.EnablePrivate(Private));
        machine.RunToLoop();

        machine.Machine.Vcpu.Arm64.SetPrivateInterrupt(Private, true);

        Assert.Equal(Private, machine.NextInterrupt());
    }

    [Fact]
    public void Message_ToTheFrame_RaisesItsLine()
    {
        using Arm64InterruptMachine machine = CreateWithMessages();
        machine.RunToLoop();

        Assert.True(machine.Interrupts.Send(GuestMessages.Frame.GetMessage(GuestMessages.Frame.FirstLine + 1)));

        Assert.Equal(Interrupt(1), machine.NextInterrupt());
        machine.AssertNoInterrupt();
    }

    [Fact]
    public void Message_ToNobody_ReturnsFalse()
    {
        using Arm64InterruptMachine machine = CreateWithMessages();
        machine.RunToLoop();
        MsiMessage message = GuestMessages.Frame.GetMessage(GuestMessages.Frame.FirstLine);

        Assert.False(machine.Interrupts.Send(message with { Address = 0x1234 }));
        Assert.False(machine.Interrupts.Send(message with { Data = 1000 }));

        machine.AssertNoInterrupt();
    }

    [Fact]
    public void Trigger_OfLine_InterruptsOncePerSignal()
    {
        using var machine = new Arm64InterruptMachine(static a => a.EnableLine(Line, isEdge: true));
        machine.RunToLoop();
        using InterruptTrigger trigger = machine.Interrupts.CreateTrigger(machine.Interrupts.GetLine(Line));

        for (int i = 0; i < 2; i++)
        {
            trigger.Signal();
            Assert.Equal(Arm64GicCode.FirstShared + Line, machine.NextInterrupt());
            machine.AssertNoInterrupt();
        }
    }

    [Fact]
    public void Trigger_OfMessage_SendsItAndThenItsUpdate()
    {
        using Arm64InterruptMachine machine = CreateWithMessages();
        machine.RunToLoop();
        using InterruptTrigger trigger = machine.Interrupts.CreateTrigger(GuestMessages.Message);

        trigger.Signal();
        Assert.Equal(Interrupt(0), machine.NextInterrupt());

        trigger.Update(GuestMessages.Frame.GetMessage(GuestMessages.Frame.FirstLine + 1));
        trigger.Signal();
        Assert.Equal(Interrupt(1), machine.NextInterrupt());
        machine.AssertNoInterrupt();
    }

    [Fact]
    public void Trigger_DisposedOf_DoesNothing()
    {
        using Arm64InterruptMachine machine = CreateWithMessages();
        machine.RunToLoop();
        InterruptTrigger trigger = machine.Interrupts.CreateTrigger(GuestMessages.Message);

        trigger.Dispose();
        trigger.Signal();
        trigger.Dispose();

        machine.AssertNoInterrupt();
    }

    [Fact]
    public void Trigger_ForOtherUse_IsRefusedInWords()
    {
        using Arm64InterruptMachine machine = CreateWithMessages();
        using InterruptTrigger trigger = machine.Interrupts.CreateTrigger(machine.Interrupts.GetLine(Line));

        var update = Assert.Throws<InvalidOperationException>(() => trigger.Update(GuestMessages.Message));

        Assert.Contains("line", update.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Line_BeyondTheLast_IsRefusedInWords()
    {
        using Arm64InterruptMachine machine = CreateWithMessages();
        int count = machine.Machine.Partition.Capabilities.InterruptLineCount;

        Assert.Equal(count - 1, machine.Interrupts.GetLine(count - 1).Number);
        var exception = Assert.Throws<ArgumentOutOfRangeException>(() => machine.Interrupts.GetLine(count));

        Assert.Contains($"{count}", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Controller_OfModeNone_RefusesInWords()
    {
        using var machine = new TestMachine();
        InterruptController interrupts = machine.Partition.Interrupts;

        foreach (Action use in (Action[])
            [
                () => interrupts.GetLine(0),
                () => interrupts.Send(GuestMessages.Message),
                () => interrupts.CreateTrigger(GuestMessages.Message),
                () => interrupts.SetRoutes([]),
            ])
        {
            var exception = Assert.Throws<InvalidOperationException>(use);
            Assert.Contains($"{nameof(PartitionOptions)}.{nameof(PartitionOptions.InterruptController)}", exception.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Interrupt_SentByTheGuestToItself_Comes()
    {
        const int sent = 5;
        using var machine = new Arm64InterruptMachine(static a =>
        {
            a.EnablePrivate(sent);
            a.SendInterrupt(sent, 0);
        });

        Assert.Equal(sent, machine.NextInterrupt());
        machine.AssertNoInterrupt();
    }

    [Fact]
    public void Interrupts_BetweenVcpus_ReachTheOther()
    {
        const int ping = 6;

        // The second waits for a ping; the first sends one when it is told to.
        using var machine = new Arm64InterruptMachine(
            static a =>
            {
                a.EnablePrivate(ping, vcpu: 1);
                a.Ask();
                a.SendInterrupt(ping, 1);
            },
            vcpus: 2);
        var second = new Arm64Program(
            static a =>
            {
                a.EnableInterface();
                a.UnmaskIrq();
                a.Ask();
                a.Wfi();
            },
            loadAddress: 0x6000,
            handlers: (Arm64Vector.Irq, Arm64GicCode.TellInterrupt));
        second.LoadInto(machine.Machine.Memory);

        // Redistributors lie in the order in which vCPUs come: the first is to be that of vCPU 0.
        _ = machine.Machine.Vcpu;
        using var isReady = new ManualResetEventSlim();
        Task<ulong> run = machine.Machine.Partition.RunVcpuAsync(1, (vcpu, _) =>
        {
            second.Start(vcpu);
            Assert.Equal(VcpuExitKind.MmioRead, vcpu.RunOnceBounded().Kind);
            isReady.Set();
            return vcpu.NextTold();
        });
        Assert.True(isReady.Wait(Limit.Value), "The second vCPU is ready.");

        machine.RunToLoop();
        machine.RunToLoop();

        Assert.Equal((ulong)ping, Limit.Await(run, "the ping"));
    }

    private static int Interrupt(int index) => Arm64GicCode.FirstShared + GuestMessages.Frame.FirstLine + index;

    private static Arm64InterruptMachine CreateWithMessages() => new(static a =>
    {
        a.EnableLine(GuestMessages.Frame.FirstLine, isEdge: true);
        a.EnableLine(GuestMessages.Frame.FirstLine + 1, isEdge: true);
    });
}
