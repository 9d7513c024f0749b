using HvSdk.Live;
using HvSdk.Testing;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Conformance.Tests;

/// <summary>Breakpoint instructions.</summary>
[X64Only("TODO")]
public sealed class SoftwareBreakpointTests
{
    private const byte HandlerPort = 0x80;
    private const byte NextPort = 0x81;

    [Fact]
    public void Int3_InRealMode_LeavesBeforeIt() =>
        Divergences.Check("software-breakpoint-real-mode", static () => BreakAndGoOn(GuestProgram.RealMode(Break)));

    [Fact]
    public void Int3_InLongModeAtCpl0_LeavesBeforeIt() =>
        Divergences.Check("software-breakpoint-long-mode-cpl0", static () => BreakAndGoOn(GuestProgram.LongMode(Break)));

    [Fact]
    public void Int3_InLongModeAtCpl3_LeavesBeforeIt() =>
        Divergences.Check("software-breakpoint-long-mode-cpl3", static () => BreakAndGoOn(GuestProgram.LongMode(Break, new GuestLayout { PrivilegeLevel = 3 })));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Int3_NotDebugged_RaisesTheGuestsException(bool wasDebuggedBefore)
    {
        using var machine = new TestMachine(GuestProgram.RealMode(Break));
        if (wasDebuggedBefore)
        {
            machine.Vcpu.SetDebug(new VcpuDebugOptions { SoftwareBreakpoints = true });
            machine.Vcpu.SetDebug(VcpuDebugOptions.None);
        }

        Assert.Equal(HandlerPort, machine.RunOnce(VcpuExitKind.PortWrite).Port);
    }

    private static void BreakAndGoOn(GuestProgram program)
    {
        using var machine = new TestMachine(program);
        machine.Vcpu.SetDebug(new VcpuDebugOptions { SoftwareBreakpoints = true });

        VcpuExit exit = machine.RunOnce(VcpuExitKind.Debug);
        Assert.Equal(DebugCause.SoftwareBreakpoint, exit.DebugCause);
        Assert.Equal(program.Symbols["break"], exit.Address);
        Assert.Equal(program.Symbols["break"], machine.Registers.Rip);

        // As a debugger does: the instruction that INT3 stood for is put back.
        machine.Memory.Write<byte>(program.Symbols["break"], 0x90);
        Assert.Equal(NextPort, machine.RunOnce(VcpuExitKind.PortRead).Port);
    }

    /// <summary>Meets a breakpoint and reads a port; the handler writes to another.</summary>
    private static void Break(Assembler a, GuestMarks marks)
    {
        a.nop();
        marks.Symbol("break");
        a.int3();
        a.@in(al, NextPort);

        marks.Handler(3);
        a.@out(HandlerPort, al);
        a.hlt();
    }
}
