namespace HvSdk.Backends;

/// <summary>Gives a guest a synchronous exception at EL1, as the processor would (Arm ARM, D1.3.2 and D1.3.6): for accesses that a VMM refuses.</summary>
public static class Arm64ExceptionEntry
{
    private const ulong VectorFromSp0 = 0x000;
    private const ulong VectorFromSpx = 0x200;
    private const ulong VectorFromLower64 = 0x400;
    private const ulong VectorFromLower32 = 0x600;
    private const ulong AArch32 = 1UL << 4;
    private const ulong Flags = Arm64Pstate.Negative | Arm64Pstate.Zero | Arm64Pstate.Carry | Arm64Pstate.Overflow;

    /// <summary>PSTATE.PAN, and SCTLR_EL1.SPAN, which at 1 keeps it as it is.</summary>
    private const ulong PrivilegedAccessNever = 1UL << 22;
    private const ulong SetPan = 1UL << 23;

    /// <summary>ESR_EL1 of an instruction that is not defined: class 0, 32-bit instruction.</summary>
    private const ulong UndefinedSyndrome = 1UL << 25;

    /// <summary>The exception of an undefined instruction at the program counter.</summary>
    /// <param name="vcpu">The vCPU.</param>
    public static void Undefined(Arm64VcpuBackend vcpu)
    {
        ArgumentNullException.ThrowIfNull(vcpu);
        Span<ulong> control = stackalloc ulong[2];
        vcpu.GetSystemRegisters([Arm64SystemRegister.VbarEl1, Arm64SystemRegister.SctlrEl1], control);
        vcpu.GetRegisters(out Arm64Registers registers);
        ulong pstate = registers.Pstate;
        ulong pc = registers.Pc;
        registers.Pc = control[0] + Vector(pstate);
        registers.Pstate = (pstate & (Flags | PrivilegedAccessNever)) | Arm64Pstate.AllMasked | Arm64Pstate.El1h
            | ((control[1] & SetPan) == 0 ? PrivilegedAccessNever : 0);
        vcpu.SetSystemRegisters(
        [
            new(Arm64SystemRegister.ElrEl1, pc), new(Arm64SystemRegister.SpsrEl1, pstate), new(Arm64SystemRegister.EsrEl1, UndefinedSyndrome),
        ]);
        vcpu.SetRegisters(registers);
    }

    private static ulong Vector(ulong pstate) => (pstate & Arm64Pstate.ModeMask) switch
    {
        Arm64Pstate.El1t => VectorFromSp0,
        Arm64Pstate.El1h => VectorFromSpx,
        var mode => (mode & AArch32) != 0 ? VectorFromLower32 : VectorFromLower64,
    };
}
