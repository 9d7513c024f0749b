using HvSdk.Backends.Kvm.Interop;
using HvSdk.Backends.Kvm.Interop.Arm64;

namespace HvSdk.Backends.Kvm;

/// <summary>The numbers by which KVM_GET_ONE_REG knows the registers of the architecture (api.rst, 4.68, "arm64 registers").</summary>
internal static class KvmArm64RegisterIds
{
    /// <summary>Core registers are numbered by their offset in struct kvm_regs, in words of 4 bytes.</summary>
    internal const ulong Pc = CoreU64 | (256 / 4);
    internal const ulong Pstate = CoreU64 | (264 / 4);

    private const ulong CoreU64 = KVM_ARM64.KVM_REG_ARM64 | KVM_ARM64.KVM_REG_SIZE_U64 | KVM_ARM64.KVM_REG_ARM_CORE;
    private const ulong CoreU32 = KVM_ARM64.KVM_REG_ARM64 | KVM_ARM64.KVM_REG_SIZE_U32 | KVM_ARM64.KVM_REG_ARM_CORE;
    private const ulong CoreU128 = KVM_ARM64.KVM_REG_ARM64 | KVM_ARM64.KVM_REG_SIZE_U128 | KVM_ARM64.KVM_REG_ARM_CORE;
    private const ulong System = KVM_ARM64.KVM_REG_ARM64 | KVM_ARM64.KVM_REG_SIZE_U64 | KVM_ARM64.KVM_REG_ARM64_SYSREG;
    private const ulong CacheSize = KVM_ARM64.KVM_REG_ARM64 | KVM_ARM64.KVM_REG_SIZE_U32 | KVM_ARM64.KVM_REG_ARM_DEMUX | KVM_ARM64.KVM_REG_ARM_DEMUX_ID_CCSIDR;
    private const ulong SystemMask = 0xFFFF;
    private const ulong CacheSelectorMask = 0xF;

    private const ulong StackPointerEl0 = CoreU64 | (248 / 4);
    private const ulong StackPointerEl1 = CoreU64 | (272 / 4);
    private const ulong ExceptionLink = CoreU64 | (280 / 4);
    private const ulong SavedPstate = CoreU64 | (288 / 4);
    private const ulong SimdStatus = CoreU32 | (848 / 4);
    private const ulong SimdControl = CoreU32 | (852 / 4);
    private const int FirstSimd = 336;

    /// <summary>CCSIDR_EL1: the size of the cache that CSSELR_EL1 selects. KVM numbers it by that selection.</summary>
    internal static Arm64SystemRegister CacheSizeRegister { get; } = Arm64SystemRegister.Create(3, 1, 0, 0, 0);

    /// <summary>System registers that KVM counts among the core registers, in the order in which they are loaded.</summary>
    internal static IReadOnlyList<Arm64SystemRegister> CoreRegisters { get; } =
    [
        Arm64SystemRegister.SpEl0, Arm64SystemRegister.SpEl1, Arm64SystemRegister.ElrEl1, Arm64SystemRegister.SpsrEl1, Arm64SystemRegister.Fpcr, Arm64SystemRegister.Fpsr,
    ];

    internal static ulong General(int index) => CoreU64 | (uint)(index * 2);

    internal static ulong Simd(int index) => CoreU128 | (uint)((FirstSimd + (index * 16)) / 4);

    internal static ulong CacheSizeOf(ulong selection) => CacheSize | (selection & CacheSelectorMask);

    internal static ulong Of(Arm64Register name) => name switch
    {
        Arm64Register.Pc => Pc,
        Arm64Register.Pstate => Pstate,
        _ => General((int)name),
    };

    /// <summary>A system register's number. Those of the GIC's CPU interface, which the GIC device keeps, and CCSIDR_EL1 have none here.</summary>
    internal static ulong Of(Arm64SystemRegister register)
    {
        if (register == Arm64SystemRegister.SpEl0)
        {
            return StackPointerEl0;
        }

        if (register == Arm64SystemRegister.SpEl1)
        {
            return StackPointerEl1;
        }

        if (register == Arm64SystemRegister.ElrEl1)
        {
            return ExceptionLink;
        }

        if (register == Arm64SystemRegister.SpsrEl1)
        {
            return SavedPstate;
        }

        if (register == Arm64SystemRegister.Fpcr)
        {
            return SimdControl;
        }

        if (register == Arm64SystemRegister.Fpsr)
        {
            return SimdStatus;
        }

        // The kernel's interface has these two exchanged (asm/kvm.h, warning at KVM_REG_ARM_TIMER_CTL).
        if (register == Arm64SystemRegister.CntvCvalEl0)
        {
            return KVM_ARM64.KVM_REG_ARM_TIMER_CVAL;
        }

        return register == Arm64SystemRegister.CntvctEl0 ? KVM_ARM64.KVM_REG_ARM_TIMER_CNT : System | register.Encoding;
    }

    /// <summary>The register of a number from KVM_GET_REG_LIST, where it is a system register of 64 bits.</summary>
    internal static bool TryGetSystemRegister(ulong id, out Arm64SystemRegister register)
    {
        const ulong kind = KVM_ARM64.KVM_REG_SIZE_MASK | KVM_ARM64.KVM_REG_ARM_COPROC_MASK;
        register = id switch
        {
            KVM_ARM64.KVM_REG_ARM_TIMER_CVAL => Arm64SystemRegister.CntvCvalEl0,
            KVM_ARM64.KVM_REG_ARM_TIMER_CNT => Arm64SystemRegister.CntvctEl0,
            _ => new Arm64SystemRegister((ushort)(id & SystemMask)),
        };
        return (id & kind) == (KVM_ARM64.KVM_REG_SIZE_U64 | KVM_ARM64.KVM_REG_ARM64_SYSREG);
    }

    /// <summary>
    /// Whether a register holds state that a guest can change: not who the processor is (CRn 0 of op0 3 but for CSSELR_EL1), not the counters, which run, and not what is there for
    /// guests at EL2 or of AArch32 (op1 4).
    /// </summary>
    internal static bool IsState(Arm64SystemRegister register)
    {
        bool isIdentity = register is { Op0: 3, Crn: 0 } && register != Arm64SystemRegister.CsselrEl1;
        bool isCounter = register == Arm64SystemRegister.CntvctEl0 || register == Arm64SystemRegister.CntpctEl0 || register == Arm64SystemRegister.CntfrqEl0;
        return !isIdentity && !isCounter && register.Op1 != 4;
    }
}
