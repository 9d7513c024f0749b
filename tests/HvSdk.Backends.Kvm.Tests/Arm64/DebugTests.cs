using HvSdk.Backends.Kvm.Interop;
using HvSdk.Backends.Kvm.Interop.Arm64;
using kvm_guest_debug = HvSdk.Backends.Kvm.Interop.Arm64.kvm_guest_debug;

namespace HvSdk.Backends.Kvm.Tests.Arm64;

/// <summary>Breakpoints and steps: what the kernel is told, and what is made of its debug exits.</summary>
public sealed unsafe class DebugTests
{
    private const uint Step = KVM.KVM_GUESTDBG_ENABLE | KVM.KVM_GUESTDBG_SINGLESTEP;
    private const uint Hardware = KVM.KVM_GUESTDBG_ENABLE | KVM_ARM64.KVM_GUESTDBG_USE_HW;

    /// <summary>DBGBCR: enabled, EL1 and EL0, all four bytes (Arm ARM, D19.3.2).</summary>
    private const ulong Execute = 1 | (3 << 1) | (0xF << 5);

    private static Func<FakeVcpu, int> Exit(Arm64ExceptionClass reason, ulong pc, ulong far = 0) => vcpu =>
    {
        vcpu[KvmArm64RegisterIds.Pc] = pc;
        vcpu.Run->exit_reason = KVM.KVM_EXIT_DEBUG;
        vcpu.Run->debug.arch = new() { hsr = (uint)reason << 26, far = far };
        return 0;
    };

    [Fact]
    public void Options_EachKind_ReachTheKernel()
    {
        using FakeTest test = new();
        using Vcpu vcpu = test.Partition.CreateVcpu(0);
        vcpu.SetDebug(new VcpuDebugOptions
        {
            SoftwareBreakpoints = true,
            HardwareBreakpoints = [new(0x1000), new(0x2004, HardwareBreakpointKind.Write, 4), new(0x3000), new(0x4000, HardwareBreakpointKind.ReadWrite, 8)],
        });
        kvm_guest_debug native = test.Vcpu().Debug[^1];
        Assert.Equal(Hardware | KVM.KVM_GUESTDBG_USE_SW_BP, native.control);
        Assert.Equal((0x1000UL, Execute, 0x3000UL, Execute), (native.arch.dbg_bvr[0], native.arch.dbg_bcr[0], native.arch.dbg_bvr[1], native.arch.dbg_bcr[1]));
        Assert.Equal((0x2000UL, 1UL | (3 << 1) | (2 << 3) | (0xF0 << 5)), (native.arch.dbg_wvr[0], native.arch.dbg_wcr[0]));
        Assert.Equal((0x4000UL, 1UL | (3 << 1) | (3 << 3) | (0xFF << 5)), (native.arch.dbg_wvr[1], native.arch.dbg_wcr[1]));
        vcpu.SetDebug(VcpuDebugOptions.None);
        Assert.Equal(0U, test.Vcpu().Debug[^1].control);
    }

    [Fact]
    public void Step_AndBreakpointInstruction_LeaveWithTheirCause()
    {
        using FakeTest test = new();
        using Vcpu vcpu = test.Partition.CreateVcpu(0);
        vcpu.SetDebug(new VcpuDebugOptions { SingleStep = true, SoftwareBreakpoints = true });
        Assert.Equal(Step | KVM.KVM_GUESTDBG_USE_SW_BP, test.Vcpu().Debug[^1].control);
        test.Kvm.Script.Enqueue(Exit(Arm64ExceptionClass.SoftwareStep, 0x1004));
        test.Kvm.Script.Enqueue(Exit(Arm64ExceptionClass.Brk, 0x1008));
        test.Kvm.Script.Enqueue(Exit(Arm64ExceptionClass.Breakpoint, 0x9999));
        VcpuExit exit = FakeTest.Next(vcpu);
        Assert.Equal((DebugCause.SingleStep, 0x1004UL), (exit.DebugCause, exit.Address));
        exit = FakeTest.Next(vcpu);
        Assert.Equal((DebugCause.SoftwareBreakpoint, 0x1008UL), (exit.DebugCause, exit.Address));
        exit = FakeTest.Next(vcpu);
        Assert.Equal((DebugCause.Unknown, 0x9999UL), (exit.DebugCause, exit.Address));
    }

    /// <summary>The next run steps over the instruction with the breakpoint off, and goes on with it on.</summary>
    [Fact]
    public void Breakpoint_Reached_IsPassedByAStep()
    {
        using FakeTest test = new();
        using Vcpu vcpu = test.Partition.CreateVcpu(0);
        vcpu.SetDebug(new VcpuDebugOptions { HardwareBreakpoints = [new(0x1000), new(0x1008)] });
        test.Kvm.Script.Enqueue(Exit(Arm64ExceptionClass.Breakpoint, 0x1008));
        VcpuExit exit = FakeTest.Next(vcpu);
        Assert.Equal((DebugCause.HardwareBreakpoint, 0x1008UL, 1), (exit.DebugCause, exit.Address, exit.BreakpointIndex));
        kvm_guest_debug passing = default;
        test.Kvm.Script.Enqueue(vcpu =>
        {
            passing = vcpu.Debug[^1];
            return Exit(Arm64ExceptionClass.SoftwareStep, 0x100C)(vcpu);
        });
        test.Kvm.Script.Enqueue(Exit(Arm64ExceptionClass.Breakpoint, 0x1000));
        exit = FakeTest.Next(vcpu);
        Assert.Equal((0x1000UL, 0), (exit.Address, exit.BreakpointIndex));
        Assert.Equal((Hardware | KVM.KVM_GUESTDBG_SINGLESTEP, Execute, 0UL), (passing.control, passing.arch.dbg_bcr[0], passing.arch.dbg_bcr[1]));
        Assert.Equal((Hardware, Execute), (test.Vcpu().Debug[^1].control, test.Vcpu().Debug[^1].arch.dbg_bcr[1]));

        // Who has moved the vCPU elsewhere has nothing to pass.
        vcpu.Arm64.SetRegisters([Arm64Register.Pc], [0x5000]);
        int told = test.Vcpu().Debug.Count;
        test.Kvm.Script.Enqueue(Exit(Arm64ExceptionClass.Breakpoint, 0x1000));
        FakeTest.Next(vcpu);
        Assert.Equal(told, test.Vcpu().Debug.Count);
    }

    [Fact]
    public void Watchpoint_Hit_LeavesBehindTheInstruction()
    {
        using FakeTest test = new();
        using Vcpu vcpu = test.Partition.CreateVcpu(0);
        vcpu.SetDebug(new VcpuDebugOptions { HardwareBreakpoints = [new(0x2000, HardwareBreakpointKind.Write, 8)] });
        test.Kvm.Script.Enqueue(Exit(Arm64ExceptionClass.Watchpoint, 0x1000, 0x2004));
        test.Kvm.Script.Enqueue(Exit(Arm64ExceptionClass.SoftwareStep, 0x1004));
        VcpuExit exit = FakeTest.Next(vcpu);
        Assert.Equal((DebugCause.HardwareBreakpoint, 0x1000UL, 0), (exit.DebugCause, exit.Address, exit.BreakpointIndex));
        Assert.Equal((2, Hardware), (test.Vcpu().Runs, test.Vcpu().Debug[^1].control));
    }

    /// <summary>A pair of stores that is done outside the kernel is one step.</summary>
    [Fact]
    public void Step_OverAnAccessWithoutSyndrome_LeavesBehindIt()
    {
        using FakeTest test = new();
        using Vcpu vcpu = test.Partition.CreateVcpu(0);
        test.Partition.Memory.Write(FakeTest.Ram, 0xA900_0822U); // stp x2, x2, [x1]
        test.Vcpu()[KvmArm64RegisterIds.Pc] = FakeTest.Ram;
        vcpu.SetDebug(new VcpuDebugOptions { SingleStep = true });
        test.Kvm.Script.Enqueue(static vcpu =>
        {
            vcpu.Run->exit_reason = KVM_ARM64.KVM_EXIT_ARM_NISV;
            vcpu.Run->arm_nisv = new() { esr_iss = 1 << 6, fault_ipa = 0x900_0000 };
            return 0;
        });
        Assert.Equal(VcpuExitKind.MmioWrite, FakeTest.Next(vcpu).Kind);
        Assert.Equal(VcpuExitKind.MmioWrite, FakeTest.Next(vcpu).Kind);
        VcpuExit exit = FakeTest.Next(vcpu);
        Assert.Equal((DebugCause.SingleStep, FakeTest.Ram + 4, 1), (exit.DebugCause, exit.Address, test.Vcpu().Runs));
    }
}
