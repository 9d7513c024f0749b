using HvSdk.Backends.Whp.Interop;
using HvSdk.Backends.Whp.Tests.Fakes;

namespace HvSdk.Backends.Whp.Tests;

/// <summary>Exits, decoded and completed: what the platform gives, what the caller sees, what the platform gets back.</summary>
public sealed unsafe class ExitTests
{
    private const WHV_REGISTER_NAME Rax = WHV_REGISTER_NAME.WHvX64RegisterRax;
    private const WHV_REGISTER_NAME Rdx = WHV_REGISTER_NAME.WHvX64RegisterRdx;
    private const WHV_REGISTER_NAME Rip = WHV_REGISTER_NAME.WHvX64RegisterRip;
    private const ulong Start = 0x1000;

    [Fact]
    public void Hypercall_Answered_GoesToRax()
    {
        using var machine = new FakeMachine(configure: static options => options.ExitOnHypercall = true);
        machine.Load(Start, 0x0F, 0x01, 0xC1);
        machine.Then(static (_, exit) =>
        {
            exit->ExitReason = WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonHypercall;
            exit->VpContext.InstructionLength = 3;
            exit->Hypercall = new WHV_HYPERCALL_CONTEXT { Rax = 12, Rbx = 1, Rcx = 2, Rdx = 3, Rsi = 4, Rdi = 5, R8 = 6 };
        }).Then(WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt);

        VcpuExit exit = machine.Vcpu.RunOnce();
        Assert.Equal(VcpuExitKind.Hypercall, exit.Kind);
        Assert.Equal(12UL, exit.HypercallNumber);
        Assert.Equal([1UL, 2, 3, 4, 5, 6], System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ulong>(exit.RawData).ToArray());
        exit.SetValue(0x99);
        machine.Vcpu.RunOnce();

        Assert.Equal(0x99UL, machine.Processor[Rax]);
        Assert.Equal(Start + 3, machine.Processor[Rip]);
    }

    [Theory]
    [InlineData((uint)WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt, VcpuExitKind.Halt)]
    [InlineData((uint)WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonUnrecoverableException, VcpuExitKind.Shutdown)]
    [InlineData((uint)WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonInvalidVpRegisterValue, VcpuExitKind.EntryFailure)]
    [InlineData((uint)WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonNone, VcpuExitKind.Unknown)]
    [InlineData((uint)WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Rdtsc, VcpuExitKind.Unknown)]
    [InlineData(0x7FFF_FFFF, VcpuExitKind.Unknown)]
    public void Exit_WithoutAccess_HasItsKindAndReason(uint reason, VcpuExitKind kind)
    {
        using var machine = new FakeMachine();
        machine.Then((WHV_RUN_VP_EXIT_REASON)reason);

        VcpuExit exit = machine.Vcpu.RunOnce();

        Assert.Equal(kind, exit.Kind);
        Assert.Equal(reason, exit.RawReason);
    }

    [Fact]
    public void Run_ThatThePlatformRefuses_IsAValue()
    {
        using var machine = new FakeMachine();
        _ = machine.Vcpu;
        machine.Platform.Results[nameof(WhvFunctions.WHvRunVirtualProcessor)] = HRESULTS.WHV_E_INVALID_VP_STATE;

        VcpuExit exit = machine.Vcpu.RunOnce();

        Assert.Equal(VcpuExitKind.HostFailure, exit.Kind);
        Assert.Equal(unchecked((uint)HRESULTS.WHV_E_INVALID_VP_STATE), exit.RawReason);
    }

    [Fact]
    public void EndOfInterrupt_OfALevelTriggeredLine_AcknowledgesItsTrigger()
    {
        using var machine = new FakeMachine(configure: static options => options.InterruptController = InterruptControllerMode.PerVcpu);
        machine.Then(static (_, exit) =>
        {
            exit->ExitReason = WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64ApicEoi;
            exit->ApicEoi.InterruptVector = 0x41;
        });
        machine.Partition.Interrupts.SetRoutes([InterruptRoute.ToMessage(5, new MsiMessage(0xFEE0_0000, 0x8041))]);
        using InterruptTrigger trigger = machine.Partition.Interrupts.CreateTrigger(machine.Partition.Interrupts.GetLine(5), levelTriggered: true);
        trigger.Signal();
        trigger.Signal();
        WHV_INTERRUPT_CONTROL sent = Assert.Single(machine.Platform.Interrupts);
        Assert.Equal((0x41U, 1U), (sent.Vector, sent.TriggerMode));

        VcpuExit exit = machine.Vcpu.RunOnce();

        Assert.Equal(VcpuExitKind.EndOfInterrupt, exit.Kind);
        Assert.Equal(0x41, exit.Vector);
        Assert.True(trigger.WaitForAcknowledge(TimeSpan.Zero));
        Assert.False(trigger.WaitForAcknowledge(TimeSpan.Zero));
    }
}
