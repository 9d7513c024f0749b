using HvSdk.Live;
using HvSdk.Testing;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Conformance.Tests;

/// <summary>Single steps.</summary>
public sealed class SingleStepTests
{
    private const int Data = 0x2_0000;

    /// <summary>RAM whose address fits into one instruction of AArch64.</summary>
    private const ulong SmallData = 0x9000;

    [Fact]
    [X64Only("It has no real mode.")]
    public void SingleStep_InRealMode_LeavesAfterEachInstruction() => StepThrough(GuestProgram.RealMode(Steps));

    [Fact]
    [X64Only("It has no protected mode.")]
    public void SingleStep_InProtectedMode_LeavesAfterEachInstruction() => StepThrough(GuestProgram.ProtectedMode(Steps));

    [Fact]
    public void SingleStep_AtKernelsLevel_LeavesAfterEachInstruction() => StepThrough(CreateProgram(0));

    [Fact]
    public void SingleStep_AtUsersLevel_LeavesAfterEachInstruction() => Divergences.Check("single-step-at-cpl3", static () => StepThrough(CreateProgram(3)));

    [Fact]
    public void SingleStep_OverRead_LeavesForTheReadAndThenForTheStep()
    {
        TestProgram program = Guest.Program(static g =>
        {
            g.Ask();
            g.Symbol("after");
            g.Nop();
        });
        using var machine = new TestMachine(program);
        machine.Vcpu.SetDebug(new VcpuDebugOptions { SingleStep = true });

        machine.RunOnce(Guest.ReadExit).SetValue(0x5A);

        Assert.Equal(program.Symbols["after"], machine.RunOnce(VcpuExitKind.Debug).Address);
        Assert.Equal(0x5AUL, machine.Read(GuestRegister.Value));
    }

    [Fact]
    public void SingleStep_OverWrite_LeavesForTheWriteAndThenForTheStep() => Divergences.Check("single-step-over-port-write", static () =>
    {
        TestProgram program = Guest.Program(static g =>
        {
            g.Done();
            g.Symbol("after");
            g.Nop();
            g.Nop();
        });
        using var machine = new TestMachine(program);
        machine.Vcpu.SetDebug(new VcpuDebugOptions { SingleStep = true });

        machine.RunOnceToDone();

        Assert.True(program.Symbols["after"] == machine.RunOnce(VcpuExitKind.Debug).Address, "the write is one step");
    });

    [Fact]
    public void SingleStep_TurnedOff_TheGuestRunsOn()
    {
        // Three instructions and a question; on x86-64 the guest looks at its trap flag in between.
        using var machine = new TestMachine(Guest.IsX64 ? CreateLookingAtFlags() : Guest.Program(static g =>
        {
            g.Nop();
            g.Nop();
            g.Nop();
            g.Ask();
        }));
        machine.Vcpu.SetDebug(new VcpuDebugOptions { SingleStep = true });
        machine.RunOnce(VcpuExitKind.Debug);

        machine.Vcpu.SetDebug(VcpuDebugOptions.None);

        machine.RunOnce(Guest.ReadExit);
        Assert.Equal(0UL, machine.Read(GuestRegister.First) & X64Flags.Trap);
    }

    [Fact]
    public void SingleStep_WhereABreakpointOnceWas_IsAStep()
    {
        TestProgram program = CreateProgram(0);
        using var machine = new TestMachine(program);
        HardwareBreakpoint[] breakpoints = [.. Enumerable.Range(1, 4).Select(i => new HardwareBreakpoint(program.Symbols[$"{i}"]))];
        machine.Vcpu.SetDebug(new VcpuDebugOptions { SingleStep = true, HardwareBreakpoints = breakpoints });
        machine.RunOnce(VcpuExitKind.Debug);
        program.Start(machine.Vcpu);

        machine.Vcpu.SetDebug(new VcpuDebugOptions { SingleStep = true });

        for (int i = 1; i <= 4; i++)
        {
            VcpuExit exit = machine.RunOnce(VcpuExitKind.Debug);
            Assert.Equal((DebugCause.SingleStep, program.Symbols[$"{i}"]), (exit.DebugCause, exit.Address));
        }
    }

    private static void StepThrough(TestProgram program)
    {
        using var machine = new TestMachine(program);
        machine.Vcpu.SetDebug(new VcpuDebugOptions { SingleStep = true });

        for (int i = 1; program.Symbols.TryGetValue($"{i}", out ulong next); i++)
        {
            VcpuExit exit = machine.RunOnce(VcpuExitKind.Debug);
            Assert.Equal((DebugCause.SingleStep, next), (exit.DebugCause, exit.Address));
            Assert.Equal(next, machine.ProgramCounter());
        }
    }

    private static GuestProgram CreateLookingAtFlags() => GuestProgram.LongMode(static a =>
    {
        a.nop();
        a.nop();
        a.nop();
        a.pushfq();
        a.pop(rbx);
        a.@in(al, Guest.DonePort);
    });

    private static TestProgram CreateProgram(int level) => Guest.IsX64
        ? GuestProgram.LongMode(Steps, new GuestLayout { PrivilegeLevel = level })
        : Guest.Program(Steps, level);

    /// <summary>A register, a jump and a write; each next instruction is a symbol.</summary>
    private static void Steps(GuestCode g)
    {
        g.Set(GuestRegister.Value, 1);
        g.Symbol("1");
        g.Nop();
        g.Symbol("2");
        g.Set(GuestRegister.Address, SmallData);
        g.Symbol("3");
        g.Store(1);
        g.Symbol("4");
        GuestLabel over = g.CreateLabel();
        g.Jump(over);
        g.Nop();
        g.Mark(over);
        g.Symbol("5");
        g.Nop();
        g.Symbol("6");
        g.Nop();
    }

    /// <summary>Instructions of several lengths, a jump and a write; each next one is a symbol.</summary>
    private static void Steps(Assembler a, GuestMarks marks)
    {
        a.mov(al, 1);
        marks.Symbol("1");
        a.nop();
        marks.Symbol("2");
        a.mov(ecx, 0x1234_5678);
        marks.Symbol("3");
        a.mov(__byte_ptr[Data & 0xFFFF], al);
        marks.Symbol("4");
        Label over = a.CreateLabel();
        a.jmp(over);
        a.nop();
        a.Label(ref over);
        a.zero_bytes();
        marks.Symbol("5");
        a.nop();
        marks.Symbol("6");
        a.nop();
    }
}
