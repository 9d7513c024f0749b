using HvSdk.Backends.Hvf.Interop;

namespace HvSdk.Backends.Hvf;

/// <summary>Breakpoints and single step: the framework lets debug exceptions out, and the processor's own debug registers raise them (Arm ARM, D2). The host's breakpoints take the place of the guest's.</summary>
internal sealed unsafe class HvfDebugger(HvFunctions functions, ulong vcpu, HvfRegisters registers, HvfCapabilities platform) : Arm64Debugger
{
    /// <summary>MDSCR_EL1: software step, breakpoints and watchpoints (Arm ARM, D19.3.20).</summary>
    private const ulong StepEnabled = 1;
    private const ulong BreakpointsEnabled = 1UL << 15;

    protected override ulong ProgramCounter => registers.Get(HvRegister.HV_REG_PC);

    private bool IsActive => Options.SingleStep || Options.SoftwareBreakpoints || Options.HardwareBreakpoints.Count > 0;

    /// <summary>The step bit of PSTATE is used up by each step.</summary>
    public override void BeforeEntry()
    {
        if (IsActive)
        {
            base.BeforeEntry();
            SetStep(IsStepping);
        }
    }

    protected override void Apply()
    {
        HvfError.Check(
            functions.hv_vcpu_set_trap_debug_exceptions(vcpu, IsActive ? (byte)1 : (byte)0), nameof(HvFunctions.hv_vcpu_set_trap_debug_exceptions));
        int breakpoint = 0;
        int watchpoint = 0;
        foreach (HardwareBreakpoint one in Options.HardwareBreakpoints)
        {
            if (one.Kind == HardwareBreakpointKind.Execute)
            {
                registers.Set(Arm64SystemRegister.DbgBvrEl1(breakpoint), ValueOf(one));
                registers.Set(Arm64SystemRegister.DbgBcrEl1(breakpoint++), ControlOf(one));
            }
            else
            {
                registers.Set(Arm64SystemRegister.DbgWvrEl1(watchpoint), ValueOf(one));
                registers.Set(Arm64SystemRegister.DbgWcrEl1(watchpoint++), ControlOf(one));
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

    protected override void Switch(int index, bool isOn)
    {
        HardwareBreakpoint breakpoint = Options.HardwareBreakpoints[index];
        bool isExecute = breakpoint.Kind == HardwareBreakpointKind.Execute;
        int number = 0;
        for (int i = 0; i < index; i++)
        {
            number += Options.HardwareBreakpoints[i].Kind == HardwareBreakpointKind.Execute == isExecute ? 1 : 0;
        }

        registers.Set(isExecute ? Arm64SystemRegister.DbgBcrEl1(number) : Arm64SystemRegister.DbgWcrEl1(number), isOn ? ControlOf(breakpoint) : 0);
    }

    private void SetStep(bool isOn)
    {
        ulong control = registers.Get(Arm64SystemRegister.MdscrEl1);
        ulong wanted = (control & ~(StepEnabled | BreakpointsEnabled)) | (isOn ? StepEnabled : 0) | (Options.HardwareBreakpoints.Count > 0 ? BreakpointsEnabled : 0);
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
