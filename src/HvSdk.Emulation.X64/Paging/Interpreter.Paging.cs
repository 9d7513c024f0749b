namespace HvSdk.Emulation;

/// <summary>Linear to physical addresses (Intel SDM vol. 3A, chapter 4).</summary>
internal static partial class Interpreter<TMachine>
{
    private const ulong Present = 1;
    private const ulong Writable = 2;
    private const ulong User = 4;
    private const ulong Accessed = 0x20;
    private const ulong Dirty = 0x40;
    private const ulong Large = 0x80;
    private const ulong NoExecute = 1UL << 63;
    private const ulong AddressBits = 0x000F_FFFF_FFFF_F000;
    private const int WalkAttempts = 16;

    /// <summary>Translates the address of an access that lies in one page.</summary>
    /// <param name="c">The processor.</param>
    /// <param name="m">The machine.</param>
    /// <param name="linear">The linear address, canonical, or of 32 bits outside 64-bit mode.</param>
    /// <param name="kind">What the access does.</param>
    /// <param name="system">An access that the processor makes by itself, to a descriptor table or TSS: supervisor at any CPL.</param>
    /// <param name="gpa">The guest physical address.</param>
    internal static bool Translate(Core c, ref TMachine m, ulong linear, AccessKind kind, bool system, out ulong gpa)
    {
        if (!c.IsPaging)
        {
            gpa = linear;
            return true;
        }

        int user = c.Cpl == 3 && !system ? Core.TlbSize : 0;
        ref readonly Core.TlbEntry entry = ref c.Tlb[((int)(linear >> 12) & (Core.TlbSize - 1)) | user];
        ulong tag = kind switch { AccessKind.Read => entry.ReadTag, AccessKind.Write => entry.WriteTag, _ => entry.ExecuteTag };
        if (tag == ((linear & ~0xFFFUL) | c.TlbGeneration))
        {
            gpa = entry.Page | (linear & 0xFFF);
            return true;
        }

        return Walk(c, ref m, linear, kind, system, out gpa);
    }

    private static bool Walk(Core c, ref TMachine m, ulong linear, AccessKind kind, bool system, out ulong gpa)
    {
        bool user = c.Cpl == 3 && !system;
        for (int attempt = 0; ; attempt++)
        {
            Walked walked = c.IsLong ? WalkLong(c, ref m, linear)
                : (c.State.Cr4 & X64Cr4.PhysicalAddressExtension) != 0 ? WalkPae(c, ref m, linear)
                : WalkTwoLevels(c, ref m, linear);
            gpa = walked.Address;
            if (!walked.IsPresent)
            {
                return c.RaisePageFault(linear, PageFaultCode(c, walked.IsReserved ? 9U : 0, kind, user));
            }

            if (!IsAllowed(c, walked, kind, user, system))
            {
                return c.RaisePageFault(linear, PageFaultCode(c, 1, kind, user));
            }

            // Another vCPU may change an entry meanwhile: then the walk is another one. One that never ends changing is taken as it was.
            if (Mark(c, ref m, walked, kind == AccessKind.Write) || attempt == WalkAttempts)
            {
                Remember(c, linear, walked, kind, user);
                return true;
            }
        }
    }

    private static uint PageFaultCode(Core c, uint code, AccessKind kind, bool user)
    {
        bool reportsFetch = (c.State.Cr4 & FlagBits.Cr4Smep) != 0 || HasNoExecute(c);
        return code | (kind == AccessKind.Write ? 2U : 0) | (user ? 4U : 0) | (kind == AccessKind.Execute && reportsFetch ? 16U : 0);
    }

    private static bool HasNoExecute(Core c) =>
        (c.State.Efer & X64Efer.NoExecuteEnable) != 0 && (c.State.Cr4 & X64Cr4.PhysicalAddressExtension) != 0;

    /// <summary>Rights of a page (Intel SDM vol. 3A, 4.6.1).</summary>
    private static bool IsAllowed(Core c, in Walked walked, AccessKind kind, bool user, bool system)
    {
        bool isUserPage = (walked.Rights & User) != 0;
        if (kind == AccessKind.Execute)
        {
            return (walked.Rights & NoExecute) == 0 && (user ? isUserPage : !isUserPage || (c.State.Cr4 & FlagBits.Cr4Smep) == 0);
        }

        if (user)
        {
            return isUserPage && (kind == AccessKind.Read || (walked.Rights & Writable) != 0);
        }

        if (isUserPage && (c.State.Cr4 & FlagBits.Cr4Smap) != 0 && (system || (c.State.Flags & FlagBits.Ac) == 0))
        {
            return false;
        }

        return kind == AccessKind.Read || (walked.Rights & Writable) != 0 || (c.State.Cr0 & X64Cr0.WriteProtect) == 0;
    }

    private static void Remember(Core c, ulong linear, in Walked walked, AccessKind kind, bool user)
    {
        // With SMAP a supervisor's right to a user page hangs on a flag that code changes at will: it is looked at each time.
        if (!user && kind != AccessKind.Execute && (walked.Rights & User) != 0 && (c.State.Cr4 & FlagBits.Cr4Smap) != 0)
        {
            return;
        }

        ref Core.TlbEntry entry = ref c.Tlb[((int)(linear >> 12) & (Core.TlbSize - 1)) | (user ? Core.TlbSize : 0)];
        ulong tag = (linear & ~0xFFFUL) | c.TlbGeneration;
        ulong page = walked.Address & ~0xFFFUL;
        if (entry.Page != page || (entry.ReadTag != tag && entry.WriteTag != tag && entry.ExecuteTag != tag))
        {
            entry = default;
            entry.Page = page;
        }

        switch (kind)
        {
            case AccessKind.Read:
                entry.ReadTag = tag;
                break;
            case AccessKind.Write:
                entry.WriteTag = tag;
                break;
            default:
                entry.ExecuteTag = tag;
                break;
        }
    }

    /// <summary>Sets the accessed bits, and the dirty bit of the last entry, each by one atomic step. False where an entry changed.</summary>
    private static bool Mark(Core c, ref TMachine m, in Walked walked, bool isWrite)
    {
        for (int i = 0; i < walked.Count; i++)
        {
            ulong entry = walked.Entries[i];
            ulong wanted = entry | Accessed | (isWrite && i == walked.Count - 1 ? Dirty : 0);

            // Tables in read-only memory stay as they are.
            if (wanted != entry && m.TryCompareExchange(walked.Addresses[i], walked.EntrySize, entry, wanted, out UInt128 found))
            {
                if (found != entry)
                {
                    return false;
                }

                // Tables may be code as well.
                c.Touch(walked.Addresses[i], walked.EntrySize);
            }
        }

        return true;
    }

    /// <summary>4-level and 5-level paging.</summary>
    private static Walked WalkLong(Core c, ref TMachine m, ulong linear)
    {
        Walked walked = new() { Rights = Writable | User, EntrySize = 8 };
        ulong reserved = (AddressBits & ~((1UL << c.PhysicalAddressBits) - 1)) | (HasNoExecute(c) ? 0 : NoExecute);
        ulong table = c.State.Cr3 & AddressBits;
        for (int level = (c.State.Cr4 & FlagBits.Cr4FiveLevels) != 0 ? 5 : 4; ; level--)
        {
            int shift = 12 + ((level - 1) * 9);
            ulong entry = ReadEntry(ref m, table + (((linear >> shift) & 0x1FF) * 8), 8, ref walked);
            bool isLeaf = level == 1 || (level <= 3 && (entry & Large) != 0);
            ulong badBits = reserved | (level >= 4 ? Large : 0) | (isLeaf && level > 1 ? ((1UL << shift) - 1) & ~0x1FFFUL : 0);
            if (!Accept(ref walked, entry, badBits))
            {
                return walked;
            }

            if (isLeaf)
            {
                return Leaf(walked, entry, shift, linear);
            }

            table = entry & AddressBits;
        }
    }

    /// <summary>PAE paging: the four entries of the first level have no rights (4.4.1).</summary>
    private static Walked WalkPae(Core c, ref TMachine m, ulong linear)
    {
        Walked walked = new() { Rights = Writable | User, EntrySize = 8 };
        ulong reserved = (~AddressBits & 0x7FF0_0000_0000_0000) | (AddressBits & ~((1UL << c.PhysicalAddressBits) - 1)) | (HasNoExecute(c) ? 0 : NoExecute);
        ulong pointer = ReadEntry(ref m, (c.State.Cr3 & 0xFFFF_FFE0) + (((linear >> 30) & 3) * 8), 8, ref walked);
        walked.Count = 0;
        if (!Accept(ref walked, pointer, (AddressBits & ~((1UL << c.PhysicalAddressBits) - 1)) | 0xFFF0_0000_0000_01E6))
        {
            return walked;
        }

        walked.Rights = Writable | User;
        ulong directory = ReadEntry(ref m, (pointer & AddressBits) + (((linear >> 21) & 0x1FF) * 8), 8, ref walked);
        bool isLeaf = (directory & Large) != 0;
        if (!Accept(ref walked, directory, reserved | (isLeaf ? 0x1F_E000UL : 0)))
        {
            return walked;
        }

        if (isLeaf)
        {
            return Leaf(walked, directory, 21, linear);
        }

        ulong page = ReadEntry(ref m, (directory & AddressBits) + (((linear >> 12) & 0x1FF) * 8), 8, ref walked);
        return Accept(ref walked, page, reserved) ? Leaf(walked, page, 12, linear) : walked;
    }

    /// <summary>32-bit paging (4.3), with pages of 4 MiB above 4 GiB (PSE-36).</summary>
    private static Walked WalkTwoLevels(Core c, ref TMachine m, ulong linear)
    {
        Walked walked = new() { Rights = Writable | User, EntrySize = 4 };
        ulong directory = ReadEntry(ref m, (c.State.Cr3 & 0xFFFF_F000) + (((linear >> 22) & 0x3FF) * 4), 4, ref walked);
        bool isLeaf = (directory & Large) != 0 && (c.State.Cr4 & X64Cr4.PageSizeExtensions) != 0;
        ulong beyond = (0x1F_E000UL << 19) & ~((1UL << c.PhysicalAddressBits) - 1);
        if (!Accept(ref walked, directory, isLeaf ? (1UL << 21) | (beyond >> 19) : 0))
        {
            return walked;
        }

        if (isLeaf)
        {
            walked.IsPresent = true;
            walked.Address = (directory & 0xFFC0_0000) | ((directory & 0x1F_E000) << 19) | (linear & 0x3F_FFFF);
            return walked;
        }

        ulong page = ReadEntry(ref m, (directory & 0xFFFF_F000) + (((linear >> 12) & 0x3FF) * 4), 4, ref walked);
        return Accept(ref walked, page, 0) ? Leaf(walked, page, 12, linear) : walked;
    }

    /// <summary>An entry outside RAM is one that is not present.</summary>
    private static ulong ReadEntry(ref TMachine m, ulong address, int size, ref Walked walked)
    {
        ulong entry = 0;
        if (!m.TryRead(address, Bytes(ref entry, size)))
        {
            entry = 0;
        }

        walked.Addresses[walked.Count] = address;
        walked.Entries[walked.Count] = entry;
        walked.Count++;
        return entry;
    }

    private static bool Accept(ref Walked walked, ulong entry, ulong reserved)
    {
        if ((entry & Present) == 0)
        {
            return false;
        }

        if ((entry & reserved) != 0)
        {
            walked.IsReserved = true;
            return false;
        }

        walked.Rights = (walked.Rights & entry & (Writable | User)) | ((walked.Rights | entry) & NoExecute);
        return true;
    }

    private static Walked Leaf(Walked walked, ulong entry, int shift, ulong linear)
    {
        ulong offset = (1UL << shift) - 1;
        walked.IsPresent = true;
        walked.Address = (entry & AddressBits & ~offset) | (linear & offset);
        return walked;
    }
}

/// <summary>What a walk found.</summary>
internal struct Walked
{
    internal EntryList Addresses;
    internal EntryList Entries;
    internal ulong Address;
    internal ulong Rights;
    internal int Count;
    internal int EntrySize;
    internal bool IsPresent;
    internal bool IsReserved;

    [System.Runtime.CompilerServices.InlineArray(5)]
    internal struct EntryList
    {
        private ulong _first;
    }
}
