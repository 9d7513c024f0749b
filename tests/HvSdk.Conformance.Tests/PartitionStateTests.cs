using System.Text.Json;
using HvSdk.Live;
using HvSdk.Testing;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Conformance.Tests;

/// <summary>Whole machines moved to another partition: interrupt chips, timers, what is pending, what sleeps.</summary>
[X64Only("The chips are x86's; Arm64StateTests has the GIC's state.")]
public sealed class PartitionStateTests
{
    private const int Line = 5;
    private const byte LineVector = 0x30;
    private const byte TimerVector = 0x28;
    private const byte MessageVector = 0x40;

    [Fact]
    public void Chips_ProgrammedByGuest_WorkInTheOtherPartition()
    {
        using InterruptMachine machine = CreateMachine(ProgramAllChips);
        using InterruptMachine other = CreateMachine();
        Assert.Equal(TimerVector, machine.NextVector());

        MachineTransfer.MoveAll(machine.Machine, other.Machine);

        Assert.Equal(TimerVector, other.NextVector());
        Assert.Equal(TimerVector, other.NextVector());
        other.Interrupts.GetLine(Line).Pulse();
        while (other.NextVector() is var vector && vector != LineVector)
        {
            Assert.Equal(TimerVector, vector);
        }
    }

    [Fact]
    public void Interrupt_PendingWhenSaved_ComesInTheOtherPartition()
    {
        using InterruptMachine machine = CreateMachine(ApicCode.EnableLocalApic);
        using InterruptMachine other = CreateMachine();
        machine.RunToLoop();
        machine.Interrupts.Send(MsiMessage.ForX64(MessageVector));

        MachineTransfer.MoveAll(machine.Machine, other.Machine);

        Assert.Equal(MessageVector, other.NextVector());
        other.AssertNoInterrupt();
    }

    [Fact]
    public void ApicTimer_ArmedWhenSaved_FiresInTheOtherPartition()
    {
        using InterruptMachine machine = CreateMachine(static a =>
        {
            a.EnableLocalApic();
            a.WriteLocalApic(ApicCode.TimerDivide, 0xB);
            a.WriteLocalApic(ApicCode.TimerVector, MessageVector);
            a.WriteLocalApic(ApicCode.TimerInitialCount, 200_000_000);
        });
        using InterruptMachine other = CreateMachine();
        machine.RunToLoop();

        MachineTransfer.MoveAll(machine.Machine, other.Machine);

        Assert.Equal(MessageVector, other.NextVector());
        other.AssertNoInterrupt();
    }

    [Theory]
    [InlineData(InterruptControllerMode.PerVcpu)]
    [InlineData(InterruptControllerMode.Full)]
    public void Vcpu_HaltedWhenSaved_WakesInTheOtherPartition(InterruptControllerMode mode)
    {
        // Halts with interrupts on; the handler writes its vector.
        GuestProgram program = GuestProgram.RealMode(static (a, marks) =>
        {
            a.EnableLocalApic();
            a.sti();
            a.@in(al, 0x80);
            a.hlt();
            a.@in(al, 0x81);

            marks.Handler(MessageVector);
            a.WritePort(0x80, MessageVector);
            a.WriteLocalApic(ApicCode.EndOfInterruptRegister, 0);
            a.iret();
        });
        using var machine = new TestMachine(program, options => options.InterruptController = mode);
        using var other = new TestMachine(configure: options => options.InterruptController = mode);
        ApicCode.OpenWindows(machine.Vcpu);
        machine.RunOnce(VcpuExitKind.PortRead);
        RunToHalt(machine);
        Assert.Equal(X64ActivityState.Halted, machine.Vcpu.X64.Activity);

        MachineTransfer.MoveAll(machine, other);
        other.Partition.Interrupts.Send(MsiMessage.ForX64(MessageVector));

        Assert.Equal(MessageVector, other.RunOnce(VcpuExitKind.PortWrite).Value);
        Assert.Equal(0x81, other.RunOnce(VcpuExitKind.PortRead).Port);
    }

    [Fact]
    public void State_AsJson_IsTheSameState()
    {
        using InterruptMachine machine = CreateMachine(ProgramAllChips);
        using InterruptMachine other = CreateMachine();
        Assert.Equal(TimerVector, machine.NextVector());
        PartitionState state = machine.Machine.Partition.SaveState();

        string json = JsonSerializer.Serialize(state);
        PartitionState copy = JsonSerializer.Deserialize<PartitionState>(json)!;

        Assert.Equivalent(state, copy, strict: true);
        Assert.Equal(json, JsonSerializer.Serialize(copy));
        other.Machine.Partition.LoadState(copy);
        PartitionState again = other.Machine.Partition.SaveState();
        Assert.Equal(state.X64InterruptController!.IoApic!.Redirections, again.X64InterruptController!.IoApic!.Redirections);
        Assert.Equal(state.X64InterruptController.PrimaryPic! with { Requests = 0, LastInputs = 0 }, again.X64InterruptController.PrimaryPic! with { Requests = 0, LastInputs = 0 });
        Assert.Equal(state.X64InterruptController.SecondaryPic, again.X64InterruptController.SecondaryPic);
        Assert.Equal(state.X64InterruptController.Pit!.Channels[0].Count, again.X64InterruptController.Pit!.Channels[0].Count);
    }

    [Fact]
    public void LoadState_OfOtherChips_IsRefusedInWords()
    {
        using InterruptMachine machine = CreateMachine();
        using var other = new TestMachine(configure: static options => options.InterruptController = InterruptControllerMode.PerVcpu);
        PartitionState state = machine.Machine.Partition.SaveState();

        var exception = Assert.Throws<ArgumentException>(() => other.Partition.LoadState(state));

        Assert.Contains("different interrupt chips", exception.Message, StringComparison.Ordinal);
    }

    private static InterruptMachine CreateMachine(Action<Assembler>? setUp = null) => new(
        InterruptControllerMode.Full,
        [LineVector, TimerVector, MessageVector],
        setUp,
        static a =>
        {
            a.WritePort(0x20, 0x20);
            a.WriteLocalApic(ApicCode.EndOfInterruptRegister, 0);
        },
        static options => options.X64.TimerChip = true);

    /// <summary>The 8254 ticks every 4 ms through the 8259A; a line comes through the I/O APIC.</summary>
    private static void ProgramAllChips(Assembler a)
    {
        a.WriteLocalApic(ApicCode.SpuriousVector, 0x1FF);
        a.InitializePic(TimerVector, mask: 0xFE);
        a.RouteIoApicPin(Line, LineVector);
        a.WritePort(0x43, 0x34);
        a.WritePort(0x40, 0x00);
        a.WritePort(0x40, 0x13);
    }

    /// <summary>The guest sleeps in the host, which nobody is told of; its state says so once a run is cancelled.</summary>
    private static void RunToHalt(TestMachine machine)
    {
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        do
        {
            using var timer = new Timer(static vcpu => ((Vcpu)vcpu!).Cancel(), machine.Vcpu, TimeSpan.FromMilliseconds(20), Timeout.InfiniteTimeSpan);
            Assert.Equal(VcpuExitKind.Canceled, machine.RunOnce().Kind);
        }
        while (machine.Vcpu.X64.Activity != X64ActivityState.Halted && System.Diagnostics.Stopwatch.GetElapsedTime(start) < Limit.Value);
    }
}
