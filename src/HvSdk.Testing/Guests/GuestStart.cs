namespace HvSdk.Testing;

/// <summary>The registers that a program starts with.</summary>
internal static class GuestStart
{
    private const ulong RealModeSegmentSize = 0x1_0000;

    /// <summary>Base of CS in real mode: 0, or for code from 64 KiB on the code's own address.</summary>
    public static ulong RealModeSegmentBase(GuestLayout layout) =>
        layout.CodeAddress < RealModeSegmentSize ? 0 : layout.CodeAddress & ~0xFUL;

    public static X64Registers CreateRegisters(GuestMode mode, GuestLayout layout, ulong entryPoint) => new()
    {
        Rip = mode == GuestMode.Real ? entryPoint - RealModeSegmentBase(layout) : entryPoint,
        Rsp = mode == GuestMode.Real ? layout.StackTop % RealModeSegmentSize : layout.StackTop,
        Rflags = X64Flags.Reserved1 | (layout.PrivilegeLevel == 3 ? X64Flags.IoPrivilegeLevelMask : 0),
    };

    public static X64SpecialRegisters CreateSpecialRegisters(GuestMode mode, GuestLayout layout) =>
        mode == GuestMode.Real ? CreateReal(layout) : CreateFlat(mode, layout);

    // What a reset leaves (Intel SDM vol. 3A, "Processor State After Reset"), but with caches on and the segments set.
    private static X64SpecialRegisters CreateReal(GuestLayout layout)
    {
        ushort segment = (ushort)(RealModeSegmentBase(layout) >> 4);
        X64Segment data = X64Segment.RealMode(segment);
        return new()
        {
            Cs = X64Segment.RealMode(segment, isCode: true),
            Ds = data,
            Es = data,
            Fs = data,
            Gs = data,
            Ss = X64Segment.RealMode(0),
            Tr = new() { Limit = 0xFFFF, Type = 0xB, IsPresent = true },
            Ldt = new() { Limit = 0xFFFF, Type = 0x2, IsPresent = true },
            Gdt = new(0, 0xFFFF),
            Idt = new(0, (ushort)(IdtBuilder.SizeOf(GuestMode.Real) - 1)),
            Cr0 = X64Cr0.ExtensionType,
        };
    }

    private static X64SpecialRegisters CreateFlat(GuestMode mode, GuestLayout layout)
    {
        bool isLong = mode == GuestMode.Long;
        bool isUser = layout.PrivilegeLevel == 3;
        bool hasPaging = GuestLayoutRules.HasPaging(mode, layout);
        X64Segment data = X64Segment.FlatData(isUser ? GuestSelectors.UserData : GuestSelectors.KernelData);
        ulong pagingCr4 = isLong ? X64Cr4.PhysicalAddressExtension : X64Cr4.PageSizeExtensions;
        ulong noExecute = layout.PageTables?.UsesNoExecute == true ? X64Efer.NoExecuteEnable : 0;
        return new()
        {
            Cs = X64Segment.FlatCode(isUser ? GuestSelectors.UserCode : GuestSelectors.KernelCode, isLong),
            Ds = data,
            Es = data,
            Fs = data,
            Gs = data,
            Ss = data,
            Tr = GuestTables.TaskSegment(layout),
            Ldt = new() { IsUnusable = true },
            Gdt = new(layout.GdtAddress, GuestTables.GdtLimit(mode)),
            Idt = new(layout.IdtAddress, (ushort)(IdtBuilder.SizeOf(mode) - 1)),
            Cr0 = X64Cr0.ProtectionEnable | X64Cr0.ExtensionType | X64Cr0.NumericError
                | (hasPaging ? X64Cr0.Paging | X64Cr0.WriteProtect : 0),
            Cr3 = hasPaging ? layout.PageTableAddress : 0,
            Cr4 = X64Cr4.OsFxsr | X64Cr4.OsXmmExceptions | (hasPaging ? pagingCr4 : 0),
            Efer = isLong ? X64Efer.LongModeEnable | X64Efer.LongModeActive | noExecute : 0,
        };
    }
}
