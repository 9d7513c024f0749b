using HvSdk.Live;

namespace HvSdk.Conformance.Tests;

/// <summary>Breakpoints in the processor's registers.</summary>
public sealed class HardwareBreakpointTests
{
    private const ulong Unused = 0x1F_0000;
    private const int Data = 0x2_0000;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    public void Execute_Reached_LeavesBeforeIt(int index) => Divergences.Check("execute-breakpoint", () =>
    {
        TestProgram program = CreateProgram();
        using var machine = new TestMachine(program);
        var breakpoints = new HardwareBreakpoint[] { new(Unused), new(Unused + 4), new(Unused + 8), new(Unused + 12) };
        breakpoints[index] = new HardwareBreakpoint(program.Symbols["first"]);
        machine.Vcpu.SetDebug(new VcpuDebugOptions { HardwareBreakpoints = breakpoints });

        VcpuExit exit = machine.RunOnce(VcpuExitKind.Debug);
        Assert.Equal(DebugCause.HardwareBreakpoint, exit.DebugCause);
        Assert.Equal(index, exit.BreakpointIndex);
        Assert.Equal(program.Symbols["first"], exit.Address);
        Assert.Equal(program.Symbols["first"], machine.ProgramCounter());

        // The next one alone, so that the guest gets past this one.
        machine.Vcpu.SetDebug(new VcpuDebugOptions { HardwareBreakpoints = [new HardwareBreakpoint(program.Symbols["second"])] });
        exit = machine.RunOnce(VcpuExitKind.Debug);
        Assert.Equal(0, exit.BreakpointIndex);
        Assert.Equal(program.Symbols["second"], exit.Address);

        machine.Vcpu.SetDebug(VcpuDebugOptions.None);
        machine.RunOnce(Guest.ReadExit);
    });

    [Theory]
    [InlineData(HardwareBreakpointKind.Write, 1)]
    [InlineData(HardwareBreakpointKind.Write, 2)]
    [InlineData(HardwareBreakpointKind.Write, 4)]
    [InlineData(HardwareBreakpointKind.Write, 8)]
    [InlineData(HardwareBreakpointKind.ReadWrite, 1)]
    [InlineData(HardwareBreakpointKind.ReadWrite, 4)]
    public void Data_Touched_LeavesAfterIt(HardwareBreakpointKind kind, int length) => Divergences.Check("data-breakpoint", () =>
    {
        // Touches the byte before and the byte after the watched ones, reads the last of them, and writes it.
        TestProgram program = Guest.Program(g =>
        {
            g.Set(GuestRegister.Address, Data - 1);
            g.Store(1);
            g.Store(1, length + 1);
            g.Load(1, length);
            g.Symbol("after read");
            g.Nop();
            g.Store(1, length);
            g.Symbol("after write");
            g.Nop();
            g.Ask();
        });
        using var machine = new TestMachine(program);
        machine.Vcpu.SetDebug(new VcpuDebugOptions { HardwareBreakpoints = [new(Unused), new(Data, kind, length)] });

        if (kind == HardwareBreakpointKind.ReadWrite)
        {
            Assert.Equal(1, machine.RunOnce(VcpuExitKind.Debug).BreakpointIndex);
            Assert.Equal(program.Symbols["after read"], machine.ProgramCounter());
        }

        Assert.Equal(1, machine.RunOnce(VcpuExitKind.Debug).BreakpointIndex);
        Assert.Equal(program.Symbols["after write"], machine.ProgramCounter());
        machine.RunOnce(Guest.ReadExit);
    });

    [Fact]
    public void Breakpoints_TurnedOff_LeaveTheGuestAlone()
    {
        TestProgram program = CreateProgram();
        using var machine = new TestMachine(program);
        machine.Vcpu.SetDebug(new VcpuDebugOptions { HardwareBreakpoints = [new(program.Symbols["first"]), new(program.Symbols["second"])] });
        machine.Vcpu.SetDebug(VcpuDebugOptions.None);

        machine.RunOnce(Guest.ReadExit);

        if (Guest.IsX64)
        {
            X64DebugRegisters registers = machine.Vcpu.X64.GetDebugRegisters();
            Assert.Equal((0UL, 0UL), (registers.Dr0, registers.Dr1));
        }
    }

    [Theory]
    [InlineData(0x1001UL, HardwareBreakpointKind.Write, 2, "aligned")]
    [InlineData(0x1000UL, HardwareBreakpointKind.Execute, 4, "4 bytes")]
    [InlineData(0x1000UL, HardwareBreakpointKind.ReadWrite, 3, "3 bytes")]
    public void Breakpoint_ThatCannotBe_IsRefusedInWords(ulong address, HardwareBreakpointKind kind, int length, string words)
    {
        using var machine = new TestMachine();

        var exception = Assert.Throws<ArgumentException>(
            () => machine.Vcpu.SetDebug(new VcpuDebugOptions { HardwareBreakpoints = [new(address, kind, length)] }));

        Assert.Contains(words, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Breakpoints_MoreThanTheProcessorHas_AreRefusedInWords()
    {
        using var machine = new TestMachine();
        int most = machine.Partition.Capabilities.MaxHardwareBreakpoints;

        var exception = Assert.Throws<ArgumentException>(
            () => machine.Vcpu.SetDebug(new VcpuDebugOptions { HardwareBreakpoints = new HardwareBreakpoint[most + 1] }));

        Assert.Contains($"{most + 1}", exception.Message, StringComparison.Ordinal);
        Assert.Contains($"has {most}.", exception.Message, StringComparison.Ordinal);
    }

    /// <summary>Executes two marked instructions, and asks the host.</summary>
    private static TestProgram CreateProgram() => Guest.Program(static g =>
    {
        g.Nop();
        g.Symbol("first");
        g.Set(GuestRegister.Value, 1);
        g.Nop();
        g.Symbol("second");
        g.Set(GuestRegister.Value, 2);
        g.Ask();
    });
}
