using System.Buffers.Binary;

namespace HvSdk.Emulation.Differential;

/// <summary>Page tables as a system case finds them: rights, accessed and dirty bits turned; PAE and large pages instead of 32-bit tables. (SDM vol. 3A, 4.3 to 4.7)</summary>
internal static class SystemPaging
{
    private const ulong Present = 1;
    private const ulong Writable = 2;
    private const ulong User = 4;
    private const ulong Accessed = 0x20;
    private const ulong Dirty = 0x40;
    private const ulong Large = 0x80;
    private const ulong NoExecute = 1UL << 63;
    private const ulong AddressMask = 0x000F_FFFF_FFFF_F000;
    private const ulong All = Present | Writable | User | Accessed | Dirty;
    private const ulong Smep = 1UL << 20;
    private const ulong Smap = 1UL << 21;
    private const int Pages = 32; // those that anything lies in

    /// <summary>Changes tables and control registers.</summary>
    public static void Add(ref RandomSource random, TestCase test, ref X64SpecialRegisters registers)
    {
        var machine = Machine.Of(test.Mode);
        registers.Cr0 &= random.Chance(30) ? ~X64Cr0.WriteProtect : ulong.MaxValue;
        registers.Cr4 |= (random.Chance(6) ? Smep : 0) | (random.Chance(10) ? Smap : 0);
        registers.Efer &= random.Chance(4) ? ~X64Efer.NoExecuteEnable : ulong.MaxValue;
        if (machine.IsLong)
        {
            ChangeEntries(ref random, test, machine, entrySize: 8, levels: 4);
        }
        else if (random.Chance(40))
        {
            registers.Cr4 |= X64Cr4.PhysicalAddressExtension;
            registers.Efer |= random.Chance(70) ? X64Efer.NoExecuteEnable : 0;
            BuildPae(ref random, test, (registers.Efer & X64Efer.NoExecuteEnable) != 0);
        }
        else if (random.Chance(20))
        {
            registers.Cr4 |= X64Cr4.PageSizeExtensions;
            test.Patches.Add(new(MachineMap.PageTables, Turn(ref random, All | Large, NoExecute)));
        }
        else
        {
            ChangeEntries(ref random, test, machine, entrySize: 4, levels: 2);
        }
    }

    // Walks the machine's own tables to each page of the arena, and to those around.
    private static void ChangeEntries(ref RandomSource random, TestCase test, Machine machine, int entrySize, int levels)
    {
        int bits = entrySize == 8 ? 9 : 10;
        for (int change = 1 + random.Below(6); change > 0; change--)
        {
            int page = random.Chance(80) ? (int)(MachineMap.Arena / MachineMap.PageSize) + random.Below(MachineMap.ArenaPages) : random.Below(Pages);
            ulong table = MachineMap.PageTables;
            for (int level = levels - 1; level >= 0; level--)
            {
                int index = (page >> (bits * level)) & ((1 << bits) - 1);
                ulong address = table + (ulong)(index * entrySize);
                ulong entry = Read(machine, address, entrySize);
                bool isLast = level == 0 || (entry & Present) == 0 || (entry & Large) != 0;
                if (isLast || random.Chance(4))
                {
                    Write(test, machine, address, entrySize, Turn(ref random, entry, entrySize == 8 ? NoExecute : 0));
                }

                if (isLast)
                {
                    break;
                }

                table = entry & AddressMask;
            }
        }
    }

    private static void BuildPae(ref RandomSource random, TestCase test, bool hasNoExecute)
    {
        const ulong directory = MachineMap.PageTables + MachineMap.PageSize;
        const ulong table = directory + MachineMap.PageSize;
        test.Patches.Add(new(MachineMap.PageTables, directory | Present));
        test.Patches.Add(new(directory, table | All));
        for (int page = 0; page < Pages; page++)
        {
            ulong entry = (ulong)(page * MachineMap.PageSize) | All;
            bool isArena = page >= (int)(MachineMap.Arena / MachineMap.PageSize) && page < (int)(MachineMap.ArenaEnd / MachineMap.PageSize);
            if (isArena && random.Chance(30))
            {
                entry = Turn(ref random, entry, hasNoExecute ? NoExecute : 0);
            }

            test.Patches.Add(new(table + (ulong)(page * 8), entry));
        }
    }

    private static ulong Turn(ref RandomSource random, ulong entry, ulong noExecute)
    {
        entry &= random.Chance(50) ? ~(Accessed | Dirty) : ulong.MaxValue;
        return random.Below(8) switch
        {
            0 => entry ^ Present,
            1 or 2 => entry ^ Writable,
            3 => entry ^ User,
            4 => entry ^ noExecute,
            5 => entry ^ Dirty,
            6 => entry ^ Writable ^ Dirty,
            _ => entry,
        };
    }

    private static ulong Read(Machine machine, ulong address, int size) => size == 8
        ? BinaryPrimitives.ReadUInt64LittleEndian(machine.Ram.Span[(int)address..])
        : BinaryPrimitives.ReadUInt32LittleEndian(machine.Ram.Span[(int)address..]);

    // Patches have eight bytes: the neighbour of a narrow entry stays as it is.
    private static void Write(TestCase test, Machine machine, ulong address, int size, ulong entry)
    {
        if (size == 4)
        {
            entry = (uint)entry | (Read(machine, address + 4, 4) << 32);
        }

        test.Patches.Add(new(address, entry));
    }
}
