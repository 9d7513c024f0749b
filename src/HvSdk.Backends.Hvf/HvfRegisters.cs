using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using HvSdk.Backends.Hvf.Interop;

namespace HvSdk.Backends.Hvf;

/// <summary>The registers of one vCPU, by the framework's calls. On the vCPU's thread.</summary>
internal sealed unsafe class HvfRegisters(HvFunctions functions, ulong vcpu, bool hasGic) : IArm64AccessRegisters
{
    /// <summary>CRn of the GIC's CPU interface, and of its priority mask.</summary>
    private const int IccCrn = 12;

    /// <summary>What is saved: the state that a guest can change, in the order in which it is loaded.</summary>
    internal static IReadOnlyList<Arm64SystemRegister> State { get; } =
    [
        Arm64SystemRegister.CpacrEl1, Arm64SystemRegister.Ttbr0El1, Arm64SystemRegister.Ttbr1El1, Arm64SystemRegister.TcrEl1, Arm64SystemRegister.MairEl1,
        Arm64SystemRegister.AmairEl1, Arm64SystemRegister.VbarEl1, Arm64SystemRegister.SpEl0, Arm64SystemRegister.SpEl1, Arm64SystemRegister.ElrEl1,
        Arm64SystemRegister.SpsrEl1, Arm64SystemRegister.EsrEl1, Arm64SystemRegister.FarEl1, Arm64SystemRegister.Afsr0El1, Arm64SystemRegister.Afsr1El1,
        Arm64SystemRegister.ParEl1, Arm64SystemRegister.ContextidrEl1, Arm64SystemRegister.TpidrEl0, Arm64SystemRegister.TpidrroEl0, Arm64SystemRegister.TpidrEl1,
        Arm64SystemRegister.CsselrEl1, Arm64SystemRegister.MdscrEl1, Arm64SystemRegister.ApiaKeyLoEl1, Arm64SystemRegister.ApiaKeyHiEl1, Arm64SystemRegister.ApibKeyLoEl1,
        Arm64SystemRegister.ApibKeyHiEl1, Arm64SystemRegister.ApdaKeyLoEl1, Arm64SystemRegister.ApdaKeyHiEl1, Arm64SystemRegister.ApdbKeyLoEl1,
        Arm64SystemRegister.ApdbKeyHiEl1, Arm64SystemRegister.ApgaKeyLoEl1, Arm64SystemRegister.ApgaKeyHiEl1, Arm64SystemRegister.CntkctlEl1,
        Arm64SystemRegister.CntvCvalEl0, Arm64SystemRegister.CntvCtlEl0, Arm64SystemRegister.Fpcr, Arm64SystemRegister.Fpsr, Arm64SystemRegister.SctlrEl1,
    ];

    /// <summary>The state of the GIC's CPU interface.</summary>
    internal static IReadOnlyList<Arm64SystemRegister> InterfaceState { get; } =
    [
        Arm64SystemRegister.IccPmrEl1, Arm64SystemRegister.IccBpr0El1, Arm64SystemRegister.IccBpr1El1, Arm64SystemRegister.IccCtlrEl1, Arm64SystemRegister.IccSreEl1,
        Arm64SystemRegister.IccIgrpen0El1, Arm64SystemRegister.IccIgrpen1El1,
    ];

    public ulong StackPointer
    {
        get => Get(CurrentStack);
        set => Set(CurrentStack, value);
    }

    private Arm64SystemRegister CurrentStack =>
        (Get(HvRegister.HV_REG_CPSR) & Arm64Pstate.ModeMask) == Arm64Pstate.El1h ? Arm64SystemRegister.SpEl1 : Arm64SystemRegister.SpEl0;

    public ulong GetGeneral(int index) => index == Arm64MmioAccess.ZeroRegister ? 0 : Get((HvRegister)index);

    public void SetGeneral(int index, ulong value)
    {
        if (index != Arm64MmioAccess.ZeroRegister)
        {
            Set((HvRegister)index, value);
        }
    }

    public void Advance() => Set(HvRegister.HV_REG_PC, Get(HvRegister.HV_REG_PC) + 4);

    public UInt128 GetSimd(int index)
    {
        HvSimdValue value = default;
        HvfError.Check(functions.hv_vcpu_get_simd_fp_reg(vcpu, (uint)index, &value), nameof(HvFunctions.hv_vcpu_get_simd_fp_reg));
        Vector128<ulong> halves = value.Value.AsUInt64();
        return new UInt128(halves[1], halves[0]);
    }

    public void SetSimd(int index, UInt128 value)
    {
        var halves = Vector128.Create((ulong)value, (ulong)(value >> 64));
        HvfError.Check(
            functions.hv_vcpu_set_simd_fp_reg(vcpu, (uint)index, new HvSimdValue { Value = halves.AsByte() }), nameof(HvFunctions.hv_vcpu_set_simd_fp_reg));
    }

    internal ulong Get(HvRegister register)
    {
        ulong value = 0;
        HvfError.Check(functions.hv_vcpu_get_reg(vcpu, register, &value), nameof(HvFunctions.hv_vcpu_get_reg));
        return value;
    }

    internal void Set(HvRegister register, ulong value) => HvfError.Check(functions.hv_vcpu_set_reg(vcpu, register, value), nameof(HvFunctions.hv_vcpu_set_reg));

    internal int TryGet(Arm64SystemRegister register, out ulong value)
    {
        ulong read = 0;
        int result;
        if (register == Arm64SystemRegister.Fpcr)
        {
            result = functions.hv_vcpu_get_reg(vcpu, HvRegister.HV_REG_FPCR, &read);
        }
        else if (register == Arm64SystemRegister.Fpsr)
        {
            result = functions.hv_vcpu_get_reg(vcpu, HvRegister.HV_REG_FPSR, &read);
        }
        else if (hasGic && IsInterface(register))
        {
            result = functions.hv_gic_get_icc_reg(vcpu, register.Encoding, &read);
        }
        else
        {
            result = functions.hv_vcpu_get_sys_reg(vcpu, register.Encoding, &read);
        }

        value = read;
        return result;
    }

    internal int TrySet(Arm64SystemRegister register, ulong value)
    {
        if (register == Arm64SystemRegister.Fpcr)
        {
            return functions.hv_vcpu_set_reg(vcpu, HvRegister.HV_REG_FPCR, value);
        }

        if (register == Arm64SystemRegister.Fpsr)
        {
            return functions.hv_vcpu_set_reg(vcpu, HvRegister.HV_REG_FPSR, value);
        }

        return hasGic && IsInterface(register)
            ? functions.hv_gic_set_icc_reg(vcpu, register.Encoding, value)
            : functions.hv_vcpu_set_sys_reg(vcpu, register.Encoding, value);
    }

    internal ulong Get(Arm64SystemRegister register)
    {
        int result = TryGet(register, out ulong value);
        return result == (int)HvReturn.HV_SUCCESS ? value : throw Refused(nameof(HvFunctions.hv_vcpu_get_sys_reg), register, result);
    }

    internal void Set(Arm64SystemRegister register, ulong value)
    {
        int result = TrySet(register, value);
        if (result != (int)HvReturn.HV_SUCCESS)
        {
            throw Refused(nameof(HvFunctions.hv_vcpu_set_sys_reg), register, result);
        }
    }

    private static bool IsInterface(Arm64SystemRegister register) =>
        register is { Op0: 3, Op1: 0, Crn: IccCrn, Crm: >= 8 } || register == Arm64SystemRegister.IccPmrEl1;

    private static HypervisorException Refused(string operation, Arm64SystemRegister register, int result) => new(
        HvfError.BackendName, operation, result, $"{register}: {HvfError.Describe(result)}.", "The framework reaches the registers that its header lists, and on newer macOS more of them.");
}
