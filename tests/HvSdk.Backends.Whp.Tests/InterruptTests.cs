using HvSdk.Backends.Whp.Interop;
using HvSdk.Backends.Whp.Tests.Fakes;

namespace HvSdk.Backends.Whp.Tests;

/// <summary>Interrupts, windows, NMIs and messages, as the platform gets them.</summary>
public sealed unsafe class InterruptTests
{
    private const WHV_REGISTER_NAME Pending = WHV_REGISTER_NAME.WHvRegisterPendingInterruption;
    private const WHV_REGISTER_NAME Notifications = WHV_REGISTER_NAME.WHvX64RegisterDeliverabilityNotifications;
    private const ulong InterruptFlag = 0x200;

    [Theory]
    [InlineData(InterruptFlag, 0, 0, true)]
    [InlineData(0, 0, 0, false)]
    [InlineData(InterruptFlag, 1, 0, false)]
    [InlineData(InterruptFlag, 0, 1, false)]
    public void CanTakeInterrupt_FromTheExit_IsWhatTheExecutionStateTells(ulong flags, uint shadow, uint pending, bool expected)
    {
        using var machine = new FakeMachine();
        machine.Then((_, exit) =>
        {
            exit->ExitReason = WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt;
            exit->VpContext.Rflags = flags;
            exit->VpContext.ExecutionState.InterruptShadow = shadow;
            exit->VpContext.ExecutionState.InterruptionPending = pending;
        });
        machine.Vcpu.RunOnce();

        Assert.Equal(expected, machine.Vcpu.X64.CanTakeInterrupt);
    }

    [Fact]
    public void InjectInterrupt_WithoutLocalApic_IsAPendingInterruption()
    {
        using var machine = new FakeMachine();
        HaltWithInterruptsOn(machine);

        machine.Vcpu.X64.InjectInterrupt(0x40);

        WHV_X64_PENDING_INTERRUPTION_REGISTER value = machine.Processor.Registers[Pending].PendingInterruption;
        Assert.Equal((1U, 0U, 0x40U), (value.InterruptionPending, value.InterruptionType, value.InterruptionVector));
        Assert.False(machine.Vcpu.X64.CanTakeInterrupt);
        Assert.Throws<InvalidOperationException>(() => machine.Vcpu.X64.InjectInterrupt(0x41));
    }

    [Fact]
    public void InjectInterrupt_WithLocalApic_IsAnExternalInterruptAndWakes()
    {
        using var machine = new FakeMachine(configure: static options => options.InterruptController = InterruptControllerMode.PerVcpu);
        HaltWithInterruptsOn(machine);
        machine.Processor[WHV_REGISTER_NAME.WHvRegisterInternalActivityState] = 2; // HaltSuspend

        machine.Vcpu.X64.InjectInterrupt(0x40);

        WHV_X64_PENDING_EXT_INT_EVENT value = machine.Processor.Registers[WHV_REGISTER_NAME.WHvRegisterPendingEvent].ExtIntEvent;
        Assert.Equal((1U, 5U, 0x40U), (value.EventPending, value.EventType, value.Vector));
        Assert.Equal(0UL, machine.Processor[WHV_REGISTER_NAME.WHvRegisterInternalActivityState]);
    }

    [Fact]
    public void InterruptWindow_Requested_LeavesOnce()
    {
        using var machine = new FakeMachine();
        machine.Then(Window(WHV_X64_PENDING_INTERRUPTION_TYPE.WHvX64PendingInterrupt))
            .Then(Window(WHV_X64_PENDING_INTERRUPTION_TYPE.WHvX64PendingInterrupt))
            .Then(WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt);
        machine.Vcpu.X64.RequestInterruptWindow();
        Assert.Equal(2UL, machine.Processor[Notifications]);

        Assert.Equal(VcpuExitKind.InterruptWindow, machine.Vcpu.RunOnce().Kind);
        Assert.Equal(VcpuExitKind.Halt, machine.Vcpu.RunOnce().Kind);

        machine.Vcpu.X64.RequestInterruptWindow();
        machine.Vcpu.X64.RequestInterruptWindow(false);
        Assert.Equal(0UL, machine.Processor[Notifications]);
    }

    [Fact]
    public void InjectNmi_WhileMasked_WaitsForTheWindow()
    {
        using var machine = new FakeMachine();
        machine.Processor[WHV_REGISTER_NAME.WHvRegisterInterruptState] = 2; // NmiMasked
        machine.Then(static (processor, exit) =>
        {
            processor[WHV_REGISTER_NAME.WHvRegisterInterruptState] = 0;
            exit->ExitReason = WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64InterruptWindow;
            exit->InterruptWindow.DeliverableType = WHV_X64_PENDING_INTERRUPTION_TYPE.WHvX64PendingNmi;
        }).Then(WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt);
        machine.Vcpu.X64.InjectNmi();

        Assert.Equal(VcpuExitKind.Halt, machine.Vcpu.RunOnce().Kind);

        WHV_X64_PENDING_INTERRUPTION_REGISTER value = machine.Processor.Registers[Pending].PendingInterruption;
        Assert.Equal((1U, 2U, 2U), (value.InterruptionPending, value.InterruptionType, value.InterruptionVector));
        Assert.Equal(0UL, machine.Processor[Notifications]);
    }

    [Fact]
    public void InjectNmi_WithLocalApic_WakesTheVcpu()
    {
        using var machine = new FakeMachine(configure: static options => options.InterruptController = InterruptControllerMode.PerVcpu);
        machine.Processor[WHV_REGISTER_NAME.WHvRegisterInternalActivityState] = 2; // HaltSuspend
        machine.Then(WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonUnrecoverableException);

        machine.Vcpu.X64.InjectNmi();
        machine.Vcpu.RunOnce();

        Assert.Equal(2U, machine.Processor.Registers[Pending].PendingInterruption.InterruptionType);
        Assert.Equal(0UL, machine.Processor[WHV_REGISTER_NAME.WHvRegisterInternalActivityState]);
    }

    [Theory]
    [InlineData(0xFEE0_0000, 0x0041, 0U, 0U, 0U, 0U, 0x41U)]
    [InlineData(0xFEE0_3004, 0x8141, 1U, 1U, 1U, 3U, 0x41U)]
    public void Send_Message_HasItsFields(ulong address, uint data, uint type, uint mode, uint trigger, uint destination, uint vector)
    {
        using var platform = new FakePlatform();
        platform.Missing.Add(nameof(WhvFunctions.WHvGetInterruptTargetVpSet));
        using var machine = new FakeMachine(platform, static options => options.InterruptController = InterruptControllerMode.PerVcpu);

        Assert.True(machine.Partition.Interrupts.Send(new MsiMessage(address, data)));

        WHV_INTERRUPT_CONTROL sent = Assert.Single(platform.Interrupts);
        Assert.Equal((type, mode, trigger, destination, vector), (sent.Type, sent.DestinationMode, sent.TriggerMode, sent.Destination, sent.Vector));
    }

    [Theory]
    [InlineData(0x0005)] // a vector below 16
    [InlineData(0x0241)] // SMI
    [InlineData(0x0741)] // ExtINT
    public void Send_MessageThatNoLocalApicTakes_SaysSo(uint data)
    {
        using var machine = new FakeMachine(configure: static options => options.InterruptController = InterruptControllerMode.PerVcpu);
        _ = machine.Vcpu;

        Assert.False(machine.Partition.Interrupts.Send(new MsiMessage(0xFEE0_0000, data)));
    }

    [Fact]
    public void Send_ToNoVcpu_SaysSo()
    {
        using var machine = new FakeMachine(configure: static options => options.InterruptController = InterruptControllerMode.PerVcpu);
        _ = machine.Vcpu;

        Assert.False(machine.Partition.Interrupts.Send(MsiMessage.ForX64(0x41, apicId: 9)));
        Assert.True(machine.Partition.Interrupts.Send(MsiMessage.ForX64(0x41)));
    }

    [Theory]
    [InlineData(null, WHV_LOCAL_APIC.X2Apic)]
    [InlineData(true, WHV_LOCAL_APIC.X2Apic)]
    [InlineData(false, WHV_LOCAL_APIC.XApic)]
    public void LocalApic_ByOption_HasItsMode(bool? option, WHV_LOCAL_APIC expected)
    {
        using var machine = new FakeMachine(
            configure: static options => options.InterruptController = InterruptControllerMode.PerVcpu, backend: new WhpBackendOptions { X2Apic = option });

        Assert.Equal((ulong)expected, machine.Platform.Partition.Property(WHV_PARTITION_PROPERTY_CODE.WHvPartitionPropertyCodeLocalApicEmulationMode));
    }

    /// <summary>The platform's numbers, in a type that a public test can have.</summary>
    public enum WHV_LOCAL_APIC
    {
        XApic = 1,
        X2Apic = 2,
    }

    private static ScriptedExit Window(WHV_X64_PENDING_INTERRUPTION_TYPE type) => (_, exit) =>
    {
        exit->ExitReason = WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64InterruptWindow;
        exit->InterruptWindow.DeliverableType = type;
    };

    private static void HaltWithInterruptsOn(FakeMachine machine)
    {
        machine.Processor[WHV_REGISTER_NAME.WHvX64RegisterRflags] = InterruptFlag;
        machine.Then(WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt);
        machine.Processor[WHV_REGISTER_NAME.WHvX64RegisterRflags] = InterruptFlag;
        machine.Vcpu.RunOnce();
    }
}
