using HvSdk.Live;
using HvSdk.Testing;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Conformance.Tests;

/// <summary>Single steps.</summary>
[X64Only("TODO")]
public sealed class SingleStepTests
{
    private const int Data = 0x2_0000;

    [Fact]
    public void SingleStep_InRealMode_LeavesAfterEachInstruction() => StepThrough(GuestProgram.RealMode(Steps));

    [Fact]
    public void SingleStep_InProtectedMode_LeavesAfterEachInstruction() => StepThrough(GuestProgram.ProtectedMode(Steps));

    [Fact]
    public void SingleStep_InLongMode_LeavesAfterEachInstruction() => StepThrough(GuestProgram.LongMode(Steps));

    [Fact]
    public void SingleStep_AtCpl3_LeavesAfterEachInstruction() => Divergences.Check(
        "single-step-at-cpl3", static () => StepThrough(GuestProgram.LongMode(Steps, new GuestLayout { PrivilegeLevel = 3 })));

    [Fact]
    public void SingleStep_OverPortRead_LeavesForTheReadAndThenForTheStep()
    {
        GuestProgram program = GuestProgram.LongMode(static (a, marks) =>
        {
            a.@in(al, 0x80);
            marks.Symbol("after");
            a.nop();
        });
        using var machine = new TestMachine(program);
        machine.Vcpu.SetDebug(new VcpuDebugOptions { SingleStep = true });

        machine.RunOnce(VcpuExitKind.PortRead).SetValue(0x5A);

        Assert.Equal(program.Symbols["after"], machine.RunOnce(VcpuExitKind.Debug).Address);
        Assert.Equal(0x5AUL, machine.Registers.Rax);
    }

    [Fact]
    public void SingleStep_OverPortWrite_LeavesForTheWriteAndThenForTheStep() => Divergences.Check("single-step-over-port-write", static () =>
    {
        GuestProgram program = GuestProgram.LongMode(static (a, marks) =>
        {
            a.@out(0x80, al);
            marks.Symbol("after");
            a.nop();
            a.nop();
        });
        using var machine = new TestMachine(program);
        machine.Vcpu.SetDebug(new VcpuDebugOptions { SingleStep = true });

        machine.RunOnce(VcpuExitKind.PortWrite);

        Assert.True(program.Symbols["after"] == machine.RunOnce(VcpuExitKind.Debug).Address, "the port write is one step");
    });

    [Fact]
    public void SingleStep_TurnedOff_TheGuestRunsOn()
    {
        using var machine = new TestMachine(GuestProgram.LongMode(static a =>
        {
            a.nop();
            a.nop();
            a.nop();
            a.pushfq();
            a.pop(rbx);
            a.@in(al, 0x80);
        }));
        machine.Vcpu.SetDebug(new VcpuDebugOptions { SingleStep = true });
        machine.RunOnce(VcpuExitKind.Debug);

        machine.Vcpu.SetDebug(VcpuDebugOptions.None);

        machine.RunOnce(VcpuExitKind.PortRead);
        Assert.Equal(0UL, machine.Registers.Rbx & X64Flags.Trap);
    }

    [Fact]
    public void SingleStep_WhereABreakpointOnceWas_IsAStep()
    {
        GuestProgram program = GuestProgram.LongMode(Steps);
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

    private static void StepThrough(GuestProgram program)
    {
        using var machine = new TestMachine(program);
        machine.Vcpu.SetDebug(new VcpuDebugOptions { SingleStep = true });

        for (int i = 1; program.Symbols.TryGetValue($"{i}", out ulong next); i++)
        {
            VcpuExit exit = machine.RunOnce(VcpuExitKind.Debug);
            Assert.Equal((DebugCause.SingleStep, next), (exit.DebugCause, exit.Address));
            Assert.Equal(next, machine.Registers.Rip);
        }
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
