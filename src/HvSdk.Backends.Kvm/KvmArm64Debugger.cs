using HvSdk.Backends.Kvm.Interop;
using HvSdk.Backends.Kvm.Interop.Arm64;
using kvm_guest_debug = HvSdk.Backends.Kvm.Interop.Arm64.kvm_guest_debug;

namespace HvSdk.Backends.Kvm;

/// <summary>Breakpoints and single step: the kernel gives the host the processor's debug registers, in place of the guest's (api.rst, 4.87).</summary>
internal sealed class KvmArm64Debugger(SafeFd vcpu, KvmArm64Registers registers) : Arm64Debugger
{
    protected override ulong ProgramCounter => registers.Pc;

    protected override void Switch(int index, bool isOn) => Apply();

    /// <summary>Tells the kernel: the options, less the one that is being passed, with a step where either wants one.</summary>
    protected override void Apply()
    {
        kvm_guest_debug native = default;
        native.control = (IsStepping ? KVM.KVM_GUESTDBG_SINGLESTEP : 0)
            | (Options.SoftwareBreakpoints ? KVM.KVM_GUESTDBG_USE_SW_BP : 0)
            | (Options.HardwareBreakpoints.Count > 0 ? KVM_ARM64.KVM_GUESTDBG_USE_HW : 0);
        native.control |= native.control != 0 ? KVM.KVM_GUESTDBG_ENABLE : 0;
        int breakpoint = 0;
        int watchpoint = 0;
        for (int i = 0; i < Options.HardwareBreakpoints.Count; i++)
        {
            HardwareBreakpoint one = Options.HardwareBreakpoints[i];
            ulong control = IsPassed(i) ? 0 : ControlOf(one);
            if (one.Kind == HardwareBreakpointKind.Execute)
            {
                native.arch.dbg_bvr[breakpoint] = ValueOf(one);
                native.arch.dbg_bcr[breakpoint++] = control;
            }
            else
            {
                native.arch.dbg_wvr[watchpoint] = ValueOf(one);
                native.arch.dbg_wcr[watchpoint++] = control;
            }
        }

        vcpu.Control(KVM_ARM64.KVM_SET_GUEST_DEBUG, ref native, nameof(KVM_ARM64.KVM_SET_GUEST_DEBUG));
    }
}
