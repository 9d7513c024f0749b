using HvSdk.Testing;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Emulation.Tests;

/// <summary>Instructions that leave the emulator in their middle and go on. RAM ends at 4 MiB; all above is devices.</summary>
public sealed class SuspendedAccessTests
{
    private const ulong Mmio = 0x80_0000;

    private static TestBoard Board(Action<Assembler> body) => new(GuestProgram.LongMode(a =>
    {
        a.mov(rbx, Mmio);
        body(a);
        a.hlt();
    }));

    [Fact]
    public void Mov_FromMmio_RegistersStayUntilTheAnswer()
    {
        // One load.
        TestBoard board = Board(a => a.mov(rax, __qword_ptr[rbx + 8]));

        Assert.Equal(X64EmulationResult.LimitReached, board.Step());
        ulong rip = board.Registers.Rip;
        Assert.Equal(X64EmulationResult.Access, board.Step());
        Assert.Equal(rip, board.Registers.Rip);
        Assert.Equal(0UL, board.Registers.Rax);
        board.Answer();

        Assert.Equal(X64EmulationResult.LimitReached, board.Step());
        Assert.Equal(0x0808_0808_0808_0808UL, board.Registers.Rax);
    }

    [Fact]
    public void Movs_MmioToMmio_OneReadAndOneWrite()
    {
        // MOVSD from 0x800020 to 0x800100.
        TestBoard board = Board(a =>
        {
            a.lea(rsi, __[rbx + 0x20]);
            a.lea(rdi, __[rbx + 0x100]);
            a.movsd();
        });

        X64Registers end = board.RunToHalt();

        Assert.Equal(["mmio 800020 ->/4", "mmio 800100 <- 20202020/4"], board.Accesses);
        Assert.Equal(Mmio + 0x24, end.Rsi);
        Assert.Equal(Mmio + 0x104, end.Rdi);
    }

    [Fact]
    public void RepMovs_MmioToRam_OneAccessPerRound()
    {
        // REP MOVSW, three words.
        TestBoard board = Board(a =>
        {
            a.mov(rsi, rbx);
            a.mov(rdi, 0x2_0000);
            a.mov(ecx, 3);
            a.rep.movsw();
        });

        X64Registers end = board.RunToHalt();

        Assert.Equal(["mmio 800000 ->/2", "mmio 800002 ->/2", "mmio 800004 ->/2"], board.Accesses);
        Assert.Equal(0x0404_0202_0000UL, board.Read(0x2_0000, 6));
        Assert.Equal(0UL, end.Rcx);
    }

    [Fact]
    public void RepMovs_StoppedInItsMiddle_StateIsBetweenRounds()
    {
        // REP MOVSB, five bytes; the caller gives up at the third.
        TestBoard board = Board(a =>
        {
            a.mov(rsi, rbx);
            a.mov(rdi, 0x2_0000);
            a.mov(ecx, 5);
            a.rep.movsb();
        });
        board.Step(4);
        for (int i = 0; i < 2; i++)
        {
            Assert.Equal(X64EmulationResult.Access, board.Step());
            board.Answer();
        }

        Assert.Equal(X64EmulationResult.Access, board.Step());
        board.Emulator.CancelAccess();

        Assert.Equal(3UL, board.Registers.Rcx);
        Assert.Equal(0x2_0002UL, board.Registers.Rdi);
        board.RunToHalt();
        Assert.Equal(6, board.Accesses.Count + 1);
    }

    [Fact]
    public void Xchg_WithMmio_ReadsOnceAndWritesOnce()
    {
        TestBoard board = Board(a =>
        {
            a.mov(eax, 0x1234);
            a.xchg(__dword_ptr[rbx + 4], eax);
        });

        Assert.Equal(0x0404_0404UL, board.RunToHalt().Rax);
        Assert.Equal(["mmio 800004 ->/4", "mmio 800004 <- 1234/4"], board.Accesses);
    }

    [Fact]
    public void PushOfMmio_ToRam_StackMovesOnce()
    {
        TestBoard board = Board(a => a.push(__qword_ptr[rbx + 1]));
        ulong stack = board.Registers.Rsp;

        X64Registers end = board.RunToHalt();

        Assert.Equal(stack - 8, end.Rsp);
        Assert.Equal(0x0101_0101_0101_0101UL, board.Read(end.Rsp, 8));
    }

    [Fact]
    public void CmpxchgOfMmio_Equal_WritesTheNewValue()
    {
        TestBoard board = Board(a =>
        {
            a.mov(eax, 0x1010_1010);
            a.mov(ecx, 7);
            a.@lock.cmpxchg(__dword_ptr[rbx + 0x10], ecx);
        });

        Assert.NotEqual(0UL, board.RunToHalt().Rflags & X64Flags.Zero);
        Assert.Equal(["mmio 800010 ->/4", "mmio 800010 <- 7/4"], board.Accesses);
    }

    [Fact]
    public void Cmpxchg16bOfMmio_Different_TwoReadsAndTwoWrites()
    {
        TestBoard board = Board(a => a.cmpxchg16b(__xmmword_ptr[rbx + 0x10]));

        X64Registers end = board.RunToHalt();

        Assert.Equal(0x1010_1010_1010_1010UL, end.Rax);
        Assert.Equal(0x1818_1818_1818_1818UL, end.Rdx);
        Assert.Equal(
            ["mmio 800010 ->/8", "mmio 800018 ->/8", "mmio 800010 <- 1010101010101010/8", "mmio 800018 <- 1818181818181818/8"], board.Accesses);
    }

    [Fact]
    public void Add_AcrossRamAndMmio_EachByteChangesOnce()
    {
        // ADD of a doubleword whose lower half is the last of RAM and whose upper half is a device.
        TestBoard board = Board(a =>
        {
            a.mov(rdi, 0x40_0000 - 2);
            a.add(__dword_ptr[rdi], 0x0001_0001);
        });
        board.Write(0x40_0000 - 2, 2, 0xFFFF);

        board.RunToHalt();

        Assert.Equal(0UL, board.Read(0x40_0000 - 2, 2));
        Assert.Equal(["mmio 400000 ->/2", "mmio 400000 <- 2/2"], board.Accesses);
    }

    [Fact]
    public void Mov_AcrossTwoPagesOfMmio_TwoReads()
    {
        TestBoard board = Board(a => a.mov(rax, __qword_ptr[rbx + 0xFFD]));

        Assert.Equal(0x0000_0000_00FD_FDFDUL, board.RunToHalt().Rax);
        Assert.Equal(["mmio 800FFD ->/3", "mmio 801000 ->/5"], board.Accesses);
    }

    [Fact]
    public void Interrupt_StackInMmio_PushesLeaveOneByOne()
    {
        // INT 0x20 with the stack in a device: five pushes; the handler halts.
        TestBoard board = new(GuestProgram.LongMode((a, marks) =>
        {
            a.mov(rsp, Mmio + 0x100);
            a.@int(0x20);
            marks.Handler(0x20);
            a.hlt();
        }));

        X64Registers end = board.RunToHalt();

        Assert.Equal(5, board.Accesses.Count);
        Assert.Equal(Mmio + 0x100 - 40, end.Rsp);
    }

    [Fact]
    public void Ports_InAndOut_LeaveWithTheirSizes()
    {
        TestBoard board = Board(a =>
        {
            a.@in(al, 0x60);
            a.mov(dx, 0x3F8);
            a.@out(dx, eax);
        });
        board.Device = static (_, _) => 0x5A;

        Assert.Equal(0x5AUL, board.RunToHalt().Rax);
        Assert.Equal(["port 60 ->/1", "port 3F8 <- 5A/4"], board.Accesses);
    }

    [Fact]
    public void RepOutsb_FromRam_OneAccessPerItem()
    {
        TestBoard board = Board(a =>
        {
            a.mov(esi, 0x2_0000);
            a.mov(ecx, 3);
            a.mov(dx, 0xE9);
            a.rep.outsb();
        });
        "abc"u8.CopyTo(board.Ram.AsSpan(0x2_0000));

        board.RunToHalt();

        Assert.Equal(["port E9 <- 61/1", "port E9 <- 62/1", "port E9 <- 63/1"], board.Accesses);
    }

    [Fact]
    public void RepInsb_ToRam_Stored()
    {
        TestBoard board = Board(a =>
        {
            a.mov(edi, 0x2_0000);
            a.mov(ecx, 2);
            a.mov(dx, 0x1F0);
            a.rep.insw();
        });
        board.Device = static (_, _) => 0xBEEF;

        board.RunToHalt();

        Assert.Equal(0xBEEF_BEEFUL, board.Read(0x2_0000, 4));
    }

    [Fact]
    public void Enter_StackInMmio_FramePointersAreReadOnce()
    {
        // ENTER 16, 2: pushes RBP, the link that RBP points to, and the new frame.
        TestBoard board = Board(a =>
        {
            a.mov(rbp, 0x2_0000);
            a.mov(rsp, Mmio + 0x80);
            a.enter(0x10, 2);
        });
        board.Write(0x2_0000 - 8, 8, 0x77);

        X64Registers end = board.RunToHalt();

        Assert.Equal(["mmio 800078 <- 20000/8", "mmio 800070 <- 77/8", "mmio 800068 <- 800078/8"], board.Accesses);
        Assert.Equal(Mmio + 0x78, end.Rbp);
        Assert.Equal(Mmio + 0x58, end.Rsp);
    }

    [Fact]
    public void Access_CancelledAndRunAgain_StartsAnew()
    {
        TestBoard board = Board(a => a.movzx(eax, __byte_ptr[rbx]));
        board.Step();
        Assert.Equal(X64EmulationResult.Access, board.Step());
        board.Emulator.CancelAccess();
        Assert.True(board.Emulator.Access.Data.IsEmpty);

        Assert.Equal(X64EmulationResult.Access, board.Step());
    }

    [Fact]
    public void RomPage_Written_LeavesAsMmioWrite()
    {
        TestBoard board = Board(a =>
        {
            a.mov(edi, 0x3_0000);
            a.inc(__byte_ptr[rdi]);
        });
        board.ReadOnlyPage = 0x30;
        board.Write(0x3_0000, 1, 0x41);

        board.RunToHalt();

        Assert.Equal(["mmio 30000 <- 42/1"], board.Accesses);
    }
}
