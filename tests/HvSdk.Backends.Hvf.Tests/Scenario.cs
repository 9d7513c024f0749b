using HvSdk.Backends.Hvf.Interop;
using HvSdk.Testing;

namespace HvSdk.Backends.Hvf.Tests;

/// <summary>A life that calls every function of the framework: made, run through exits of all kinds, looked at, saved, loaded, and disposed of.</summary>
internal static class Scenario
{
    private const ulong Ram = 0x4000_0000;
    private const ulong RamSize = 0x8000;
    private const ulong Device = 0x900_0000;
    private const ulong Exception = 1UL << 25;
    private const ulong DataAbort = (0x24UL << 26) | Exception;
    private const ulong Described = 1UL << 24;
    private const ulong Write = 1UL << 6;

    /// <summary>Lives it. Where the framework refuses a run, it ends there: that is a value.</summary>
    /// <param name="framework">The framework.</param>
    /// <param name="hasGic">The host keeps the GIC; else interrupts are the vCPU's inputs.</param>
    internal static void Live(FakeFramework framework, bool hasGic)
    {
        framework.Script.Clear();
        using Hypervisor hypervisor = Hypervisor.Open(framework.CreateBackend());
        PartitionOptions options = new() { ExitOnHypercall = true };
        options.Arm64.UnknownRegisters = Arm64UnknownRegisterPolicy.Exit;
        var frame = new Arm64MsiFrame(0x802_0000, 3, 4);
        if (hasGic)
        {
            options.InterruptController = InterruptControllerMode.Full;
            options.Arm64.Gic = new() { MsiFrame = frame };
        }

        using Partition partition = hypervisor.CreatePartition(options);
        MemoryRegion ram = partition.Memory.Map(Ram, RamSize, new MemoryRegionOptions { TrackDirtyPages = true });
        var guest = new Arm64Assembler(Ram);
        guest.Ldp(2, 3, 1);
        guest.Word(0x3DC0_0020); // LDR Q0, [X1]
        guest.Word(0x3D80_0020); // STR Q0, [X1]
        partition.Memory.Write(Ram, guest.ToArray());
        using Vcpu vcpu = partition.CreateVcpu(0);
        vcpu.Arm64.SetRegisters([Arm64Register.Pc], [Ram]);
        if (hasGic)
        {
            partition.Interrupts.GetLine(7).Set(true);
            partition.Interrupts.Send(frame.GetMessage(3));
            vcpu.Arm64.SetPrivateInterrupt(20, true);
        }
        else
        {
            vcpu.Arm64.SetInterruptInput(Arm64InterruptInput.Irq, true);
            vcpu.Arm64.SetInterruptInput(Arm64InterruptInput.Fiq, true);
        }

        if (!TryRun(framework, vcpu))
        {
            return;
        }

        Look(vcpu);
        vcpu.Arm64.LoadState(vcpu.Arm64.SaveState());
        partition.LoadState(partition.SaveState());
        ram.CollectDirtyPages(new ulong[1]);
        partition.Memory.Map(0x8000_0000, 0x4000).Dispose();
        vcpu.Cancel();
        _ = vcpu.RunOnce();
    }

    private static bool TryRun(FakeFramework framework, Vcpu vcpu)
    {
        framework.Exit(HvExitReason.HV_EXIT_REASON_EXCEPTION, DataAbort, Device); // LDP, two parts
        framework.Exit(HvExitReason.HV_EXIT_REASON_EXCEPTION, DataAbort, Device); // LDR Q0
        framework.Exit(HvExitReason.HV_EXIT_REASON_EXCEPTION, DataAbort | Write, Device); // STR Q0
        framework.Exit(HvExitReason.HV_EXIT_REASON_EXCEPTION, DataAbort | Described | (2UL << 22) | (4UL << 16), Device);
        framework.Exit(HvExitReason.HV_EXIT_REASON_EXCEPTION, DataAbort | Described | Write | (2UL << 22) | (4UL << 16), Device);
        framework.Exit(HvExitReason.HV_EXIT_REASON_EXCEPTION, DataAbort | Described | Write, Ram); // the first write to a tracked page
        framework.Exit(HvExitReason.HV_EXIT_REASON_EXCEPTION, 0x16UL << 26);
        framework.Exit(HvExitReason.HV_EXIT_REASON_EXCEPTION, (0x18UL << 26) | (3 << 20) | (15 << 10) | 1); // MRS X0, S3_0_C15_C0_0
        framework.Exit(HvExitReason.HV_EXIT_REASON_CANCELED);
        framework.Exit(HvExitReason.HV_EXIT_REASON_VTIMER_ACTIVATED);
        framework.Exit(HvExitReason.HV_EXIT_REASON_UNKNOWN);
        vcpu.SetDebug(new VcpuDebugOptions { SoftwareBreakpoints = true, HardwareBreakpoints = [new(Ram), new(Ram, HardwareBreakpointKind.Write, 8)] });
        VcpuExitKind kind;
        do
        {
            kind = vcpu.RunOnce().Kind;
        }
        while (kind is not (VcpuExitKind.Unknown or VcpuExitKind.HostFailure));

        vcpu.SetDebug(VcpuDebugOptions.None);
        return kind == VcpuExitKind.Unknown;
    }

    private static void Look(Vcpu vcpu)
    {
        Arm64Vcpu arm64 = vcpu.Arm64;
        arm64.SetRegisters(arm64.GetRegisters());
        arm64.SetSystemRegister(Arm64SystemRegister.VbarEl1, arm64.GetSystemRegister(Arm64SystemRegister.VbarEl1));
        arm64.VirtualCounterOffset = arm64.VirtualCounterOffset;
        arm64.IsVirtualTimerMasked = arm64.IsVirtualTimerMasked;
        _ = arm64.GetVirtualTimerDelay();
        _ = vcpu.ReadHostStatistics();
    }
}
