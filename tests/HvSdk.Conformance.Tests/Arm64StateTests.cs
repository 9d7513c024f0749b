using System.Text.Json;
using HvSdk.Live;

namespace HvSdk.Conformance.Tests;

/// <summary>State of AArch64 saved in the middle of a program, and loaded into another partition that goes on with it: vCPUs, the GIC, timers, what is pending.</summary>
[Arm64Only]
public sealed class Arm64StateTests
{
    private const ulong Number = 0x1122_3344_5566_7788;
    private const int Line = 3;

    /// <summary>Fills registers of all kinds, asks the host, and tells their sum.</summary>
    private static readonly Arm64Program s_program = new(static a =>
    {
        a.Mov(5, Number);
        a.Mov(1, Guest.Buffer);
        a.Str(5, 1, 8);
        a.LoadVector(17, 1);
        a.Mov(6, 0x1000);
        a.Msr(Arm64SystemRegister.TpidrEl1, 6);
        a.Ask();
        a.StoreVector(17, 1, 16);
        a.Ldr(7, 1, 8, 16);
        a.Mrs(8, Arm64SystemRegister.TpidrEl1);
        a.AddRegister(7, 7, 8);
        a.AddRegister(7, 7, 0);
        a.Tell(7);
    });

    [Theory]
    [InlineData(InterruptControllerMode.None)]
    [InlineData(InterruptControllerMode.Full)]
    public void State_LoadedIntoAnotherPartition_TheProgramGoesOn(InterruptControllerMode mode)
    {
        using TestMachine machine = Create(mode);
        machine.RunOnce(VcpuExitKind.MmioRead).SetValue(0x5A);
        Arm64Transfer transfer = Arm64Transfer.SaveAndEnd(machine);

        using TestMachine other = Create(mode, isLoaded: false);
        transfer.LoadInto(other);

        Assert.Equal(Number + 0x1000 + 0x5A, other.NextTold());
    }

    [Fact]
    public void State_OfPendingRead_HoldsItsAnswer()
    {
        using TestMachine machine = Create(InterruptControllerMode.None);
        machine.RunOnce(VcpuExitKind.MmioRead).SetValue(0x5A);
        ulong pc = machine.ProgramCounter();

        Arm64VcpuState state = machine.Vcpu.Arm64.SaveState();

        Assert.Equal((0x5AUL, pc + 4), (state.Registers[0], state.Registers.Pc));
        Assert.Equal(Number, (ulong)state.Simd[17]);
        Assert.Equal(Number + 0x1000 + 0x5A, machine.NextTold());
    }

    [Theory]
    [InlineData(InterruptControllerMode.None)]
    [InlineData(InterruptControllerMode.Full)]
    public void State_AsJson_IsTheSameState(InterruptControllerMode mode)
    {
        using TestMachine machine = Create(mode);
        machine.RunOnce(VcpuExitKind.MmioRead).SetValue(0x5A);
        Arm64Transfer transfer = Arm64Transfer.SaveAndEnd(machine);

        string json = JsonSerializer.Serialize(transfer);
        Arm64Transfer copy = JsonSerializer.Deserialize<Arm64Transfer>(json)!;

        Assert.Equal(json, JsonSerializer.Serialize(copy));
        Assert.Equal(transfer.Vcpu.Registers, copy.Vcpu.Registers);
        Assert.Equal(transfer.Vcpu.SystemRegisters, copy.Vcpu.SystemRegisters);
        using TestMachine other = Create(mode, isLoaded: false);
        copy.LoadInto(other);
        Assert.Equal(Number + 0x1000 + 0x5A, other.NextTold());
    }

    [Theory]
    [InlineData(InterruptControllerMode.None)]
    [InlineData(InterruptControllerMode.Full)]
    public void State_SavedAndLoadedAndSaved_IsTheSame(InterruptControllerMode mode)
    {
        using TestMachine machine = Create(mode);
        machine.RunOnce(VcpuExitKind.MmioRead).SetValue(0x5A);
        Arm64Transfer transfer = Arm64Transfer.SaveAndEnd(machine);
        using TestMachine other = Create(mode, isLoaded: false);

        transfer.LoadInto(other);
        Arm64VcpuState again = other.Vcpu.Arm64.SaveState();
        PartitionState partition = other.Partition.SaveState();

        Assert.Equal(transfer.Vcpu.Registers, again.Registers);
        Assert.Equal(transfer.Vcpu.SystemRegisters, again.SystemRegisters);
        Assert.Equal(transfer.Vcpu.Simd, again.Simd);
        Assert.Equal(transfer.Vcpu.Redistributor, again.Redistributor);
        Assert.Equal(transfer.Partition.Arm64Gic?.Distributor, partition.Arm64Gic?.Distributor);
        Assert.Equal(transfer.Vcpu.PowerState, again.PowerState);
    }

    [Fact]
    public void Gic_ProgrammedByGuest_WorksInTheOtherPartition()
    {
        using var machine = new Arm64InterruptMachine(static a => a.EnableLine(Line));
        machine.RunToLoop();
        Arm64Transfer transfer = Arm64Transfer.SaveAndEnd(machine.Machine);

        using var other = new Arm64InterruptMachine(static a => a.Nop());
        transfer.LoadInto(other.Machine);
        other.AssertNoInterrupt();
        other.Interrupts.GetLine(Line).Set(true);

        Assert.Equal(Arm64GicCode.FirstShared + Line, other.NextInterrupt());
    }

    [Fact]
    public void Interrupt_PendingWhenSaved_ComesInTheOtherPartition()
    {
        using var machine = new Arm64InterruptMachine(static a => a.EnableLine(GuestMessages.Frame.FirstLine, isEdge: true));
        machine.RunToLoop();
        machine.Interrupts.Send(GuestMessages.Message);
        Arm64Transfer transfer = Arm64Transfer.SaveAndEnd(machine.Machine);

        using var other = new Arm64InterruptMachine(static a => a.Nop());
        transfer.LoadInto(other.Machine);

        Assert.Equal(Arm64GicCode.FirstShared + GuestMessages.Frame.FirstLine, other.NextInterrupt());
        other.AssertNoInterrupt();
    }

    [Fact]
    public void Interrupt_ActiveWhenSaved_IsEndedInTheOtherPartition()
    {
        using var machine = new Arm64InterruptMachine(static a => a.EnableLine(Line));
        machine.RunToLoop();
        machine.Interrupts.GetLine(Line).Set(true);
        Assert.Equal(Arm64GicCode.FirstShared + Line, machine.NextInterrupt());
        Arm64Transfer transfer = Arm64Transfer.SaveAndEnd(machine.Machine);

        using var other = new Arm64InterruptMachine(static a => a.Nop());
        transfer.LoadInto(other.Machine);

        // Whoever drives a level drives it in the other machine too; it was released meanwhile.
        other.Interrupts.GetLine(Line).Set(false);
        other.AssertNoInterrupt();
        other.Interrupts.GetLine(Line).Set(true);
        Assert.Equal(Arm64GicCode.FirstShared + Line, other.NextInterrupt());
    }

    [Fact]
    public void Timer_ArmedWhenSaved_FiresInTheOtherPartition()
    {
        ulong ticks = (ulong)Arm64TimerTests.CounterFrequency() / 5;
        using TestMachine machine = Arm64Guest.Create(a =>
        {
            Arm64TimerTests.SetTimer(a, ticks);
            a.AskForEver();
        });
        machine.RunOnce(VcpuExitKind.MmioRead);
        Arm64Transfer transfer = Arm64Transfer.SaveAndEnd(machine);

        using TestMachine other = Arm64Guest.Create(static a => a.Nop());
        transfer.LoadInto(other);

        // Time stands still between saving and loading: what was left is left, less the moments since.
        Assert.InRange(other.Vcpu.Arm64.GetVirtualTimerDelay(), TimeSpan.Zero, TimeSpan.FromSeconds(0.2));
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        while (other.RunOnce().Kind != VcpuExitKind.Timer)
        {
            Assert.True(System.Diagnostics.Stopwatch.GetElapsedTime(start) < Limit.Value, "The timer fires in the other partition.");
        }
    }

    [Fact]
    public void Vcpu_OffWhenSaved_IsOffInTheOtherPartition()
    {
        using TestMachine machine = Create(InterruptControllerMode.None);
        machine.Vcpu.Arm64.PowerState = Arm64PowerState.Off;
        Arm64Transfer transfer = Arm64Transfer.SaveAndEnd(machine);

        using TestMachine other = Create(InterruptControllerMode.None, isLoaded: false);
        transfer.LoadInto(other);

        Assert.Equal(Arm64PowerState.Off, other.Vcpu.Arm64.PowerState);
        other.Vcpu.Cancel();
        Assert.Equal(VcpuExitKind.Canceled, other.RunOnce().Kind);
    }

    [Fact]
    public void LoadState_OfAnotherControllerMode_IsRefusedInWords()
    {
        using TestMachine machine = Create(InterruptControllerMode.None);
        Arm64Transfer transfer = Arm64Transfer.SaveAndEnd(machine);
        using TestMachine other = Create(InterruptControllerMode.Full, isLoaded: false);

        var vcpu = Assert.Throws<ArgumentException>(() => other.Vcpu.Arm64.LoadState(transfer.Vcpu));
        var partition = Assert.Throws<ArgumentException>(() => other.Partition.LoadState(transfer.Partition));
        var simd = Assert.Throws<ArgumentException>(() => other.Vcpu.Arm64.LoadState(transfer.Vcpu with { Simd = new UInt128[3] }));

        Assert.Contains(nameof(PartitionOptions.InterruptController), vcpu.Message, StringComparison.Ordinal);
        Assert.Contains(nameof(PartitionOptions.InterruptController), partition.Message, StringComparison.Ordinal);
        Assert.Contains("32", simd.Message, StringComparison.Ordinal);
    }

    private static TestMachine Create(InterruptControllerMode mode, bool isLoaded = true) => new(isLoaded ? s_program : null, options => options.InterruptController = mode);
}
