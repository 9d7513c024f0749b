using HvSdk.Testing;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Emulation.Tests;

/// <summary>Rights of pages and error codes. The page at 0x300000 has an entry of its own, made by each test; code is level 0 or 3.</summary>
public sealed class PagingTests
{
    private const ulong Page = 0x30_0000;
    private const ulong Entry = 0x38_0000;

    /// <summary>A long-mode board whose page 0x300000 is mapped by a page table at 0x380000.</summary>
    private static TestBoard Board(ulong entry, int level, Action<Assembler> body, ulong cr0 = 0, ulong cr4 = 0, ulong rflags = 0)
    {
        var board = new TestBoard(
            GuestProgram.LongMode(body, new() { PrivilegeLevel = level, IdentityMappedSize = 1UL << 30 }), new() { DeliverExceptions = false });

        // Root, directory pointers, directory of 2 MiB pages: the second page of 2 MiB becomes a table.
        X64SpecialRegisters special = board.State.SpecialRegisters;
        ulong pointers = board.Read(special.Cr3 & ~0xFFFUL, 8) & ~0xFFFUL;
        ulong directory = board.Read(pointers, 8) & ~0xFFFUL;
        board.Write(directory + 8, 8, Entry | 7);
        for (ulong i = 0; i < 512; i++)
        {
            board.Write(Entry + (i * 8), 8, (0x20_0000 + (i * 0x1000)) | 7);
        }

        board.Write(Entry + (0x100 * 8), 8, entry);
        board.State.SpecialRegisters = special with { Cr0 = (special.Cr0 & ~X64Cr0.WriteProtect) | cr0, Cr4 = special.Cr4 | cr4, Efer = special.Efer | X64Efer.NoExecuteEnable };
        board.Registers = board.Registers with { Rbx = Page, Rflags = board.Registers.Rflags | rflags };
        return board;
    }

    private const ulong Present = 1;
    private const ulong Writable = 2;
    private const ulong User = 4;
    private const ulong NoExecute = 1UL << 63;
    private const ulong Smep = 1UL << 20;
    private const ulong Smap = 1UL << 21;
    private const ulong AccessCheck = 1UL << 18;

    public static TheoryData<string, ulong, int, string, ulong, ulong, ulong, int> Cases => new()
    {
        { "read", Present, 0, "read", 0, 0, 0, -1 },
        { "write to a read-only page at level 0 without WP", Present, 0, "write", 0, 0, 0, -1 },
        { "the same with WP", Present, 0, "write", X64Cr0.WriteProtect, 0, 0, 3 },
        { "user read of a supervisor page", Present | Writable, 3, "read", 0, 0, 0, 5 },
        { "user write of a supervisor page", Present | Writable, 3, "write", 0, 0, 0, 7 },
        { "user write of a read-only page", Present | User, 3, "write", 0, 0, 0, 7 },
        { "user write", Present | User | Writable, 3, "write", 0, 0, 0, -1 },
        { "not present", Writable, 3, "read", 0, 0, 0, 4 },
        { "reserved address bit", Present | (1UL << 51), 0, "read", 0, 0, 0, 9 },
        { "execution of an NX page", Present | NoExecute, 0, "execute", 0, 0, 0, 0x11 },
        { "execution by level 3 of a supervisor page", Present, 3, "execute", 0, 0, 0, 0x15 },
        { "SMEP", Present | User, 0, "execute", 0, Smep, 0, 0x11 },
        { "SMAP", Present | User, 0, "read", 0, Smap, 0, 1 },
        { "SMAP with AC", Present | User, 0, "read", 0, Smap, AccessCheck, -1 },
        { "read and write in one reports a write", Present, 3, "modify", 0, 0, 0, 7 },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Page_WithRights_FaultsAsTheManualSays(string name, ulong entry, int level, string access, ulong cr0, ulong cr4, ulong rflags, int errorCode)
    {
        TestBoard board = Board(
            Page | entry,
            level,
            a =>
            {
                switch (access)
                {
                    case "read":
                        a.mov(eax, __dword_ptr[rbx]);
                        break;
                    case "write":
                        a.mov(__dword_ptr[rbx], eax);
                        break;
                    case "modify":
                        a.add(__dword_ptr[rbx], eax);
                        break;
                    default:
                        a.jmp(rbx);
                        break;
                }
            },
            cr0,
            0,
            rflags);
        board.Write(Page, 1, 0x90);
        if (access == "execute")
        {
            board.Step();
        }

        // Only now: with SMEP the code before would not run either, as its page is one of user code.
        X64SpecialRegisters special = board.State.SpecialRegisters;
        board.State.SpecialRegisters = special with { Cr4 = special.Cr4 | cr4 };
        X64EmulationResult result = board.Step();

        if (errorCode < 0)
        {
            Assert.True(result == X64EmulationResult.LimitReached, $"{name}: {board.Emulator.Exception}");
            ulong expected = Page | entry | 0x20 | (access == "write" ? 0x40UL : 0);
            Assert.Equal(expected, board.Read(Entry + (0x100 * 8), 8));
        }
        else
        {
            Assert.Equal(X64EmulationResult.Exception, result);
            Assert.Equal(14, board.Emulator.Exception.Vector);
            Assert.Equal((uint)errorCode, board.Emulator.Exception.ErrorCode);
            Assert.Equal(Page, board.Emulator.Exception.Address);
        }
    }

    [Fact]
    public void Invlpg_AfterAChange_UsesTheNewEntry()
    {
        // Reads the page, points its entry elsewhere, invalidates, reads again.
        TestBoard board = Board(Page | 3, 0, a =>
        {
            a.mov(eax, __dword_ptr[rbx]);
            a.mov(rdi, Entry + (0x100 * 8));
            a.mov(__dword_ptr[rdi], 0x31_0003);
            a.mov(ecx, __dword_ptr[rbx]);
            a.invlpg(__[rbx]);
            a.mov(edx, __dword_ptr[rbx]);
            a.hlt();
        });
        board.Write(Page, 4, 1);
        board.Write(0x31_0000, 4, 2);

        X64Registers end = board.RunToHalt();

        Assert.Equal((1UL, 2UL), (end.Rax, end.Rdx));
    }

    [Fact]
    public void Access_NotCanonical_IsAGeneralProtectionFault()
    {
        TestBoard board = Board(Page | 3, 0, a => a.mov(eax, __dword_ptr[rbx]));
        board.Registers = board.Registers with { Rbx = 0x0000_8000_0000_0000 };

        Assert.Equal(X64EmulationResult.Exception, board.Step());
        Assert.Equal(13, board.Emulator.Exception.Vector);
    }

    [Fact]
    public void ThirtyTwoBitPaging_LargeAndSmallPages_SetTheirBits()
    {
        // A directory with a page of 4 MiB for the code, and a table that maps 0x800000 to 0x300000.
        var board = new TestBoard(
            GuestProgram.ProtectedMode(
                a =>
                {
                    a.mov(__dword_ptr[0x80_0004], 0x77);
                    a.mov(eax, __dword_ptr[0x30_0004]);
                    a.hlt();
                },
                new() { Paging = true }));
        ulong root = board.State.SpecialRegisters.Cr3;
        board.Write(root + 8, 4, 0x38_0000 | 7);
        board.Write(0x38_0000, 4, 0x30_0000 | 7);

        Assert.Equal(0x77UL, board.RunToHalt().Rax);
        Assert.Equal(0x30_0067UL, board.Read(0x38_0000, 4));
        Assert.Equal(0xA7UL, board.Read(root, 4) & 0xFF);
    }

    [Fact]
    public void PaePaging_ThreeLevels_Translate()
    {
        // The guest turns PAE on itself: pointers at 0x380000, one directory with pages of 2 MiB, the second of which is the first again.
        var board = new TestBoard(GuestProgram.ProtectedMode(a =>
        {
            a.mov(eax, cr4);
            a.or(eax, 0x20);
            a.mov(cr4, eax);
            a.mov(eax, 0x38_0000);
            a.mov(cr3, eax);
            a.mov(eax, cr0);
            a.or(eax, unchecked((int)0x8000_0000));
            a.mov(cr0, eax);
            a.mov(__dword_ptr[0x20_2000], 0x1234);
            a.mov(ebx, __dword_ptr[0x2000]);
            a.hlt();
        }));
        board.Write(0x38_0000, 8, 0x38_1001);
        board.Write(0x38_1000, 8, 0x87);
        board.Write(0x38_1008, 8, 0x87);

        Assert.Equal(0x1234UL, board.RunToHalt().Rbx);
    }
}
