namespace HvSdk.Emulation;

/// <summary>The processor's mode, taken from the registers that make it (Intel SDM vol. 3A, 2.2).</summary>
internal sealed partial class Core
{
    /// <summary>CR0.PE is set; virtual-8086 mode included.</summary>
    internal bool IsProtected;
    internal bool IsVirtual8086;

    /// <summary>IA-32e mode: 64-bit or compatibility.</summary>
    internal bool IsLong;

    /// <summary>64-bit code.</summary>
    internal bool Is64;
    internal bool IsPaging;
    internal int Cpl;

    /// <summary>16, 32 or 64.</summary>
    internal int CodeBits;
    internal ulong IpMask;

    /// <summary>The bits of the stack pointer that count.</summary>
    internal ulong StackMask;

    /// <summary>CR0.AM, RFLAGS.AC and CPL 3: misaligned accesses raise #AC.</summary>
    internal bool ChecksAlignment;

    /// <summary>Bits of a linear address that are copies of the sign: 16, or 7 with 5-level paging.</summary>
    internal int CanonicalShift;

    /// <summary>What segmentation adds to and asks of an address, by segment.</summary>
    internal readonly SegmentView[] Views = new SegmentView[6];

    /// <summary>Takes the mode anew from the registers.</summary>
    internal void Refresh()
    {
        X64CpuState s = State;
        bool protection = (s.Cr0 & X64Cr0.ProtectionEnable) != 0;
        IsProtected = protection;

        // IA-32e mode is a mode with paging, and paging is one of protected mode. A caller may give registers that say otherwise.
        IsPaging = protection && (s.Cr0 & X64Cr0.Paging) != 0;
        IsLong = IsPaging && (s.Efer & X64Efer.LongModeActive) != 0;
        IsVirtual8086 = protection && (s.Flags & FlagBits.Vm) != 0 && !IsLong;
        Is64 = IsLong && Segments[SegmentIndex.Cs].IsLong;
        Cpl = !protection ? 0 : IsVirtual8086 ? 3 : Segments[SegmentIndex.Ss].PrivilegeLevel & 3;
        CodeBits = Is64 ? 64 : Segments[SegmentIndex.Cs].IsDefault32 && !IsVirtual8086 ? 32 : 16;
        IpMask = Is64 ? ulong.MaxValue : uint.MaxValue;
        StackMask = Is64 ? ulong.MaxValue : Segments[SegmentIndex.Ss].IsDefault32 ? uint.MaxValue : ushort.MaxValue;
        CanonicalShift = (s.Cr4 & FlagBits.Cr4FiveLevels) != 0 ? 7 : 16;
        RefreshAlignment();
        for (int i = 0; i < Views.Length; i++)
        {
            RefreshView(i);
        }
    }

    internal void RefreshAlignment() =>
        ChecksAlignment = Cpl == 3 && (State.Flags & FlagBits.Ac) != 0 && (State.Cr0 & FlagBits.Cr0AlignmentMask) != 0;

    internal bool IsCanonical(ulong address) => (ulong)((long)(address << CanonicalShift) >> CanonicalShift) == address;

    internal int IoPrivilege => (int)(State.Flags >> 12) & 3;

    private void RefreshView(int index)
    {
        ref readonly X64Segment segment = ref Segments[index];
        ref SegmentView view = ref Views[index];
        view.Base = Is64 && index < SegmentIndex.Fs ? 0 : segment.Base;
        if (!IsProtected || IsVirtual8086)
        {
            // Rights are not looked at in real mode: limits are, which "unreal" code has made large.
            view = new() { Base = segment.Base, Low = 0, High = High(segment.Limit), CanRead = true, CanWrite = true };
            return;
        }

        bool usable = !segment.IsUnusable && segment.IsPresent && segment.IsCodeOrData;
        bool isCode = (segment.Type & 8) != 0;
        view.CanRead = usable && (!isCode || (segment.Type & 2) != 0);
        view.CanWrite = usable && !isCode && (segment.Type & 2) != 0;
        bool down = !isCode && (segment.Type & 4) != 0;
        view.Low = down ? (ulong)segment.Limit + 1 : 0;
        view.High = down ? segment.IsDefault32 ? uint.MaxValue : ushort.MaxValue : High(segment.Limit);
    }

    /// <summary>A segment of 4 GiB has no last byte: an access at its end goes on at its start.</summary>
    private static ulong High(uint limit) => limit == uint.MaxValue ? ulong.MaxValue : limit;
}

/// <summary>A segment as an access sees it (Intel SDM vol. 3A, 5.3).</summary>
internal struct SegmentView
{
    internal ulong Base;
    internal ulong Low;
    internal ulong High;
    internal bool CanRead;
    internal bool CanWrite;
}
