using HvSdk.Backends.Whp.Interop;

namespace HvSdk.Backends.Whp;

/// <summary>Between the platform's registers and the core's records.</summary>
internal static class WhpRegisters
{
    /// <summary>RAX to RFLAGS: names 0 to 0x11.</summary>
    internal const int GeneralCount = 18;

    /// <summary>ES to CR8: names 0x12 to 0x20.</summary>
    internal const int SpecialCount = (int)WHV_REGISTER_NAME.WHvX64RegisterCr8 - (int)WHV_REGISTER_NAME.WHvX64RegisterEs + 1;

    internal static X64Registers ToGeneral(ReadOnlySpan<WHV_REGISTER_VALUE> values) => new()
    {
        Rax = values[0].Reg64,
        Rcx = values[1].Reg64,
        Rdx = values[2].Reg64,
        Rbx = values[3].Reg64,
        Rsp = values[4].Reg64,
        Rbp = values[5].Reg64,
        Rsi = values[6].Reg64,
        Rdi = values[7].Reg64,
        R8 = values[8].Reg64,
        R9 = values[9].Reg64,
        R10 = values[10].Reg64,
        R11 = values[11].Reg64,
        R12 = values[12].Reg64,
        R13 = values[13].Reg64,
        R14 = values[14].Reg64,
        R15 = values[15].Reg64,
        Rip = values[16].Reg64,
        Rflags = values[17].Reg64,
    };

    /// <summary>The same registers as numbers, in the platform's order.</summary>
    internal static void FromGeneral(in X64Registers registers, Span<ulong> values)
    {
        values[0] = registers.Rax;
        values[1] = registers.Rcx;
        values[2] = registers.Rdx;
        values[3] = registers.Rbx;
        values[4] = registers.Rsp;
        values[5] = registers.Rbp;
        values[6] = registers.Rsi;
        values[7] = registers.Rdi;
        values[8] = registers.R8;
        values[9] = registers.R9;
        values[10] = registers.R10;
        values[11] = registers.R11;
        values[12] = registers.R12;
        values[13] = registers.R13;
        values[14] = registers.R14;
        values[15] = registers.R15;
        values[16] = registers.Rip;
        values[17] = registers.Rflags;
    }

    /// <summary>Segments, tables and control registers, from values that begin with RAX.</summary>
    internal static X64SpecialRegisters ToSpecial(ReadOnlySpan<WHV_REGISTER_VALUE> values, ulong efer, ulong apicBase = 0) => new()
    {
        Es = ToSegment(values[(int)WHV_REGISTER_NAME.WHvX64RegisterEs].Segment),
        Cs = ToSegment(values[(int)WHV_REGISTER_NAME.WHvX64RegisterCs].Segment),
        Ss = ToSegment(values[(int)WHV_REGISTER_NAME.WHvX64RegisterSs].Segment),
        Ds = ToSegment(values[(int)WHV_REGISTER_NAME.WHvX64RegisterDs].Segment),
        Fs = ToSegment(values[(int)WHV_REGISTER_NAME.WHvX64RegisterFs].Segment),
        Gs = ToSegment(values[(int)WHV_REGISTER_NAME.WHvX64RegisterGs].Segment),
        Ldt = ToSegment(values[(int)WHV_REGISTER_NAME.WHvX64RegisterLdtr].Segment),
        Tr = ToSegment(values[(int)WHV_REGISTER_NAME.WHvX64RegisterTr].Segment),
        Idt = ToTable(values[(int)WHV_REGISTER_NAME.WHvX64RegisterIdtr].Table),
        Gdt = ToTable(values[(int)WHV_REGISTER_NAME.WHvX64RegisterGdtr].Table),
        Cr0 = values[(int)WHV_REGISTER_NAME.WHvX64RegisterCr0].Reg64,
        Cr2 = values[(int)WHV_REGISTER_NAME.WHvX64RegisterCr2].Reg64,
        Cr3 = values[(int)WHV_REGISTER_NAME.WHvX64RegisterCr3].Reg64,
        Cr4 = values[(int)WHV_REGISTER_NAME.WHvX64RegisterCr4].Reg64,
        Cr8 = values[(int)WHV_REGISTER_NAME.WHvX64RegisterCr8].Reg64,
        Efer = efer,
        ApicBase = apicBase,
    };

    /// <summary>The values of ES to CR8, in the platform's order.</summary>
    internal static void FromSpecial(in X64SpecialRegisters registers, Span<WHV_REGISTER_VALUE> values)
    {
        values[0].Segment = FromSegment(registers.Es);
        values[1].Segment = FromSegment(registers.Cs);
        values[2].Segment = FromSegment(registers.Ss);
        values[3].Segment = FromSegment(registers.Ds);
        values[4].Segment = FromSegment(registers.Fs);
        values[5].Segment = FromSegment(registers.Gs);
        values[6].Segment = FromSegment(registers.Ldt);
        values[7].Segment = FromSegment(registers.Tr);
        values[8].Table = FromTable(registers.Idt);
        values[9].Table = FromTable(registers.Gdt);
        values[10].Reg64 = registers.Cr0;
        values[11].Reg64 = registers.Cr2;
        values[12].Reg64 = registers.Cr3;
        values[13].Reg64 = registers.Cr4;
        values[14].Reg64 = registers.Cr8;
    }

    internal static X64Segment ToSegment(in WHV_X64_SEGMENT_REGISTER segment) => new()
    {
        Base = segment.Base,
        Limit = segment.Limit,
        Selector = segment.Selector,
        Type = (byte)segment.SegmentType,
        PrivilegeLevel = (byte)segment.DescriptorPrivilegeLevel,
        IsCodeOrData = segment.NonSystemSegment != 0,
        IsPresent = segment.Present != 0,
        IsAvailable = segment.Available != 0,
        IsLong = segment.Long != 0,
        IsDefault32 = segment.Default != 0,
        IsGranular = segment.Granularity != 0,

        // The platform has no bit for it: a segment that is not present cannot be used.
        IsUnusable = segment.Present == 0,
    };

    internal static WHV_X64_SEGMENT_REGISTER FromSegment(in X64Segment segment) => new()
    {
        Base = segment.Base,
        Limit = segment.Limit,
        Selector = segment.Selector,
        SegmentType = segment.Type,
        DescriptorPrivilegeLevel = segment.PrivilegeLevel,
        NonSystemSegment = Bit(segment.IsCodeOrData),
        Present = Bit(segment.IsPresent && !segment.IsUnusable),
        Available = Bit(segment.IsAvailable),
        Long = Bit(segment.IsLong),
        Default = Bit(segment.IsDefault32),
        Granularity = Bit(segment.IsGranular),
    };

    internal static uint Bit(bool value) => value ? 1U : 0;

    private static X64DescriptorTable ToTable(in WHV_X64_TABLE_REGISTER table) => new(table.Base, table.Limit);

    private static WHV_X64_TABLE_REGISTER FromTable(X64DescriptorTable table) => new() { Base = table.Base, Limit = table.Limit };
}
