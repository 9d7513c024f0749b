using HvSdk.Live;
using HvSdk.Testing;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Conformance.Tests;

/// <summary>Breakpoint instructions.</summary>
public sealed class SoftwareBreakpointTests
{
    private const byte HandlerPort = 0x81;

    [Fact]
    [X64Only("It has no real mode.")]
    public void Int3_InRealMode_LeavesBeforeIt() =>
        Divergences.Check("software-breakpoint-real-mode", static () => BreakAndGoOn(GuestProgram.RealMode(Break)));

    [Fact]
    public void Breakpoint_AtKernelsLevel_LeavesBeforeIt() =>
        Divergences.Check("software-breakpoint-long-mode-cpl0", static () => BreakAndGoOn(CreateProgram(0)));

    [Fact]
    public void Breakpoint_AtUsersLevel_LeavesBeforeIt() =>
        Divergences.Check("software-breakpoint-long-mode-cpl3", static () => BreakAndGoOn(CreateProgram(3)));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Breakpoint_NotDebugged_RaisesTheGuestsException(bool wasDebuggedBefore)
    {
        using var machine = new TestMachine(Guest.IsX64 ? GuestProgram.RealMode(Break) : CreateProgram(0));
        if (wasDebuggedBefore)
        {
            machine.Vcpu.SetDebug(new VcpuDebugOptions { SoftwareBreakpoints = true });
            machine.Vcpu.SetDebug(VcpuDebugOptions.None);
        }

        Assert.Equal(Guest.IsX64 ? HandlerPort : Arm64Program.FaultPlace, machine.RunOnce(Guest.WriteExit).Place());
    }

    private static void BreakAndGoOn(TestProgram program)
    {
        using var machine = new TestMachine(program);
        machine.Vcpu.SetDebug(new VcpuDebugOptions { SoftwareBreakpoints = true });

        VcpuExit exit = machine.RunOnce(VcpuExitKind.Debug);
        Assert.Equal(DebugCause.SoftwareBreakpoint, exit.DebugCause);
        Assert.Equal(program.Symbols["break"], exit.Address);
        Assert.Equal(program.Symbols["break"], machine.ProgramCounter());

        // As a debugger does: the instruction that the breakpoint stood for is put back.
        machine.Memory.Write(program.Symbols["break"], Guest.NopInstruction);
        machine.RunOnce(Guest.ReadExit);
    }

    private static TestProgram CreateProgram(int level) => Guest.IsX64
        ? GuestProgram.LongMode(Break, new GuestLayout { PrivilegeLevel = level })
        : Guest.Program(
            static g =>
            {
                g.Nop();
                g.Symbol("break");
                g.Break();
                g.Ask();
            },
            level);

    /// <summary>Meets a breakpoint and reads a port; the handler writes to another.</summary>
    private static void Break(Assembler a, GuestMarks marks)
    {
        a.nop();
        marks.Symbol("break");
        a.int3();
        a.@in(al, Guest.DonePort);

        marks.Handler(3);
        a.@out(HandlerPort, al);
        a.hlt();
    }
}
