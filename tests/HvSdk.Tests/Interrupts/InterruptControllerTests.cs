using HvSdk.Testing;

namespace HvSdk.Tests.Interrupts;

public sealed class InterruptControllerTests
{
    private static readonly PartitionOptions s_full = new() { InterruptController = InterruptControllerMode.Full };

    [Fact]
    public void Members_WithoutAController_NameTheOption()
    {
        using ScriptedMachine machine = new();
        InterruptController interrupts = machine.Partition.Interrupts;
        Check("an interrupt line", () => interrupts.GetLine(0));
        Check("a message-signalled interrupt", () => interrupts.Send(default));
        Check("an interrupt trigger", () => interrupts.CreateTrigger(default(MsiMessage)));
        Check("interrupt routes", () => interrupts.SetRoutes([]));

        static void Check(string what, Action action)
        {
            InvalidOperationException e = Assert.Throws<InvalidOperationException>(action);
            Assert.Contains($"{what} needs an interrupt controller", e.Message, StringComparison.Ordinal);
            Assert.Contains("Set PartitionOptions.InterruptController", e.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(24)]
    [InlineData(int.MaxValue)]
    public void GetLine_ThatDoesNotExist_NamesTheRange(int number)
    {
        using ScriptedMachine machine = new(s_full);
        ArgumentOutOfRangeException e = Assert.Throws<ArgumentOutOfRangeException>(() => machine.Partition.Interrupts.GetLine(number));
        Assert.Contains($"There is no interrupt line {number}; this partition has 0 to 23", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Line_SetAndPulsed_ReachesTheHost()
    {
        using ScriptedMachine machine = new(s_full);
        InterruptLine line = machine.Partition.Interrupts.GetLine(23);
        Assert.Same(line, machine.Partition.Interrupts.GetLine(23));
        line.Set(true);
        line.Pulse();
        Assert.Equal([(23, true), (23, true), (23, false)], machine.Record.LineChanges);
        machine.Backend.FailNext(ScriptedOperation.SetInterruptLine);
        Assert.Throws<HypervisorException>(() => line.Set(true));
    }

    [Fact]
    public void Send_Message_GivesTheHostsAnswer()
    {
        using ScriptedMachine machine = new(s_full);
        Assert.True(machine.Partition.Interrupts.Send(MsiMessage.ForX64(0x30, 1)));
        machine.Record.DeliversMessages = false;
        Assert.False(machine.Partition.Interrupts.Send(MsiMessage.ForX64(0x31)));
        Assert.Equal([new MsiMessage(0xFEE0_1000, 0x30), new MsiMessage(0xFEE0_0000, 0x31)], machine.Record.Messages);
    }

    [Fact]
    public void ForX64_OutsideTheRules_IsRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => MsiMessage.ForX64(15));
        Assert.Throws<ArgumentOutOfRangeException>(() => MsiMessage.ForX64(16, 255));
        Assert.Equal(new MsiMessage(0xFEEF_E000, 255), MsiMessage.ForX64(255, 254));
    }

    [Fact]
    public void Features_Absent_AreRefusedByName()
    {
        using ScriptedMachine machine = new(s_full, ScriptedMachine.Without(HypervisorFeatures.Msi | HypervisorFeatures.InterruptTriggers));
        InterruptController interrupts = machine.Partition.Interrupts;
        Check("does not offer Msi", () => interrupts.Send(default));
        Check("does not offer InterruptTriggers", () => interrupts.CreateTrigger(interrupts.GetLine(1)));
        Check("does not offer Msi, InterruptTriggers", () => interrupts.CreateTrigger(default(MsiMessage)));

        static void Check(string words, Action action) => Assert.Contains(words, Assert.Throws<NotSupportedException>(action).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void SetRoutes_LineOrInputThatIsNotThere_IsRefused()
    {
        using ScriptedMachine split = new(new() { InterruptController = InterruptControllerMode.PerVcpu });
        ArgumentException e = Assert.Throws<ArgumentException>(() => split.Partition.Interrupts.SetRoutes([InterruptRoute.ToInput(1, new(2, 1))]));
        Assert.Contains("Line 1 leads to an input of the host's controller, and with PerVcpu the host keeps none. Use InterruptRoute.ToMessage", e.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => split.Partition.Interrupts.SetRoutes([InterruptRoute.ToMessage(24, default)]));
        Assert.Throws<ArgumentOutOfRangeException>(() => split.Partition.Interrupts.SetRoutes([InterruptRoute.ToMessage(-1, default)]));
        Assert.Empty(split.Record.Routes);
        InterruptRoute[] routes = [InterruptRoute.ToMessage(1, MsiMessage.ForX64(0x40)), InterruptRoute.ToMessage(1, MsiMessage.ForX64(0x41))];
        split.Partition.Interrupts.SetRoutes(routes);
        Assert.Equal(routes, split.Record.Routes);
    }

    [Fact]
    public void Trigger_WrongUse_IsRefused()
    {
        using ScriptedMachine machine = new(s_full);
        InterruptController interrupts = machine.Partition.Interrupts;
        using InterruptTrigger edge = interrupts.CreateTrigger(interrupts.GetLine(3));
        Assert.Contains(
            "levelTriggered: true", Assert.Throws<InvalidOperationException>(() => edge.WaitForAcknowledge(TimeSpan.Zero)).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => edge.Update(default));
        Assert.Throws<ArgumentNullException>(() => interrupts.CreateTrigger(null!));
        using InterruptTrigger message = interrupts.CreateTrigger(MsiMessage.ForX64(0x20));
        message.Update(MsiMessage.ForX64(0x21));
        message.Signal();
        Assert.Equal(MsiMessage.ForX64(0x21), Assert.Single(machine.Record.Messages));
        message.Dispose();
        message.Dispose();
        message.Signal();
        Assert.Single(machine.Record.Messages);
        machine.Backend.FailNext(ScriptedOperation.CreateTrigger);
        Assert.Throws<HypervisorException>(() => interrupts.CreateTrigger(interrupts.GetLine(3)));
    }

    [Fact]
    public void InjectInterrupt_ByTheRules_ReachesTheGuest()
    {
        using ScriptedMachine machine = new();
        machine.Script.InterruptWindow().Halt();
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        Assert.False(vcpu.X64.CanTakeInterrupt);
        Assert.Contains(
            "cannot take interrupt 32 now. Call RequestInterruptWindow",
            Assert.Throws<InvalidOperationException>(() => vcpu.X64.InjectInterrupt(32)).Message,
            StringComparison.Ordinal);
        vcpu.X64.RequestInterruptWindow();
        Assert.True(machine.Script.IsInterruptWindowRequested);
        Assert.Equal(VcpuExitKind.InterruptWindow, vcpu.Run().Kind);
        Assert.False(machine.Script.IsInterruptWindowRequested);
        vcpu.X64.SetRegisters(new X64Registers { Rflags = X64Flags.InterruptEnable | X64Flags.Reserved1 });
        vcpu.X64.InjectInterrupt(32);
        Assert.False(vcpu.X64.CanTakeInterrupt);
        vcpu.X64.InjectNmi();
        vcpu.Run();
        Assert.True(vcpu.X64.CanTakeInterrupt);
        Assert.Equal([32], machine.Script.InjectedInterrupts);
        Assert.Equal(1, machine.Script.InjectedNmis);
    }

    [Fact]
    public void InjectInterrupt_HostKeepsTheWholeController_IsRefused()
    {
        using ScriptedMachine machine = new(s_full);
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        Assert.Contains(
            "Raise interrupts through Partition.Interrupts",
            Assert.Throws<InvalidOperationException>(() => vcpu.X64.InjectInterrupt(32)).Message,
            StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => vcpu.X64.RequestInterruptWindow());
    }
}
