namespace HvSdk.Emulation.Differential;

/// <summary>The registers that a system case starts with: any privilege level, and control registers as system software might have set them.</summary>
internal static class SystemStart
{
    private const ulong NestedTask = 1UL << 14;
    private const ulong TimeStampDisable = 1UL << 2;
    private const ulong DebuggingExtensions = 1UL << 3;
    private const ulong PageSizeExtensions = 1UL << 4;
    private const ulong TaskSwitched = 1UL << 3;
    private const ulong Emulation = 1UL << 2;
    private const ulong Umip = 1UL << 11;
    private const ulong NoAddress = 0x7FFF_0000; // beyond all RAM
    private const byte LocalTableType = 2;

    /// <summary>Sets <see cref="TestCase.System"/>, and flags.</summary>
    /// <returns>The privilege level.</returns>
    public static int Add(ref RandomSource random, TestCase test)
    {
        var machine = Machine.Of(test.Mode);
        X64SpecialRegisters registers = CaseState.SpecialRegisters(test);
        int level = machine.IsUser ? 3 : 0;
        if (test.Mode != MachineMode.Real16)
        {
            if (random.Chance(45))
            {
                level = random.Below(4);
            }

            SetLevel(ref random, ref registers, machine, level);
            registers.Gdt = new(MachineMap.Gdt, (ushort)(random.Chance(95) ? SystemMap.GdtEnd - 1 : random.Below(SystemMap.GdtEnd)));
            if (random.Chance(60))
            {
                registers.Ldt = new()
                {
                    Base = SystemMap.LocalTable,
                    Limit = (SystemMap.LocalCount * sizeof(ulong)) - 1,
                    Selector = MachineSelectors.Ldt,
                    Type = LocalTableType,
                    IsPresent = true,
                };
            }
        }

        registers.Cr0 |= (random.Chance(4) ? TaskSwitched : 0) | (random.Chance(3) ? Emulation : 0);
        registers.Cr4 |= (random.Chance(10) ? DebuggingExtensions : 0) | (random.Chance(10) ? TimeStampDisable : 0) | (random.Chance(10) ? Umip : 0)
            | (random.Chance(10) && !machine.HasPaging ? PageSizeExtensions : 0);
        if (machine.HasPaging && random.Chance(40))
        {
            SystemPaging.Add(ref random, test, ref registers);
        }

        // No breakpoint is enabled. QEMU 7.2 notes in DR6 all the same where code runs at an address that is in one, as 0 would be.
        X64DebugRegisters debug = new() { Dr0 = NoAddress | (uint)random.Below(256), Dr1 = NoAddress, Dr2 = NoAddress, Dr3 = NoAddress, Dr6 = 0xFFFF_0FF0, Dr7 = random.Chance(4) ? 0x2400UL : 0x400 };
        test.System = new(registers, debug, CreateMsrs(ref random, machine));
        ulong flags = test.Registers.Rflags & ~X64Flags.IoPrivilegeLevelMask;
        flags |= (ulong)(random.Chance(60) ? 3 : random.Below(4)) << 12;
        test.Registers = test.Registers with { Rflags = flags | (random.Chance(3) && test.Mode != MachineMode.Real16 ? NestedTask : 0) };
        return level;
    }

    private static void SetLevel(ref RandomSource random, ref X64SpecialRegisters registers, Machine machine, int level)
    {
        LevelSegment code = machine.Bitness switch { 64 => LevelSegment.Code64, 32 => LevelSegment.Code32, _ => LevelSegment.Code16 };
        registers.Cs = registers.Cs with { Selector = Target.Level(code, level, level), PrivilegeLevel = (byte)level };
        registers.Ss = registers.Ss with { Selector = Target.Level(LevelSegment.Data, level, level), PrivilegeLevel = (byte)level };

        // Data segments of level 3 are everybody's.
        ushort data = Target.Level(LevelSegment.Data, 3, 3);
        registers.Ds = registers.Ds with { Selector = data, PrivilegeLevel = 3 };
        registers.Es = registers.Es with { Selector = data, PrivilegeLevel = 3 };
        registers.Fs = registers.Fs with { Selector = data, PrivilegeLevel = 3 };
        int inner = random.Chance(50) ? level : 3;
        registers.Gs = registers.Gs with { Selector = Target.Level(LevelSegment.Data, inner, inner), PrivilegeLevel = (byte)inner };
    }

    // In the order of SystemMap.Msrs.
    private static ulong[] CreateMsrs(ref RandomSource random, Machine machine)
    {
        ulong landing = MachineMap.Landing + (ulong)(2 * random.Below(64));
        ulong kernel = Target.Level(machine.IsLong ? LevelSegment.Code64 : LevelSegment.Code32, 0, 0);
        ulong user = Target.Level(LevelSegment.Code32, 3, random.Chance(80) ? 3 : random.Below(4));
        return
        [
            (user << 48) | (kernel << 32) | landing,
            landing,
            landing + 2,
            random.Chance(50) ? 0x4_7700 : random.Next() & 0x3F_FFFF,
            random.Chance(85) ? kernel : (ulong)random.Below(4),
            MachineMap.InterruptStackTop - 0x200,
            landing + 4,
            (ulong)random.Below(0x2000),
        ];
    }
}
