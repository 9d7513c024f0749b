using HvSdk.Testing;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Emulation.Tests;

/// <summary>Guests that mean harm, or make no sense.</summary>
public sealed class HostileTests
{
    [Theory]
    [InlineData(GuestMode.Real)]
    [InlineData(GuestMode.Protected)]
    [InlineData(GuestMode.Long)]
    public void RandomBytes_AsCode_AlwaysEndInAResult(GuestMode mode)
    {
        var random = new Random(7 + (int)mode);
        byte[] code = new byte[256];
        for (int round = 0; round < 3000; round++)
        {
            random.NextBytes(code);
            TestBoard board = new(
                GuestProgram.Flat(code.ToArray(), mode), new() { DeliverExceptions = (round & 1) == 0 }, ramSize: 0x4_0000);
            board.Registers = RandomRegisters(random, board.Registers.Rip);
            for (int i = 0; i < 40; i++)
            {
                X64EmulationResult result = board.Step(50);
                if (result == X64EmulationResult.Access)
                {
                    board.Answer();
                }
                else if (result != X64EmulationResult.LimitReached)
                {
                    break;
                }
            }
        }
    }

    private static X64Registers RandomRegisters(Random random, ulong rip) => new()
    {
        Rax = Pick(random),
        Rbx = Pick(random),
        Rcx = Pick(random),
        Rdx = Pick(random),
        Rsi = Pick(random),
        Rdi = Pick(random),
        Rbp = Pick(random),
        Rsp = Pick(random),
        R8 = Pick(random),
        R9 = Pick(random),
        Rip = rip,
        Rflags = (ulong)random.NextInt64() & 0x20_4FD5,
    };

    private static ulong Pick(Random random) => random.Next(4) switch
    {
        0 => (ulong)random.NextInt64(),
        1 => (ulong)random.Next(0x4_0000),
        2 => (ulong)random.Next(64),
        _ => 0UL - (ulong)random.Next(0x1000),
    };

    [Fact]
    public void PageTable_PointsToItself_WalkEnds()
    {
        // The root's first entry is the root: every level is the same page, which is then also what is mapped.
        var board = new TestBoard(GuestProgram.LongMode(a => a.hlt()));
        board.State.SpecialRegisters = board.State.SpecialRegisters with { Cr3 = 0x20_0000 };
        board.Write(0x20_0000, 8, 0x20_0007);
        board.Registers = board.Registers with { Rip = 0 };
        board.Write(0x20_0010, 1, 0xF4);

        // The page's own bytes are the code: 07 and 67 are invalid or harmless; whatever they are, it ends.
        X64EmulationResult result = board.Step(100);

        Assert.NotEqual(X64EmulationResult.LimitReached, result);
    }

    [Fact]
    public void PageTable_OutsideRam_IsAPageFault()
    {
        var board = new TestBoard(GuestProgram.LongMode(a => a.nop()), new() { DeliverExceptions = false });
        board.State.SpecialRegisters = board.State.SpecialRegisters with { Cr3 = 0x7FFF_0000 };

        Assert.Equal(X64EmulationResult.Exception, board.Step());
        Assert.Equal(14, board.Emulator.Exception.Vector);
        Assert.Equal(0x1000UL, board.Emulator.Exception.Address);
    }

    [Fact]
    public void Code_StraddlesIntoMmio_IsUnsupportedWithTheBytesThereAre()
    {
        // The last three bytes of RAM begin an instruction of seven.
        var board = new TestBoard(GuestProgram.LongMode(a => a.nop()));
        new byte[] { 0x48, 0xC7, 0xC0 }.CopyTo(board.Ram.AsSpan(0x40_0000 - 3));
        board.Registers = board.Registers with { Rip = 0x40_0000 - 3 };

        Assert.Equal(X64EmulationResult.Unsupported, board.Step());
        Assert.Equal([0x48, 0xC7, 0xC0], board.Emulator.Instruction.ToArray());
    }

    [Fact]
    public void Code_StraddlesIntoAMissingPage_FaultsAtThatPage()
    {
        // An instruction that begins in a mapped page and ends in an unmapped one: CR2 is the second page, RIP the instruction.
        var board = new TestBoard(
            GuestProgram.LongMode(
                a => a.nop(), new() { PageTables = PageTableBuilder.Identity(1UL << 30).Unmap(0x30_1000, 0x1000) }),
            new() { DeliverExceptions = false });
        new byte[] { 0x48, 0xC7, 0xC0 }.CopyTo(board.Ram.AsSpan(0x30_1000 - 3));
        board.Registers = board.Registers with { Rip = 0x30_1000 - 3 };

        Assert.Equal(X64EmulationResult.Exception, board.Step());
        Assert.Equal(0x30_1000UL, board.Emulator.Exception.Address);
        Assert.Equal(0x30_1000UL - 3, board.Registers.Rip);
    }

    [Fact]
    public void SelfModifyingCode_NextInstruction_IsTheNewOne()
    {
        // Replaces the MOV behind it, in the same block: EAX gets 2 and not 1.
        var board = new TestBoard(GuestProgram.LongMode(a =>
        {
            Label target = a.CreateLabel();
            a.lea(rdi, __[target]);
            a.mov(__byte_ptr[rdi + 1], 2);
            a.Label(ref target);
            a.mov(eax, 1);
            a.hlt();
        }));

        Assert.Equal(2UL, board.RunToHalt().Rax);
    }

    [Fact]
    public void SelfModifyingCode_LoopRewritesItself_EachRoundIsNew()
    {
        // Each round raises the immediate of the ADD it then executes: 1 + 2 + ... + 10.
        var board = new TestBoard(GuestProgram.LongMode(a =>
        {
            Label patch = a.CreateLabel();
            Label again = a.CreateLabel();
            a.lea(rdi, __[patch]);
            a.mov(ecx, 10);
            a.Label(ref again);
            a.inc(__byte_ptr[rdi + 2]);
            a.Label(ref patch);
            a.add(ebx, 0);
            a.dec(ecx);
            a.jne(again);
            a.hlt();
        }));

        Assert.Equal(55UL, board.RunToHalt().Rbx);
    }

    [Fact]
    public void Code_ChangedFromOutside_IsSeenAtTheNextBlock()
    {
        var board = new TestBoard(GuestProgram.LongMode(a =>
        {
            Label again = a.CreateLabel();
            a.Label(ref again);
            a.inc(eax);
            a.jmp(again);
        }));
        board.Step(10);
        board.Write(0x1000, 1, 0xF4);

        Assert.Equal(X64EmulationResult.Halted, board.Step(10));
    }

    [Fact]
    public void LockedAdd_AnotherProcessorIsFaster_IsDoneAgain()
    {
        var board = new TestBoard(GuestProgram.LongMode(a =>
        {
            a.mov(edi, 0x2_0000);
            a.@lock.add(__dword_ptr[rdi], 1);
            a.hlt();
        }));
        board.State.SpecialRegisters = board.State.SpecialRegisters with { };
        int times = 0;
        board.Step();
        board.BeforeCompareExchange = () =>
        {
            if (times++ == 0)
            {
                board.Write(0x2_0000, 4, 100);
            }
        };

        board.RunToHalt();

        Assert.Equal(101UL, board.Read(0x2_0000, 4));
    }

    [Fact]
    public void Code_SixteenBytesInOneInstruction_IsAGeneralProtectionFault()
    {
        // Fifteen prefixes.
        byte[] code = [.. Enumerable.Repeat((byte)0x66, 15), 0x90];
        var board = new TestBoard(GuestProgram.Flat(code, GuestMode.Long), new() { DeliverExceptions = false });

        Assert.Equal(X64EmulationResult.Exception, board.Step());
        Assert.Equal(13, board.Emulator.Exception.Vector);
    }
}
