using HvSdk.Backends.Whp.Interop;
using HvSdk.Backends.Whp.Tests.Fakes;

namespace HvSdk.Backends.Whp.Tests;

/// <summary>Breakpoints and steps by exceptions that leave.</summary>
public sealed unsafe class DebugTests
{
    private const WHV_REGISTER_NAME Rflags = WHV_REGISTER_NAME.WHvX64RegisterRflags;
    private const WHV_REGISTER_NAME Rip = WHV_REGISTER_NAME.WHvX64RegisterRip;
    private const ulong TrapFlag = 0x100;
    private const ulong ResumeFlag = 0x10000;
    private const byte Debug = 1;
    private const byte Breakpoint = 3;
    private const ulong SingleStepStatus = 1UL << 14;
    private const ulong Start = 0x1000;

    [Fact]
    public void SoftwareBreakpoint_Asked_LeavesAtTheInstruction()
    {
        using var machine = new FakeMachine();
        machine.Load(Start, 0xCC);
        machine.Vcpu.SetDebug(new VcpuDebugOptions { SoftwareBreakpoints = true });
        Assert.Equal(1UL << Breakpoint, ExceptionBitmap(machine));
        machine.ThenException(Breakpoint, isSoftware: true);

        VcpuExit exit = machine.Vcpu.RunOnce();

        Assert.Equal(VcpuExitKind.Debug, exit.Kind);
        Assert.Equal(DebugCause.SoftwareBreakpoint, exit.DebugCause);
        Assert.Equal(Start, exit.Address);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void SoftwareBreakpoint_InAnInstructionThatIsEmulated_LeavesWhereAsked(bool isAsked)
    {
        using var machine = new FakeMachine();
        machine.Load(Start, 0xCC);
        machine.Vcpu.SetDebug(new VcpuDebugOptions { SoftwareBreakpoints = isAsked });
        machine.ThenUnsupported(WHV_X64_UNSUPPORTED_FEATURE_CODE.WHvUnsupportedFeatureIntercept, length: 1).Then(WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt);

        VcpuExit exit = machine.Vcpu.RunOnce();

        Assert.Equal(isAsked ? VcpuExitKind.Debug : VcpuExitKind.Halt, exit.Kind);
        Assert.True(!isAsked || exit.Address == Start);
        Assert.Equal(isAsked ? Start : Start + 1, machine.Processor[Rip]);
    }

    [Fact]
    public void SoftwareBreakpoint_NotAsked_IsGivenBackBehindTheInstruction()
    {
        using var machine = new FakeMachine();
        machine.Load(Start, 0xCC);
        machine.ThenException(Breakpoint, isSoftware: true).Then(WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt);

        Assert.Equal(VcpuExitKind.Halt, machine.Vcpu.RunOnce().Kind);

        WHV_X64_PENDING_EXCEPTION_EVENT given = machine.Processor.Registers[WHV_REGISTER_NAME.WHvRegisterPendingEvent].ExceptionEvent;
        Assert.Equal((1U, (uint)Breakpoint, 0U), (given.EventPending, given.Vector, given.DeliverErrorCode));
        Assert.Equal(Start + 1, machine.Processor[Rip]);
    }

    [Fact]
    public void SingleStep_OfTheHost_SetsTheTrapFlagAndHidesIt()
    {
        using var machine = new FakeMachine();
        machine.Load(Start, 0x90);
        machine.Vcpu.SetDebug(new VcpuDebugOptions { SingleStep = true });
        ulong during = 0;
        machine.Then((processor, exit) =>
        {
            during = processor[Rflags];
            exit->ExitReason = WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonException;
            exit->VpException = new WHV_VP_EXCEPTION_CONTEXT { ExceptionType = Debug, ExceptionParameter = SingleStepStatus };
        });

        VcpuExit exit = machine.Vcpu.RunOnce();

        Assert.Equal(DebugCause.SingleStep, exit.DebugCause);
        Assert.Equal(TrapFlag, during & TrapFlag);
        Assert.Equal(0UL, machine.Vcpu.X64.GetRegisters().Rflags & TrapFlag);
    }

    [Fact]
    public void SingleStep_OverAPortWrite_StopsBehindIt()
    {
        using var machine = new FakeMachine();
        machine.Load(Start, 0xE6, 0x80);
        machine.Vcpu.SetDebug(new VcpuDebugOptions { SingleStep = true });
        machine.ThenPort(isWrite: true, 0x80, 1, length: 2);

        Assert.Equal(VcpuExitKind.PortWrite, machine.Vcpu.RunOnce().Kind);
        VcpuExit exit = machine.Vcpu.RunOnce();

        Assert.Equal(DebugCause.SingleStep, exit.DebugCause);
        Assert.Equal(Start + 2, exit.Address);
    }

    [Fact]
    public void HardwareBreakpoint_Hit_NamesItAndIsPassedNextTime()
    {
        using var machine = new FakeMachine();
        machine.Load(Start, 0x90);
        machine.Vcpu.X64.SetDebugRegisters(new X64DebugRegisters { Dr0 = 0x1234, Dr6 = 0xFFFF0FF0, Dr7 = 0x401 });
        machine.Vcpu.SetDebug(new VcpuDebugOptions { HardwareBreakpoints = [new(0x5000, HardwareBreakpointKind.Write, 4), new(Start)] });
        Assert.Equal(1UL << Debug, ExceptionBitmap(machine));
        Assert.Equal(0x5000UL, machine.Processor[WHV_REGISTER_NAME.WHvX64RegisterDr0]);
        Assert.Equal(Start, machine.Processor[WHV_REGISTER_NAME.WHvX64RegisterDr1]);
        Assert.Equal(0x000D_060AUL, machine.Processor[WHV_REGISTER_NAME.WHvX64RegisterDr7]); // G0, G1, GE, write of 4 bytes at 0
        Assert.Equal(0x1234UL, machine.Vcpu.X64.GetDebugRegisters().Dr0);
        ulong resumed = 0;
        machine.ThenException(Debug, parameter: 2).Then((processor, exit) =>
        {
            resumed = processor[Rflags];
            exit->ExitReason = WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt;
        });

        VcpuExit exit = machine.Vcpu.RunOnce();
        Assert.Equal((DebugCause.HardwareBreakpoint, 1), (exit.DebugCause, exit.BreakpointIndex));
        Assert.Equal(VcpuExitKind.Halt, machine.Vcpu.RunOnce().Kind);
        Assert.Equal(ResumeFlag, resumed & ResumeFlag);

        machine.Vcpu.SetDebug(VcpuDebugOptions.None);
        Assert.Equal(0x1234UL, machine.Processor[WHV_REGISTER_NAME.WHvX64RegisterDr0]);
        Assert.Equal(0UL, ExceptionBitmap(machine));
    }

    private static ulong ExceptionBitmap(FakeMachine machine) =>
        machine.Platform.Partition.Property(WHV_PARTITION_PROPERTY_CODE.WHvPartitionPropertyCodeExceptionExitBitmap);
}
