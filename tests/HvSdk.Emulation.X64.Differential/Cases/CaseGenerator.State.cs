using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace HvSdk.Emulation.Differential;

/// <summary>What a case starts with: registers, flags, vector state, memory.</summary>
public sealed partial class CaseGenerator
{
    /// <summary>Registers, vector state and the place of the code, of a case that has no instructions yet.</summary>
    internal static TestCase CreateState(ref RandomSource random, ulong seed, MachineMode mode, string hypervisor)
    {
        var machine = Machine.Of(mode);
        TestCase test = new() { Mode = mode, Seed = seed };
        ulong arena = MachineMap.Arena - machine.DataBase;
        X64Registers registers = new()
        {
            Rax = InterestingValues.Register(ref random),
            Rcx = random.Chance(60) ? (ulong)random.Below(20) : InterestingValues.Register(ref random),
            Rdx = InterestingValues.Register(ref random),
            Rbx = arena + Place(ref random),
            Rsi = arena + Place(ref random),
            Rdi = arena + Place(ref random),
            Rbp = arena + Place(ref random),
            Rsp = MachineMap.StackTop - machine.DataBase - (ulong)(random.Chance(80) ? 8 * random.Below(64) : random.Below(0x700)),
            R8 = InterestingValues.Register(ref random),
            R9 = (ulong)random.Below(64),
            R10 = InterestingValues.Register(ref random),
            R11 = InterestingValues.Register(ref random),
            R12 = arena + Place(ref random),
            R13 = arena + Place(ref random),
            R14 = (ulong)(-random.Below(32)),
            R15 = InterestingValues.Register(ref random),
            Rflags = CreateFlags(ref random) | (machine.IsUser && hypervisor != "kvm_pvm" ? X64Flags.IoPrivilegeLevelMask : 0),
        };
        if (machine.Bitness != 64)
        {
            registers = Truncate(registers, random.Chance(70) && machine.Bitness == 16 ? ushort.MaxValue : uint.MaxValue);
        }

        test.Registers = registers;
        if (machine.Mode is MachineMode.Long64User or MachineMode.Long64Kernel)
        {
            test.FsBase = (ulong)random.Below(0x2000);
            test.GsBase = random.Chance(80) ? (ulong)random.Below(0x2000) : 0UL - (ulong)random.Below(0x2000);
        }

        CreateVectorState(ref random, test.Xsave);
        int room = 16 * (MaxInstructions + 1);
        test.CodeAddress = random.Below(20) switch
        {
            0 => MachineMap.Code + MachineMap.PageSize - (ulong)random.Below(24), // crosses into the second page
            1 => MachineMap.CodeEnd - 1 - (ulong)random.Below(24), // runs into the page that is missing
            _ => MachineMap.Code + (ulong)random.Below(MachineMap.PageSize - room),
        };
        return test;
    }

    private TestCase CreateState(ref RandomSource random, ulong seed)
    {
        TestCase test = CreateState(ref random, seed, pool.Mode, pool.Hypervisor);
        for (int i = random.Below(4); i > 0; i--)
        {
            test.Patches.Add(new(MachineMap.Arena + (Place(ref random) & ~7UL), InterestingValues.Memory(ref random)));
        }

        return test;
    }

    /// <summary>An offset into the arena: mostly good memory, aligned or not, sometimes just before a page of other rights.</summary>
    internal static ulong Place(ref RandomSource random)
    {
        ArenaPage page = random.Below(16) switch
        {
            < 5 => ArenaPage.Data0,
            < 9 => ArenaPage.Data1,
            < 13 => ArenaPage.Data2,
            13 => ArenaPage.ReadOnly,
            14 => random.Chance(50) ? ArenaPage.Missing : ArenaPage.Supervisor,
            _ => ArenaPage.LowStack,
        };
        int offset = random.Below(10) switch
        {
            < 4 => random.Below(MachineMap.PageSize / 32) * 32,
            < 6 => random.Below(MachineMap.PageSize / 8) * 8,
            < 8 => random.Below(MachineMap.PageSize),
            8 => MachineMap.PageSize - 1 - random.Below(16),
            _ => random.Below(64),
        };
        return (ulong)(((int)page * MachineMap.PageSize) + offset);
    }

    // I/O privilege level 3: cases end with a port write, and QEMU 7.2 looks for the I/O map in a TSS that is not busy, which no running one is.
    // KVM_PVM shows level 0 whatever is set, and heeds the map.
    private static ulong CreateFlags(ref RandomSource random)
    {
        const ulong arithmetic = X64Flags.Carry | X64Flags.Parity | X64Flags.Auxiliary | X64Flags.Zero | X64Flags.Sign | X64Flags.Overflow;
        return X64Flags.Reserved1
            | X64Flags.InterruptEnable
            | (random.Next() & arithmetic)
            | (random.Chance(25) ? X64Flags.Direction : 0)
            | (random.Chance(4) ? AlignmentCheck : 0);
    }

    private static void CreateVectorState(ref RandomSource random, Span<byte> xsave)
    {
        for (int i = 32; i < 160 + 256; i += sizeof(ulong))
        {
            BinaryPrimitives.WriteUInt64LittleEndian(xsave[i..], InterestingValues.Memory(ref random));
        }

        for (int i = 0; i < 8; i++)
        {
            X87Values.Write(ref random, xsave.Slice(32 + (i * 16), 16));
        }

        for (int i = 576; i < TestCase.XsaveSize; i += sizeof(ulong))
        {
            BinaryPrimitives.WriteUInt64LittleEndian(xsave[i..], InterestingValues.Memory(ref random));
        }

        // FCW, FSW with a top of stack, the tags in short form, MXCSR with its mask.
        ushort control = (ushort)(0x037F & ~(random.Chance(20) ? random.Below(0x40) : 0));
        control = (ushort)((control & ~0xF00) | (random.Chance(60) ? 0x300 : random.Pick<int>([0, 0x200, 0x300]) | (random.Below(4) << 10)));
        BinaryPrimitives.WriteUInt16LittleEndian(xsave, control);
        BinaryPrimitives.WriteUInt16LittleEndian(xsave[2..], (ushort)(random.Below(8) << 11));
        xsave[4] = random.Chance(50) ? (byte)0xFF : random.Chance(50) ? (byte)0 : (byte)random.Next();
        uint mxcsr = 0x1F80U & ~(random.Chance(15) ? (uint)random.Below(64) << 7 : 0);
        mxcsr |= random.Chance(30) ? (uint)random.Below(4) << 13 : 0;
        mxcsr |= random.Chance(8) ? 0x8000U : 0;
        mxcsr |= random.Chance(8) ? 0x40U : 0;
        BinaryPrimitives.WriteUInt32LittleEndian(xsave[24..], mxcsr);
        BinaryPrimitives.WriteUInt32LittleEndian(xsave[28..], 0xFFFF);
        BinaryPrimitives.WriteUInt64LittleEndian(xsave[512..], 7);
    }

    private static X64Registers Truncate(X64Registers registers, ulong mask)
    {
        Span<ulong> values = MemoryMarshal.Cast<X64Registers, ulong>(MemoryMarshal.CreateSpan(ref registers, 1));
        for (int i = 0; i < 8; i++)
        {
            values[i] &= mask;
        }

        values[8..16].Clear();
        return registers;
    }
}
