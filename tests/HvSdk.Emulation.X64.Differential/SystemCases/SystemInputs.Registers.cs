using Iced.Intel;

namespace HvSdk.Emulation.Differential;

/// <content>Control, debug and model-specific registers, descriptor tables, ports and vector state.</content>
internal sealed partial class SystemInputs
{
    private void PrepareReturn(ref RandomSource random, Target target)
    {
        ulong place = random.Chance(92) ? MachineMap.Landing + (ulong)(2 * random.Below(64)) : InterestingValues.Register(ref random);
        test.Registers = test.Registers with
        {
            Rcx = Narrow(place), // SYSRET goes there; SYSEXIT takes its stack from it
            Rdx = Narrow(place + 2),
            R11 = _machine.Bitness == 64 ? Flags(ref random) : 0,
        };
    }

    private void PrepareTable(ref RandomSource random, in Instruction instruction)
    {
        bool isInterrupt = instruction.Mnemonic == Mnemonic.Lidt;
        ulong address = random.Below(8) switch
        {
            < 5 => isInterrupt ? (_machine.Mode == MachineMode.Real16 ? 0UL : MachineMap.Idt) : MachineMap.Gdt,
            5 => random.Next() & 0xFFFF_FFFF,
            6 => random.Next(),
            _ => MachineMap.Gdt + (ulong)random.Below(64),
        };
        ushort limit = (ushort)(isInterrupt ? random.Pick<int>([0xFFF, 0x7FF, 0x3FF, 0x1FF, 0]) : random.Pick<int>([SystemMap.GdtEnd - 1, 0xFFFF, 0x7F, 7]));
        Patch(OperandAddress, limit | (address << 16));
        Patch(OperandAddress + 8, address >> 48);
    }

    private void PrepareControl(ref RandomSource random, in Instruction instruction)
    {
        X64SpecialRegisters registers = test.System!.Registers;
        ulong value = instruction.Op0Register switch
        {
            Register.CR0 => Turn(ref random, registers.Cr0, [0, 1, 2, 3, 4, 5, 16, 18, 29, 30, 31, 6, 32, 63]),
            Register.CR3 => random.Chance(70) ? MachineMap.PageTables | (random.Next() & 0x18) : Turn(ref random, registers.Cr3, [12, 13, 40, 51, 52, 63]),
            Register.CR4 => Turn(ref random, registers.Cr4, [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 15, 16, 18, 20, 21, 31, 32]),
            Register.CR8 => (ulong)random.Below(18),
            Register.DR7 => InterestingValues.Register(ref random) & 0xFFFF_0000_FFFF_0000UL & (random.Chance(90) ? uint.MaxValue : ulong.MaxValue) | (random.Chance(20) ? 0x2000UL : 0) | 0x400,
            _ => InterestingValues.Register(ref random),
        };
        if (instruction.Mnemonic == Mnemonic.Lmsw)
        {
            value = Turn(ref random, registers.Cr0, [0, 1, 2, 3, 4, 5]);
        }

        if (instruction.Mnemonic is Mnemonic.Xsetbv or Mnemonic.Xgetbv)
        {
            test.Registers = test.Registers with { Rcx = random.Chance(85) ? 0 : (ulong)random.Below(3), Rdx = random.Chance(90) ? 0 : (ulong)random.Below(4) };
            value = random.Pick<ulong>([1, 3, 7, 2, 5, 0, 0xF, 0x17]);
        }

        test.Registers = test.Registers with { Rax = Narrow(value) };
        Patch(OperandAddress, value);
    }

    private static ulong Turn(ref RandomSource random, ulong value, ReadOnlySpan<int> bits)
    {
        for (int i = random.Below(3); i > 0; i--)
        {
            value ^= 1UL << random.Pick(bits);
        }

        return value;
    }

    private void PrepareMsr(ref RandomSource random)
    {
        uint index = random.Below(4) switch
        {
            0 => random.Pick<uint>([X64MsrIndex.Efer, X64MsrIndex.FsBase, X64MsrIndex.GsBase]),
            1 when random.Chance(20) => 0x4000_1234,
            _ => SystemMap.Msrs[random.Below(SystemMap.Msrs.Length)],
        };
        ulong value = index == X64MsrIndex.Efer
            ? Turn(ref random, test.System!.Registers.Efer, [0, 8, 10, 11, 1, 16, 63])
            : random.Chance(30) ? InterestingValues.Register(ref random) : random.Next() & 0x7FFF_FFFF;

        // What lies above is reserved; of the other two AMD's processors keep 32 bits.
        value &= index switch
        {
            X64MsrIndex.SysenterCs => ushort.MaxValue,
            X64MsrIndex.SysenterEsp or X64MsrIndex.SysenterEip => uint.MaxValue,
            _ => ulong.MaxValue,
        };
        test.Registers = test.Registers with { Rcx = index, Rax = (uint)value, Rdx = value >> 32 };
    }

    // A leaf of one of the ranges, there or not, and mostly a subleaf that some leaf has; the upper halves of the registers mean nothing.
    private void PrepareIdentification(ref RandomSource random)
    {
        uint leaf = random.Below(8) switch
        {
            < 3 => (uint)random.Below(0x20),
            3 => 0xD,
            4 or 5 => 0x8000_0000 | (uint)random.Below(0x24),
            6 => 0x4000_0000 | (uint)random.Below(4),
            _ => (uint)random.Next(),
        };
        ulong subleaf = random.Chance(90) ? (ulong)random.Below(random.Chance(60) ? 4 : 64) : random.Next();
        ulong upper = random.Chance(50) ? random.Next() << 32 : 0;
        test.Registers = test.Registers with { Rax = Narrow(leaf | upper), Rcx = Narrow(subleaf | upper) };
    }

    private void PreparePort(ref RandomSource random, ref Instruction instruction)
    {
        // The map's first bytes and those at 0x100 may be closed.
        int port = random.Below(4) switch { 0 => random.Below(256), 1 => 0x40 + random.Below(0x48), 2 => 0x800 + random.Below(0x48), _ => random.Below(0x1_0000) };
        port = port == MachineMap.EndPort ? port + 1 : port;
        test.Registers = test.Registers with { Rdx = (ushort)port | (_machine.Bitness == 64 && random.Chance(30) ? random.Next() << 16 : 0), Rcx = (ulong)random.Below(4) };
        for (int i = 0; i < instruction.OpCount; i++)
        {
            if (instruction.GetOpKind(i) == OpKind.Immediate8)
            {
                instruction.Immediate8 = (byte)((byte)port is var low && low == (byte)MachineMap.EndPort ? low + 8 : low);
            }
        }
    }

    // An image such as FXSAVE, XSAVE and XSAVEC leave, with a fault in it now and then, where the operand points.
    private void PrepareVectorState(ref RandomSource random)
    {
        ulong page = MachineMap.Arena + (ulong)((int)random.Pick<ArenaPage>([ArenaPage.Data0, ArenaPage.Data1, ArenaPage.Data2]) * MachineMap.PageSize);
        ulong address = page + (ulong)(64 * random.Below(40)) + (random.Chance(6) ? (ulong)random.Below(64) : 0);
        test.Registers = test.Registers with
        {
            Rbx = address - _machine.DataBase,
            Rax = (ulong)(random.Chance(60) ? 7 : random.Below(8)),
            Rdx = 0,
        };
        for (int i = 0; i < TestCase.XsaveSize; i += sizeof(ulong))
        {
            ulong value = BitConverter.ToUInt64(test.Xsave, i);
            if (i is >= 32 and < 512 or >= 576)
            {
                value = random.Chance(70) ? value : InterestingValues.Memory(ref random);
                value = i < 160 && i % 16 == 8 ? value & 0xFFFF : value;
            }

            Patch(address + (ulong)i, value);
        }

        Patch(address + 8, 0); // the pointers to the last x87 instruction
        Patch(address + 24, (uint)(random.Chance(90) ? 0x1F80 : random.Next()));
        Patch(address + (1 << SystemSizeShift), (ulong)(random.Chance(90) ? random.Below(8) : random.Below(16)));
        Patch(address + (1 << SystemSizeShift) + 8, random.Below(20) switch { 0 => random.Next(), < 6 => CompactedForm | (uint)random.Below(8), _ => 0 });
        Patch(address + (1 << SystemSizeShift) + 16, random.Chance(97) ? 0UL : 1);
    }
}
