using HvSdk.Backends.Hvf.Interop;

namespace HvSdk.Backends.Hvf;

/// <summary>Breakpoints and single step: the framework lets debug exceptions out, and the processor's own debug registers raise them (Arm ARM, D2).</summary>
/// <remarks>
/// The host's breakpoints take the place of the guest's. A breakpoint or watchpoint is passed by a step with it switched off, so that the next run does not stop there again; after a
/// watchpoint that step comes before the exit, since the neutral contract stops behind the instruction.
/// </remarks>
internal sealed unsafe class HvfDebugger(HvFunctions functions, ulong vcpu, HvfRegisters registers, HvfCapabilities platform)
{
    /// <summary>MDSCR_EL1: software step, breakpoints and watchpoints (Arm ARM, D19.3.20).</summary>
    private const ulong StepEnabled = 1;
    private const ulong BreakpointsEnabled = 1UL << 15;

    /// <summary>DBGBCR and DBGWCR (D19.3.2, D19.3.11): enabled, at EL1 and EL0, which bytes.</summary>
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

    private bool IsActive => _options.SingleStep || _options.SoftwareBreakpoints || _options.HardwareBreakpoints.Count > 0;

    internal void Set(VcpuDebugOptions options)
    {
        _options = options;
        _stoppedAt = NoBreakpoint;
        _isPassing = false;
        HvfError.Check(
            functions.hv_vcpu_set_trap_debug_exceptions(vcpu, IsActive ? (byte)1 : (byte)0), nameof(HvFunctions.hv_vcpu_set_trap_debug_exceptions));
        int breakpoint = 0;
        int watchpoint = 0;
        foreach (HardwareBreakpoint one in options.HardwareBreakpoints)
        {
            if (one.Kind == HardwareBreakpointKind.Execute)
            {
                registers.Set(Arm64SystemRegister.DbgBvrEl1(breakpoint), one.Address & ~3UL);
                registers.Set(Arm64SystemRegister.DbgBcrEl1(breakpoint++), Control(one));
            }
            else
            {
                registers.Set(Arm64SystemRegister.DbgWvrEl1(watchpoint), one.Address & ~7UL);
                registers.Set(Arm64SystemRegister.DbgWcrEl1(watchpoint++), Control(one));
            }
        }

        for (; breakpoint < platform.Breakpoints; breakpoint++)
        {
            registers.Set(Arm64SystemRegister.DbgBcrEl1(breakpoint), 0);
        }

        for (; watchpoint < platform.Watchpoints; watchpoint++)
        {
            registers.Set(Arm64SystemRegister.DbgWcrEl1(watchpoint), 0);
        }

        if (!IsActive)
        {
            SetStep(false);
        }
    }

    /// <summary>The step bit of PSTATE is used up by each step.</summary>
    internal void BeforeEntry()
    {
        if (!IsActive)
        {
            return;
        }

        if (_stoppedAt != NoBreakpoint && !_isPassing)
        {
            HardwareBreakpoint breakpoint = _options.HardwareBreakpoints[_stoppedAt];
            bool isThere = breakpoint.Kind != HardwareBreakpointKind.Execute || registers.Get(HvRegister.HV_REG_PC) == breakpoint.Address;
            if (isThere)
            {
                Switch(_stoppedAt, isOn: false);
                _isPassing = true;
            }
            else
            {
                _stoppedAt = NoBreakpoint;
            }
        }

        SetStep(_options.SingleStep || _isPassing);
    }

    /// <summary>An instruction was completed outside the guest.</summary>
    internal bool TryStep(ReadOnlySpan<byte> raw, out VcpuExit exit)
    {
        exit = default;
        return IsActive && (_options.SingleStep || _isPassing) && OnStep(raw, out exit);
    }

    /// <summary>A debug exception has left the guest.</summary>
    /// <returns>False where the guest goes on.</returns>
    internal bool TryDecode(Arm64Syndrome syndrome, ulong virtualAddress, ReadOnlySpan<byte> raw, out VcpuExit exit)
    {
        ulong pc = registers.Get(HvRegister.HV_REG_PC);
        switch (syndrome.Class)
        {
            case Arm64ExceptionClass.SoftwareStep:
                return OnStep(raw, out exit);
            case Arm64ExceptionClass.Brk:
                exit = ExitFactory.Debug(_options.SoftwareBreakpoints ? DebugCause.SoftwareBreakpoint : DebugCause.Unknown, pc, 0, raw);
                return true;
            case Arm64ExceptionClass.Breakpoint when Find(pc, isExecute: true) is >= 0 and var index:
                _stoppedAt = index;
                exit = ExitFactory.Debug(DebugCause.HardwareBreakpoint, pc, index, raw);
                return true;
            case Arm64ExceptionClass.Watchpoint when Find(virtualAddress, isExecute: false) is >= 0 and var index:
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
            Switch(_stoppedAt, isOn: true);
            _isPassing = false;
            _stoppedAt = NoBreakpoint;
        }

        if (_reportsAfterPassing)
        {
            _reportsAfterPassing = false;
            exit = ExitFactory.Debug(DebugCause.HardwareBreakpoint, _watchedAt, passed, raw);
            return true;
        }

        exit = ExitFactory.Debug(DebugCause.SingleStep, registers.Get(HvRegister.HV_REG_PC), 0, raw);
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

    private void Switch(int index, bool isOn)
    {
        HardwareBreakpoint breakpoint = _options.HardwareBreakpoints[index];
        int number = 0;
        for (int i = 0; i < index; i++)
        {
            bool isSameKind = _options.HardwareBreakpoints[i].Kind == HardwareBreakpointKind.Execute == (breakpoint.Kind == HardwareBreakpointKind.Execute);
            number += isSameKind ? 1 : 0;
        }

        registers.Set(
            breakpoint.Kind == HardwareBreakpointKind.Execute ? Arm64SystemRegister.DbgBcrEl1(number) : Arm64SystemRegister.DbgWcrEl1(number),
            isOn ? Control(breakpoint) : 0);
    }

    private void SetStep(bool isOn)
    {
        ulong control = registers.Get(Arm64SystemRegister.MdscrEl1);
        ulong wanted = (control & ~(StepEnabled | BreakpointsEnabled)) | (isOn ? StepEnabled : 0) | (_options.HardwareBreakpoints.Count > 0 ? BreakpointsEnabled : 0);
        if (wanted != control)
        {
            registers.Set(Arm64SystemRegister.MdscrEl1, wanted);
        }

        ulong pstate = registers.Get(HvRegister.HV_REG_CPSR);
        ulong stepped = isOn ? pstate | Arm64Pstate.SoftwareStep : pstate & ~Arm64Pstate.SoftwareStep;
        if (stepped != pstate)
        {
            registers.Set(HvRegister.HV_REG_CPSR, stepped);
        }
    }
}
