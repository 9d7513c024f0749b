using HvSdk.Testing;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Emulation.Tests;

/// <summary>Page tables that make no sense, and code and tables where there is no memory (Intel SDM vol. 3A, 4.7 and 4.8).</summary>
public sealed class HostilePagingTests
{
    private const ulong Root = 0x20_0000;
    private const ulong OutsideRam = 0x7FFF_0000;
    private const ulong RamEnd = 0x40_0000;
    private const ulong Mmio = 0x80_0000;
    private const ulong NoExecute = 1UL << 63;
    private const ulong Pae = 1UL << 5;
    private const ulong FiveLevels = 1UL << 12;
    private static readonly X64EmulatorOptions s_returned = new() { DeliverExceptions = false, PhysicalAddressBits = 40 };

    /// <summary>Modes of paging: name, levels, bytes of an entry, CR4.</summary>
    public static TheoryData<string, int, int, ulong> Modes => new()
    {
        { "32-bit", 2, 4, 0 },
        { "PAE", 3, 8, Pae },
        { "4-level", 4, 8, Pae },
        { "5-level", 5, 8, Pae | FiveLevels },
    };

    /// <summary>A board of a mode whose tables lie one behind the other from 0x200000 on; all addresses up to 4 KiB times the last table lead to 0.</summary>
    private static TestBoard Board(int levels, int entrySize, ulong cr4, Action<Assembler>? body = null)
    {
        bool isLong = levels > 3;
        body ??= static a => a.mov(al, __byte_ptr[ebx]);
        TestBoard board = new(isLong ? GuestProgram.LongMode(body, new() { IdentityMappedSize = 1UL << 30 }) : GuestProgram.ProtectedMode(body), s_returned);
        for (int level = 0; level < levels - 1; level++)
        {
            board.Write(Table(level), entrySize, Table(level + 1) | (levels == 3 && level == 0 ? 1UL : 7));
        }

        for (ulong i = 0; i < 0x1000 / (ulong)entrySize; i++)
        {
            board.Write(Table(levels - 1) + (i * (ulong)entrySize), entrySize, (i * 0x1000) | 7);
        }

        X64SpecialRegisters special = board.State.SpecialRegisters;
        board.State.SpecialRegisters = special with { Cr0 = special.Cr0 | X64Cr0.Paging, Cr3 = Root, Cr4 = (special.Cr4 & ~(Pae | X64Cr4.PageSizeExtensions)) | cr4 };
        return board;
    }

    private static ulong Table(int level) => Root + ((ulong)level * 0x1000);

    [Theory]
    [MemberData(nameof(Modes))]
    public void Table_IsItsOwnTable_EveryLevelIsThatPage(string mode, int levels, int entrySize, ulong cr4)
    {
        // Its first entry leads to itself: at address 0 lies the table, and its first bytes are that entry. The code lies in it too, from 0x800 on.
        TestBoard board = Board(levels, entrySize, cr4);
        board.Ram.AsSpan((int)Root, 0x1000).Clear();
        board.Write(Root, entrySize, Root | (levels == 3 ? 1UL : 7));
        new byte[] { 0x8A, 0x03 }.CopyTo(board.Ram, (int)Root + 0x800); // mov al, [ebx]
        board.Registers = board.Registers with { Rip = 0x800, Rbx = 0 };

        X64EmulationResult result = board.Step();

        if (levels == 3)
        {
            // The accessed bit of the last level is a reserved one of the first.
            Assert.Equal((X64EmulationResult.Exception, 9U), (result, board.Emulator.Exception.ErrorCode));
            return;
        }

        Assert.True(result == X64EmulationResult.LimitReached, mode);
        Assert.Equal(board.Read(Root, 1), board.Registers.Rax);
        Assert.Equal(0x20UL, board.Registers.Rax & 0x20); // accessed
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void Table_OfAnyLevelOutsideRam_IsAPageFault(string mode, int levels, int entrySize, ulong cr4)
    {
        for (int level = 0; level < levels; level++)
        {
            TestBoard board = Board(levels, entrySize, cr4);
            if (level == 0)
            {
                board.State.SpecialRegisters = board.State.SpecialRegisters with { Cr3 = OutsideRam };
            }
            else
            {
                board.Write(Table(level - 1), entrySize, OutsideRam | (levels == 3 && level == 1 ? 1UL : 7));
            }

            Assert.True(board.Step() == X64EmulationResult.Exception, $"{mode}, level {level}");
            Assert.Equal((14, 0U, 0x1000UL), (board.Emulator.Exception.Vector, board.Emulator.Exception.ErrorCode, board.Emulator.Exception.Address));
            Assert.Empty(board.Accesses);
        }
    }

    /// <summary>What, levels, bytes of an entry, CR4, the level counted from the root, and the bits.</summary>
    public static TheoryData<string, int, int, ulong, int, ulong> ReservedBits => new()
    {
        { "address beyond the processor's in the root, 5-level", 5, 8, Pae | FiveLevels, 0, 1UL << 40 },
        { "large page of level 5", 5, 8, Pae | FiveLevels, 0, 0x80 },
        { "address beyond the processor's in the root", 4, 8, Pae, 0, 1UL << 51 },
        { "large page of level 4", 4, 8, Pae, 0, 0x80 },
        { "address in the middle of a page of 1 GiB", 4, 8, Pae, 1, 0x80 | (1UL << 13) },
        { "address in the middle of a page of 2 MiB", 4, 8, Pae, 2, 0x80 | (1UL << 20) },
        { "address beyond the processor's in the last entry", 4, 8, Pae, 3, 1UL << 40 },
        { "no execution, which is off", 4, 8, Pae, 3, NoExecute },
        { "rights in a PAE directory pointer", 3, 8, Pae, 0, 2 },
        { "no execution in a PAE directory pointer", 3, 8, Pae, 0, NoExecute },
        { "bit 52 of a PAE entry", 3, 8, Pae, 1, 1UL << 52 },
        { "bit 62 of a PAE page", 3, 8, Pae, 2, 1UL << 62 },
        { "address in the middle of a page of 2 MiB, PAE", 3, 8, Pae, 1, 0x80 | (1UL << 14) },
        { "bit 21 of a page of 4 MiB", 2, 4, 1 << 4, 0, 0x80 | (1UL << 21) },
    };

    [Theory]
    [MemberData(nameof(ReservedBits))]
    public void Entry_WithReservedBits_IsAPageFaultThatSaysSo(string what, int levels, int entrySize, ulong cr4, int level, ulong bits)
    {
        TestBoard board = Board(levels, entrySize, cr4);
        ulong place = Table(level) + (level == levels - 1 ? (ulong)entrySize : 0); // the page of the code, and all that leads to it
        board.Write(place, entrySize, board.Read(place, entrySize) | bits);

        Assert.True(board.Step() == X64EmulationResult.Exception, what);
        Assert.Equal((14, 9U), (board.Emulator.Exception.Vector, board.Emulator.Exception.ErrorCode));
    }

    [Fact]
    public void Entry_ThatChangesAtEachLook_WalkEnds()
    {
        // Another vCPU changes the last entry whenever the accessed bit is to be set.
        TestBoard board = Board(4, 8, Pae);
        int looks = 0;
        board.BeforeCompareExchange = () =>
        {
            looks++;
            board.Write(Table(3) + 8, 8, 0x1000 | 7 | ((ulong)(looks & 1) << 9));
        };

        board.Step();

        Assert.InRange(looks, 1, 200);
    }

    [Fact]
    public void PageFault_WhoseHandlerCannotBeReached_EndsInShutdown()
    {
        TestBoard board = new(GuestProgram.LongMode(a => a.nop()));
        board.State.SpecialRegisters = board.State.SpecialRegisters with { Cr3 = OutsideRam };

        Assert.Equal(X64EmulationResult.Shutdown, board.Step(100));
    }

    [Fact]
    public void Page_OutsideRam_DataLeavesAsMmioAtItsPhysicalAddress()
    {
        TestBoard board = Board(4, 8, Pae);
        board.Write(Table(3) + (5 * 8), 8, Mmio | 7);
        board.Registers = board.Registers with { Rbx = 0x5010 };

        Assert.Equal(X64EmulationResult.Access, board.Step());
        Assert.Equal((false, false, Mmio + 0x10, 1), (board.Emulator.Access.IsPort, board.Emulator.Access.IsWrite, board.Emulator.Access.Address, board.Emulator.Access.Size));
    }

    [Fact]
    public void Code_InMmio_IsUnsupportedWithoutBytesAndWithoutAccesses()
    {
        TestBoard board = Board(4, 8, Pae);
        board.Write(Table(3) + (5 * 8), 8, Mmio | 7);
        board.Registers = board.Registers with { Rip = 0x5010 };
        X64Registers before = board.Registers;

        Assert.Equal(X64EmulationResult.Unsupported, board.Step());
        Assert.Empty(board.Emulator.Instruction.ToArray());
        Assert.Equal(before, board.Registers);
        Assert.Empty(board.Accesses);
    }

    [Fact]
    public void Code_StraddlesIntoMmio_IsUnsupportedWithTheBytesThereAre()
    {
        // The last three bytes of RAM begin an instruction of seven.
        var board = new TestBoard(GuestProgram.LongMode(a => a.nop()));
        new byte[] { 0x48, 0xC7, 0xC0 }.CopyTo(board.Ram.AsSpan((int)RamEnd - 3));
        board.Registers = board.Registers with { Rip = RamEnd - 3 };

        Assert.Equal(X64EmulationResult.Unsupported, board.Step());
        Assert.Equal([0x48, 0xC7, 0xC0], board.Emulator.Instruction.ToArray());
        Assert.Equal(RamEnd - 3, board.Registers.Rip);
    }

    [Fact]
    public void Code_EndsWithRam_IsExecutedAndTheNextIsUnsupported()
    {
        var board = new TestBoard(GuestProgram.LongMode(a => a.nop()));
        new byte[] { 0xFF, 0xC0 }.CopyTo(board.Ram.AsSpan((int)RamEnd - 2)); // inc eax
        board.Registers = board.Registers with { Rip = RamEnd - 2 };

        Assert.Equal(X64EmulationResult.Unsupported, board.Step(2));
        Assert.Equal((1UL, RamEnd), (board.Registers.Rax, board.Registers.Rip));
    }

    [Fact]
    public void Code_StraddlesIntoAMissingPage_FaultsAtThatPage()
    {
        // An instruction that begins in a mapped page and ends in an unmapped one: CR2 is the second page, RIP the instruction.
        TestBoard board = Board(4, 8, Pae);
        board.Write(Table(3) + (6 * 8), 8, 0);
        new byte[] { 0x48, 0xC7, 0xC0 }.CopyTo(board.Ram.AsSpan(0x6000 - 3));
        board.Registers = board.Registers with { Rip = 0x6000 - 3 };

        Assert.Equal(X64EmulationResult.Exception, board.Step());
        Assert.Equal((14, 0x6000UL), (board.Emulator.Exception.Vector, board.Emulator.Exception.Address));
        Assert.Equal(0x6000UL - 3, board.Registers.Rip);
    }

    [Fact]
    public void Data_OfOneInstructionOnBothSidesOfRamsEnd_IsEachAccessedOnce()
    {
        // The operand begins in RAM and ends in a device, the source of a MOVSQ.
        TestBoard board = new(GuestProgram.LongMode(a =>
        {
            a.mov(esi, (int)RamEnd - 3);
            a.mov(edi, 0x2_0000);
            a.movsq();
            a.hlt();
        }));
        board.Write(RamEnd - 3, 3, 0x33_2211);

        board.RunToHalt();

        Assert.Equal([$"mmio {RamEnd:X} ->/5"], board.Accesses);
        Assert.Equal(0x33_2211UL, board.Read(0x2_0000, 8));
    }

    [Fact]
    public void Repeat_RunsOutOfRam_GoesOnInTheDevice()
    {
        // REP STOSW over the last two words of RAM and two words of a device.
        TestBoard board = new(GuestProgram.LongMode(a =>
        {
            a.mov(edi, (int)RamEnd - 4);
            a.mov(eax, 0x1234);
            a.mov(ecx, 4);
            a.rep.stosw();
            a.hlt();
        }));

        board.RunToHalt();

        Assert.Equal(["mmio 400000 <- 1234/2", "mmio 400002 <- 1234/2"], board.Accesses);
        Assert.Equal(0x1234_1234UL, board.Read(RamEnd - 4, 4));
    }

    [Fact]
    public void DescriptorTables_InMmio_ReadsLeaveOneByOne()
    {
        // INT3 with the IDT in a device that gives an empty gate: two reads of a gate for each exception that follows, and no end but shutdown.
        TestBoard board = new(GuestProgram.LongMode(a => a.int3()));
        X64SpecialRegisters special = board.State.SpecialRegisters;
        board.State.SpecialRegisters = special with { Idt = special.Idt with { Base = Mmio } };
        board.Device = static (_, _) => 0;

        Assert.Equal(X64EmulationResult.Shutdown, board.Run());
        Assert.InRange(board.Accesses.Count, 2, 16);
        Assert.All(board.Accesses, static access => Assert.EndsWith("->/8", access, StringComparison.Ordinal));
    }

    [Fact]
    public void Paging_OffInLongMode_AddressesStayWithinTheProcessors()
    {
        // No processor has this state; a caller may give it all the same. Nothing may be asked for beyond what a physical address holds.
        TestBoard board = new(GuestProgram.LongMode(a => a.mov(al, __byte_ptr[rbx])), s_returned);
        X64SpecialRegisters special = board.State.SpecialRegisters;
        board.State.SpecialRegisters = special with { Cr0 = special.Cr0 & ~X64Cr0.Paging };
        board.Registers = board.Registers with { Rbx = ulong.MaxValue };

        board.Step();

        Assert.True(board.Emulator.Access.Address < 1UL << 52, $"It asks for 0x{board.Emulator.Access.Address:X}.");
    }
}
