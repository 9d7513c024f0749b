using HvSdk.Backends.Whp.Interop;
using HvSdk.Backends.Whp.Tests.Fakes;

namespace HvSdk.Backends.Whp.Tests;

/// <summary>A life that calls every function of the platform: made, run through exits of all kinds, looked at, saved, loaded, and disposed of.</summary>
internal static unsafe class Scenario
{
    private const ulong Code = 0x1000;

    /// <summary>Lives it. Where the platform refuses a run, it ends there: that is a value.</summary>
    internal static void Live(FakePlatform platform)
    {
        using var machine = new FakeMachine(platform, Configure);
        using Doorbell doorbell = machine.Partition.CreateDoorbell(DoorbellLocation.Mmio(0xD000_0000));
        using InterruptTrigger trigger = machine.Partition.Interrupts.CreateTrigger(MsiMessage.ForX64(0x41));
        _ = machine.Hypervisor.X64.GetSupportedCpuid();
        _ = machine.Hypervisor.X64.GetMsrIndexes();
        Vcpu vcpu = machine.Vcpu;
        trigger.Signal();
        machine.Partition.Interrupts.Send(MsiMessage.ForX64(0x42));
        if (!TryRun(machine))
        {
            return;
        }

        Look(machine);
        X64VcpuState state = vcpu.X64.SaveState();
        vcpu.X64.LoadState(state);
        PartitionState chips = machine.Partition.SaveState();
        machine.Partition.LoadState(chips);
        machine.Ram.CollectDirtyPages(new ulong[1]);
        MemoryRegion region = machine.Partition.Memory.Map(0x10_0000, 0x1000);
        region.Dispose();
        vcpu.Cancel();
        _ = vcpu.RunOnce();
    }

    private static void Configure(PartitionOptions options)
    {
        options.InterruptController = InterruptControllerMode.PerVcpu;
        options.ExitOnHypercall = true;
        options.X64.ExitOnUnknownMsr = true;
        options.X64.MsrExits.Add(new X64MsrRange(X64MsrIndex.Lstar, 1, X64MsrAccess.Read));
        options.X64.ConfigureCpuid = static table => table.Set(new X64CpuidEntry(0x4000_0000, null, 1, 2, 3, 4));
    }

    /// <summary>One exit of each kind; false where the host gives up.</summary>
    private static bool TryRun(FakeMachine machine)
    {
        machine.Load(Code, 0x90);
        machine.ThenPort(isWrite: true, 0x80, 1).ThenPort(isWrite: false, 0x80, 2).ThenMsr(isWrite: false, 0x4B00_0000).ThenMsr(isWrite: true, 0x4B00_0000)
            .ThenMemory(0x3000, isUnmapped: false)
            .Then(static (_, exit) =>
            {
                exit->ExitReason = WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64ApicEoi;
                exit->ApicEoi.InterruptVector = 0x41;
            })
            .Then(static (_, exit) =>
            {
                exit->ExitReason = WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64InterruptWindow;
                exit->InterruptWindow.DeliverableType = WHV_X64_PENDING_INTERRUPTION_TYPE.WHvX64PendingInterrupt;
            })
            .ThenException(3, isSoftware: true)
            .Then(WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt);
        machine.Vcpu.SetDebug(new VcpuDebugOptions { SoftwareBreakpoints = true, HardwareBreakpoints = [new HardwareBreakpoint(0x5000)] });
        machine.Vcpu.X64.RequestInterruptWindow();
        machine.Vcpu.X64.InjectNmi();
        VcpuExitKind kind;
        do
        {
            kind = machine.Vcpu.RunOnce().Kind;
        }
        while (kind is not (VcpuExitKind.Halt or VcpuExitKind.HostFailure));

        machine.Vcpu.SetDebug(VcpuDebugOptions.None);
        return kind == VcpuExitKind.Halt;
    }

    private static void Look(FakeMachine machine)
    {
        X64Vcpu x64 = machine.Vcpu.X64;
        x64.SetRegisters(x64.GetRegisters());
        x64.SetSpecialRegisters(x64.GetSpecialRegisters());
        x64.SetDebugRegisters(x64.GetDebugRegisters());
        x64.SetXsave(x64.GetXsave());
        x64.SetXcrs(x64.GetXcrs());
        x64.SetMsr(X64MsrIndex.Lstar, x64.GetMsr(X64MsrIndex.Lstar));
        _ = x64.Activity;
        _ = x64.GetCpuid();
        _ = machine.Vcpu.ReadHostStatistics();
        _ = machine.Partition.ReadHostStatistics();
    }
}
