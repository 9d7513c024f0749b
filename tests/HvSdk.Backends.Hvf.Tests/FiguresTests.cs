using HvSdk.Backends.Hvf.Interop;

namespace HvSdk.Backends.Hvf.Tests;

/// <summary>The numbers and layouts of Hypervisor.framework for arm64, each with where it can be read. The headers themselves are not here: they come with a Mac.</summary>
/// <remarks>
/// Sources, read in 2026: <b>Sys</b>, the crate applevisor-sys on docs.rs, which binds hv_vcpu_types.h, hv_vm_types.h and hv_error.h; <b>Ahv</b>, the crate ahv on docs.rs (ffi::types), which
/// binds them independently; <b>Krun</b>, libkrun's src/hvf; <b>Apple</b>, the pages of developer.apple.com/documentation/hypervisor; <b>Mach</b>, mach/error.h of xnu (err_system, err_sub), by
/// which hv_error.h makes its codes: system 0x3E, subsystem 0xBA5; <b>Arm</b>, the encodings of the Arm ARM, D19, which hv_sys_reg_t is made of (op0:op1:CRn:CRm:op2).
/// </remarks>
public sealed class FiguresTests
{
    private const string Sys = "applevisor-sys";
    private const string Ahv = "ahv, ffi::types";
    private const string Krun = "libkrun, src/hvf/src/lib.rs";
    private const string Apple = "developer.apple.com/documentation/hypervisor";
    private const string Mach = "xnu, osfmk/mach/error.h";

    private static readonly (Enum Member, ulong Figure, string Source)[] s_members =
    [
        (HvReturn.HV_SUCCESS, 0, Ahv),
        (HvReturn.HV_ERROR, MachError(1), Mach),
        (HvReturn.HV_BUSY, MachError(2), Mach),
        (HvReturn.HV_BAD_ARGUMENT, MachError(3), Mach),
        (HvReturn.HV_ILLEGAL_GUEST_STATE, MachError(4), Mach),
        (HvReturn.HV_NO_RESOURCES, MachError(5), Mach),
        (HvReturn.HV_NO_DEVICE, MachError(6), Mach),
        (HvReturn.HV_DENIED, MachError(7), Mach),
        (HvReturn.HV_EXISTS, MachError(8), Mach),
        (HvReturn.HV_FAULT, MachError(9), Mach),
        (HvReturn.HV_UNSUPPORTED, MachError(0xF), Mach),
        (HvRegister.HV_REG_X0, 0, Sys),
        (HvRegister.HV_REG_PC, 31, Sys),
        (HvRegister.HV_REG_FPCR, 32, Sys),
        (HvRegister.HV_REG_FPSR, 33, Sys),
        (HvRegister.HV_REG_CPSR, 34, Sys),
        (HvExitReason.HV_EXIT_REASON_CANCELED, 0, Krun),
        (HvExitReason.HV_EXIT_REASON_EXCEPTION, 1, Krun),
        (HvExitReason.HV_EXIT_REASON_VTIMER_ACTIVATED, 2, Krun),
        (HvExitReason.HV_EXIT_REASON_UNKNOWN, 3, Ahv),
        (HvInterruptType.HV_INTERRUPT_TYPE_IRQ, 0, Ahv),
        (HvInterruptType.HV_INTERRUPT_TYPE_FIQ, 1, Ahv),
        (HvMemoryFlags.None, 0, Apple),
        (HvMemoryFlags.HV_MEMORY_READ, 1, Ahv),
        (HvMemoryFlags.HV_MEMORY_WRITE, 2, Ahv),
        (HvMemoryFlags.HV_MEMORY_EXEC, 4, Ahv),
        (HvFeatureRegister.HV_FEATURE_REG_ID_AA64DFR0_EL1, 0, Sys),
        (HvFeatureRegister.HV_FEATURE_REG_ID_AA64DFR1_EL1, 1, Sys),
        (HvFeatureRegister.HV_FEATURE_REG_ID_AA64ISAR0_EL1, 2, Sys),
        (HvFeatureRegister.HV_FEATURE_REG_ID_AA64ISAR1_EL1, 3, Sys),
        (HvFeatureRegister.HV_FEATURE_REG_ID_AA64MMFR0_EL1, 4, Sys),
        (HvFeatureRegister.HV_FEATURE_REG_ID_AA64MMFR1_EL1, 5, Sys),
        (HvFeatureRegister.HV_FEATURE_REG_ID_AA64MMFR2_EL1, 6, Sys),
        (HvFeatureRegister.HV_FEATURE_REG_ID_AA64PFR0_EL1, 7, Sys),
        (HvFeatureRegister.HV_FEATURE_REG_ID_AA64PFR1_EL1, 8, Sys),
    ];

    /// <summary>hv_sys_reg_t in hexadecimal, as applevisor-sys and others bind it.</summary>
    private static readonly (Arm64SystemRegister Register, ushort Figure)[] s_systemRegisters =
    [
        (Arm64SystemRegister.DbgBvrEl1(0), 0x8004), (Arm64SystemRegister.DbgBcrEl1(0), 0x8005), (Arm64SystemRegister.DbgWvrEl1(0), 0x8006), (Arm64SystemRegister.DbgWcrEl1(0), 0x8007),
        (Arm64SystemRegister.DbgBvrEl1(3), 0x801C), (Arm64SystemRegister.DbgBcrEl1(3), 0x801D), (Arm64SystemRegister.DbgWvrEl1(3), 0x801E), (Arm64SystemRegister.DbgWcrEl1(3), 0x801F),
        (Arm64SystemRegister.MdscrEl1, 0x8012), (Arm64SystemRegister.MidrEl1, 0xC000), (Arm64SystemRegister.MpidrEl1, 0xC005), (Arm64SystemRegister.IdAa64Pfr0El1, 0xC020),
        (Arm64SystemRegister.IdAa64Pfr1El1, 0xC021), (Arm64SystemRegister.IdAa64Dfr0El1, 0xC028), (Arm64SystemRegister.IdAa64Dfr1El1, 0xC029),
        (Arm64SystemRegister.IdAa64Isar0El1, 0xC030), (Arm64SystemRegister.IdAa64Isar1El1, 0xC031), (Arm64SystemRegister.IdAa64Mmfr0El1, 0xC038),
        (Arm64SystemRegister.IdAa64Mmfr1El1, 0xC039), (Arm64SystemRegister.IdAa64Mmfr2El1, 0xC03A), (Arm64SystemRegister.SctlrEl1, 0xC080), (Arm64SystemRegister.CpacrEl1, 0xC082),
        (Arm64SystemRegister.Ttbr0El1, 0xC100), (Arm64SystemRegister.Ttbr1El1, 0xC101), (Arm64SystemRegister.TcrEl1, 0xC102), (Arm64SystemRegister.ApdaKeyHiEl1, 0xC111),
        (Arm64SystemRegister.ApdbKeyLoEl1, 0xC112), (Arm64SystemRegister.ApdbKeyHiEl1, 0xC113), (Arm64SystemRegister.ApgaKeyLoEl1, 0xC118), (Arm64SystemRegister.ApgaKeyHiEl1, 0xC119),
        (Arm64SystemRegister.ElrEl1, 0xC201), (Arm64SystemRegister.SpEl0, 0xC208), (Arm64SystemRegister.EsrEl1, 0xC290), (Arm64SystemRegister.FarEl1, 0xC300),
        (Arm64SystemRegister.MairEl1, 0xC510), (Arm64SystemRegister.VbarEl1, 0xC600), (Arm64SystemRegister.ContextidrEl1, 0xC681), (Arm64SystemRegister.TpidrEl1, 0xC684),
        (Arm64SystemRegister.TpidrEl0, 0xDE82), (Arm64SystemRegister.TpidrroEl0, 0xDE83), (Arm64SystemRegister.SpEl1, 0xE208),
    ];

    [Fact]
    public void Enums_AgainstTheFigures_AreTheSameAndHaveNoOthers()
    {
        foreach ((Enum member, ulong figure, string source) in s_members)
        {
            Assert.True(unchecked((uint)figure) == unchecked((uint)Convert.ToInt64(member, null)) && source.Length > 0, $"{member.GetType().Name}.{member} should be 0x{figure:X} ({source}).");
        }

        IEnumerable<Enum> all = typeof(HvReturn).Assembly.GetTypes().Where(static type => type.IsEnum && type.Namespace == typeof(HvReturn).Namespace)
            .SelectMany(static type => Enum.GetValues(type).Cast<Enum>());
        Assert.Equal([], all.Except(s_members.Select(static row => row.Member)));
    }

    [Fact]
    public void SystemRegisters_AgainstTheFigures_AreTheSame() =>
        Assert.Equal(s_systemRegisters.Select(static row => row.Figure), s_systemRegisters.Select(static row => row.Register.Encoding));

    /// <summary>hv_vcpu_exit_t: a reason of 32 bits, and behind it, at a multiple of 8, syndrome, virtual address and physical address (Krun, Ahv).</summary>
    [Fact]
    public unsafe void ExitBlock_AgainstTheFigures_HasSizeAndOffsets()
    {
        HvVcpuExit exit = default;
        byte* start = (byte*)&exit;
        Assert.Equal(
            (32, 0L, 8L, 16L, 24L),
            (sizeof(HvVcpuExit), (byte*)&exit.Reason - start, (byte*)&exit.Syndrome - start, (byte*)&exit.VirtualAddress - start, (byte*)&exit.PhysicalAddress - start));
    }

    /// <summary>hv_simd_fp_uchar16_t is a vector of 16 bytes (Apple); mach_timebase_info is two numbers of 32 bits, numerator first (xnu, osfmk/mach/mach_time.h).</summary>
    [Fact]
    public unsafe void OtherStructures_AgainstTheFigures_HaveTheirSizes()
    {
        Assert.Equal(16, sizeof(HvSimdValue));
        MachTimebaseInfo timebase = default;
        byte* start = (byte*)&timebase;
        Assert.Equal((8, 0L, 4L), (sizeof(MachTimebaseInfo), (byte*)&timebase.Numerator - start, (byte*)&timebase.Denominator - start));
    }

    /// <summary>err_system(x) is x in bits 26 and up, err_sub(x) in bits 14 to 25.</summary>
    private static uint MachError(uint code) => (0x3EU << 26) | (0xBA5U << 14) | code;
}
