using System.Text.Json;
using HvSdk.Live;
using HvSdk.Testing;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Conformance.Tests;

/// <summary>State saved on one vCPU in the middle of a program, and loaded into another that goes on with it.</summary>
[X64Only("The state is x86's; Arm64StateTests has AArch64's.")]
public sealed class VcpuStateTests
{
    private const byte Port = 0x80;
    private const ulong Number = 0x1122_3344_5566_7788;

    /// <summary>Fills registers, reads a port, and brings them together; at privilege level 3, where interpreting hosts know SSE too.</summary>
    private static readonly GuestProgram s_program = GuestProgram.LongMode(
        static (a, marks) =>
        {
            a.mov(rbx, Number);
            a.movq(xmm3, rbx);
            a.movq(xmm15, rbx);
            a.mov(r15, 0x1000);
            a.push(r15);
            a.@in(al, Port);
            marks.Symbol("saved here");
            a.pop(rcx);
            a.movq(rdx, xmm3);
            a.movq(rsi, xmm15);
            a.add(rdx, r15);
            a.@out(Port, al);
        },
        new GuestLayout { PrivilegeLevel = 3 });

    [Fact]
    public void State_LoadedIntoAnotherVcpuOfThePartition_TheProgramGoesOn()
    {
        using TestMachine machine = CreateMachine(InterruptControllerMode.None);
        X64VcpuState state = RunAndSave(machine);
        machine.Vcpu.Dispose();
        using Vcpu fresh = machine.Partition.CreateVcpu(1);

        fresh.X64.LoadState(state);

        AssertGoesOn(fresh);
    }

    [Theory]
    [InlineData(InterruptControllerMode.None)]
    [InlineData(InterruptControllerMode.PerVcpu)]
    [InlineData(InterruptControllerMode.Full)]
    public void State_LoadedIntoAnotherPartition_TheProgramGoesOn(InterruptControllerMode mode)
    {
        using TestMachine machine = CreateMachine(mode);
        X64VcpuState state = RunAndSave(machine);
        using TestMachine other = CreateMachine(mode, isLoaded: false);
        MachineTransfer.CopyRam(machine, other);

        other.Vcpu.X64.LoadState(state);

        AssertGoesOn(other.Vcpu);
        Assert.Equal(0x1234UL, other.Vcpu.X64.GetMsr(X64MsrIndex.Lstar));
    }

    [Fact]
    public void State_OfPendingRead_HoldsItsAnswer()
    {
        using TestMachine machine = CreateMachine(InterruptControllerMode.None);

        X64VcpuState state = RunAndSave(machine);

        Assert.Equal(0x5AUL, state.Registers.Rax & 0xFF);
        Assert.Equal(s_program.Symbols["saved here"], state.Registers.Rip);
        Assert.Equal(Number, BitConverter.ToUInt64(state.Xsave, 160 + (3 * 16)));
        AssertGoesOn(machine.Vcpu);
    }

    [Theory]
    [InlineData(InterruptControllerMode.None)]
    [InlineData(InterruptControllerMode.PerVcpu)]
    public void State_AsJson_IsTheSameState(InterruptControllerMode mode)
    {
        using TestMachine machine = CreateMachine(mode);
        X64VcpuState state = RunAndSave(machine);

        string json = JsonSerializer.Serialize(state);
        X64VcpuState copy = JsonSerializer.Deserialize<X64VcpuState>(json)!;

        Assert.Equivalent(state, copy, strict: true);
        Assert.Equal(json, JsonSerializer.Serialize(copy));
        using TestMachine other = CreateMachine(mode, isLoaded: false);
        MachineTransfer.CopyRam(machine, other);
        other.Vcpu.X64.LoadState(copy);
        AssertGoesOn(other.Vcpu);
    }

    [Fact]
    public void State_SavedAndLoadedAndSaved_IsTheSame()
    {
        using TestMachine machine = CreateMachine(InterruptControllerMode.PerVcpu);
        X64VcpuState state = RunAndSave(machine);
        using TestMachine other = CreateMachine(InterruptControllerMode.PerVcpu);

        other.Vcpu.X64.LoadState(state);
        X64VcpuState again = other.Vcpu.X64.SaveState();

        Assert.Equal(state.Registers, again.Registers);
        Assert.Equal(state.SpecialRegisters, again.SpecialRegisters);
        Assert.Equal(state.DebugRegisters, again.DebugRegisters);
        Assert.Equal(state.Events, again.Events);
        Assert.Equal(state.Activity, again.Activity);
        Assert.Equal(state.Xcrs, again.Xcrs);
        Assert.Equal(state.Xsave, again.Xsave);
        Assert.Equal(state.LocalApic, again.LocalApic);

        // All but those that run on by themselves.
        Assert.Equal(
            state.Msrs.Where(static msr => !IsClock(msr.Index)),
            again.Msrs.Where(static msr => !IsClock(msr.Index)));
    }

    [Fact]
    public void LoadState_OfAnotherControllerMode_IsRefusedInWords()
    {
        using TestMachine machine = CreateMachine(InterruptControllerMode.None);
        using TestMachine other = CreateMachine(InterruptControllerMode.PerVcpu);
        X64VcpuState state = machine.Vcpu.X64.SaveState();

        var exception = Assert.Throws<ArgumentException>(() => other.Vcpu.X64.LoadState(state));
        var shortened = Assert.Throws<ArgumentException>(() => machine.Vcpu.X64.LoadState(state with { Xsave = new byte[512] }));

        Assert.Contains(nameof(PartitionOptions.InterruptController), exception.Message, StringComparison.Ordinal);
        Assert.Contains("576", shortened.Message, StringComparison.Ordinal);
    }

    private static bool IsClock(uint index) => index is X64MsrIndex.TimeStampCounter or 0x3B or 0x4000_0010 or 0x4000_0020 or 0x4000_0021 or 0xE7 or 0xE8;

    private static TestMachine CreateMachine(InterruptControllerMode mode, bool isLoaded = true) =>
        new(isLoaded ? s_program : null, options =>
        {
            options.InterruptController = mode;
            options.MaxVcpus = 2;
        });

    private static X64VcpuState RunAndSave(TestMachine machine)
    {
        machine.Vcpu.X64.SetMsr(X64MsrIndex.Lstar, 0x1234);
        machine.RunOnce(VcpuExitKind.PortRead).SetValue(0x5A);
        return machine.Vcpu.X64.SaveState();
    }

    private static void AssertGoesOn(Vcpu vcpu)
    {
        VcpuExit exit = vcpu.RunOnceBounded();
        Assert.Equal($"{VcpuExitKind.PortWrite}", $"{exit.Kind}");
        Assert.Equal(0x5AUL, exit.Value);
        X64Registers registers = vcpu.X64.GetRegisters();
        Assert.Equal(
            (Number, 0x1000UL, Number + 0x1000, Number, 0x1000UL),
            (registers.Rbx, registers.Rcx, registers.Rdx, registers.Rsi, registers.R15));
    }
}
