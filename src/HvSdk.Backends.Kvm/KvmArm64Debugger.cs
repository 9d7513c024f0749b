using HvSdk.Backends.Kvm.Interop;
using HvSdk.Backends.Kvm.Interop.Arm64;
using kvm_guest_debug = HvSdk.Backends.Kvm.Interop.Arm64.kvm_guest_debug;

namespace HvSdk.Backends.Kvm;

/// <summary>Breakpoints and single step: the kernel gives the host the processor's debug registers, in place of the guest's (api.rst, 4.87).</summary>
/// <remarks>
/// A breakpoint or watchpoint is passed by a step with it switched off, so that the next run does not stop there again; after a watchpoint that step comes before the exit, since
/// the neutral contract stops behind the instruction.
/// </remarks>
internal sealed class KvmArm64Debugger(SafeFd vcpu, KvmArm64Registers registers)
{
    /// <summary>DBGBCR and DBGWCR (Arm ARM, D19.3.2, D19.3.11): enabled, at EL1 and EL0, which bytes.</summary>
    private const ulong Enabled = 1;
    private const ulong AnyLevel = 3UL << 1;
    private const ulong WholeInstruction = 0xFUL << 5;
    private const int ByteSelectShift = 5;
    private const ulong Stores = 2UL << 3;
    private const ulong LoadsAndStores = 3UL << 3;

    private const int NoBreakpoint = -1;

    private VcpuDebugOptions _options = VcpuDebugOptions.None;
    private int _stoppedAt = NoBreakpoint;
    private bool _isPassing;
    private bool _reportsAfterPassing;
    private ulong _watchedAt;

    internal void Set(VcpuDebugOptions options)
    {
        _options = options;
        _stoppedAt = NoBreakpoint;
        _isPassing = false;
        _reportsAfterPassing = false;
        Apply();
    }

    internal void BeforeEntry()
    {
        if (_stoppedAt == NoBreakpoint || _isPassing)
        {
            return;
        }

        HardwareBreakpoint breakpoint = _options.HardwareBreakpoints[_stoppedAt];
        if (breakpoint.Kind != HardwareBreakpointKind.Execute || registers.Pc == breakpoint.Address)
        {
            _isPassing = true;
            Apply();
        }
        else
        {
            _stoppedAt = NoBreakpoint;
        }
    }

    /// <summary>An instruction was completed outside the kernel, which so knows of no step.</summary>
    internal bool TryStep(ReadOnlySpan<byte> raw, out VcpuExit exit)
    {
        exit = default;
        return (_options.SingleStep || _isPassing) && OnStep(raw, out exit);
    }

    /// <summary>A debug exception has left the guest.</summary>
    /// <returns>False where the guest goes on.</returns>
    internal bool TryDecode(Arm64Syndrome syndrome, ulong faultAddress, ReadOnlySpan<byte> raw, out VcpuExit exit)
    {
        ulong pc = registers.Pc;
        switch (syndrome.Class)
        {
            case Arm64ExceptionClass.SoftwareStep:
                return OnStep(raw, out exit);
            case Arm64ExceptionClass.Brk:
                exit = ExitFactory.Debug(DebugCause.SoftwareBreakpoint, pc, 0, raw);
                return true;
            case Arm64ExceptionClass.Breakpoint when Find(pc, isExecute: true) is >= 0 and var index:
                _stoppedAt = index;
                exit = ExitFactory.Debug(DebugCause.HardwareBreakpoint, pc, index, raw);
                return true;
            case Arm64ExceptionClass.Watchpoint when Find(faultAddress, isExecute: false) is >= 0 and var index:
                _stoppedAt = index;
                _reportsAfterPassing = true;
                _watchedAt = pc;
                exit = default;
                return false;
            default:
                exit = ExitFactory.Debug(DebugCause.Unknown, pc, 0, raw);
                return true;
        }
    }

    private bool OnStep(ReadOnlySpan<byte> raw, out VcpuExit exit)
    {
        int passed = _isPassing ? _stoppedAt : NoBreakpoint;
        if (_isPassing)
        {
            _isPassing = false;
            _stoppedAt = NoBreakpoint;
            Apply();
        }

        if (_reportsAfterPassing)
        {
            _reportsAfterPassing = false;
            exit = ExitFactory.Debug(DebugCause.HardwareBreakpoint, _watchedAt, passed, raw);
            return true;
        }

        exit = ExitFactory.Debug(DebugCause.SingleStep, registers.Pc, 0, raw);
        return _options.SingleStep;
    }

    private static ulong Control(HardwareBreakpoint breakpoint) => breakpoint.Kind switch
    {
        HardwareBreakpointKind.Execute => Enabled | AnyLevel | WholeInstruction,
        HardwareBreakpointKind.Write => Enabled | AnyLevel | Stores | Bytes(breakpoint),
        _ => Enabled | AnyLevel | LoadsAndStores | Bytes(breakpoint),
    };

    private static ulong Bytes(HardwareBreakpoint breakpoint) => (((1UL << breakpoint.Length) - 1) << (int)(breakpoint.Address & 7)) << ByteSelectShift;

    private int Find(ulong address, bool isExecute)
    {
        for (int i = 0; i < _options.HardwareBreakpoints.Count; i++)
        {
            HardwareBreakpoint breakpoint = _options.HardwareBreakpoints[i];
            bool isOfKind = breakpoint.Kind == HardwareBreakpointKind.Execute == isExecute;

            // A watchpoint may tell the first byte of an access that reaches into what is watched.
            const ulong largestAccess = 64;
            if (isOfKind && (isExecute ? address == breakpoint.Address : address < breakpoint.Address + (ulong)breakpoint.Length && address + largestAccess > breakpoint.Address))
            {
                return i;
            }
        }

        return NoBreakpoint;
    }

    /// <summary>Tells the kernel: the options, less the one that is being passed, with a step where either wants one.</summary>
    private void Apply()
    {
        kvm_guest_debug native = default;
        native.control = (_options.SingleStep || _isPassing ? KVM.KVM_GUESTDBG_SINGLESTEP : 0)
            | (_options.SoftwareBreakpoints ? KVM.KVM_GUESTDBG_USE_SW_BP : 0)
            | (_options.HardwareBreakpoints.Count > 0 ? KVM_ARM64.KVM_GUESTDBG_USE_HW : 0);
        native.control |= native.control != 0 ? KVM.KVM_GUESTDBG_ENABLE : 0;
        int breakpoint = 0;
        int watchpoint = 0;
        for (int i = 0; i < _options.HardwareBreakpoints.Count; i++)
        {
            HardwareBreakpoint one = _options.HardwareBreakpoints[i];
            bool isOff = _isPassing && i == _stoppedAt;
            if (one.Kind == HardwareBreakpointKind.Execute)
            {
                native.arch.dbg_bvr[breakpoint] = one.Address & ~3UL;
                native.arch.dbg_bcr[breakpoint++] = isOff ? 0 : Control(one);
            }
            else
            {
                native.arch.dbg_wvr[watchpoint] = one.Address & ~7UL;
                native.arch.dbg_wcr[watchpoint++] = isOff ? 0 : Control(one);
            }
        }

        vcpu.Control(KVM_ARM64.KVM_SET_GUEST_DEBUG, ref native, nameof(KVM_ARM64.KVM_SET_GUEST_DEBUG));
    }
}
