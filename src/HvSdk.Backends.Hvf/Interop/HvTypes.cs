using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace HvSdk.Backends.Hvf.Interop;

/// <summary>hv_reg_t (Hypervisor/arm64/hv_vcpu_types.h): X0 to X30 by number, and these.</summary>
internal enum HvRegister : uint
{
    HV_REG_X0 = 0,
    HV_REG_PC = 31,
    HV_REG_FPCR = 32,
    HV_REG_FPSR = 33,
    HV_REG_CPSR = 34,
}

/// <summary>hv_exit_reason_t.</summary>
internal enum HvExitReason : uint
{
    HV_EXIT_REASON_CANCELED,
    HV_EXIT_REASON_EXCEPTION,
    HV_EXIT_REASON_VTIMER_ACTIVATED,
    HV_EXIT_REASON_UNKNOWN,
}

/// <summary>hv_interrupt_type_t.</summary>
internal enum HvInterruptType : uint
{
    HV_INTERRUPT_TYPE_IRQ,
    HV_INTERRUPT_TYPE_FIQ,
}

/// <summary>hv_memory_flags_t.</summary>
[Flags]
internal enum HvMemoryFlags : ulong
{
    None = 0,
    HV_MEMORY_READ = 1,
    HV_MEMORY_WRITE = 2,
    HV_MEMORY_EXEC = 4,
}

/// <summary>hv_feature_reg_t: the identification registers that a vCPU's configuration tells.</summary>
internal enum HvFeatureRegister : uint
{
    HV_FEATURE_REG_ID_AA64DFR0_EL1,
    HV_FEATURE_REG_ID_AA64DFR1_EL1,
    HV_FEATURE_REG_ID_AA64ISAR0_EL1,
    HV_FEATURE_REG_ID_AA64ISAR1_EL1,
    HV_FEATURE_REG_ID_AA64MMFR0_EL1,
    HV_FEATURE_REG_ID_AA64MMFR1_EL1,
    HV_FEATURE_REG_ID_AA64MMFR2_EL1,
    HV_FEATURE_REG_ID_AA64PFR0_EL1,
    HV_FEATURE_REG_ID_AA64PFR1_EL1,
}

/// <summary>hv_vcpu_exit_t: 32 bytes, owned by the framework.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct HvVcpuExit
{
    internal HvExitReason Reason;
    internal uint Reserved;

    /// <summary>As ESR_EL2.</summary>
    internal ulong Syndrome;

    /// <summary>As FAR_EL2.</summary>
    internal ulong VirtualAddress;

    /// <summary>The IPA.</summary>
    internal ulong PhysicalAddress;
}

/// <summary>hv_simd_fp_uchar16_t by value: in one vector register, as the C declaration has it. The wrapper is what the runtime passes so.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct HvSimdValue
{
    internal Vector128<byte> Value;
}

/// <summary>mach_timebase_info_data_t: nanoseconds are ticks times Numerator over Denominator.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct MachTimebaseInfo
{
    internal uint Numerator;
    internal uint Denominator;
}
