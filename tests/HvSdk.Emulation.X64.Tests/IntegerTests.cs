using HvSdk.Testing;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Emulation.Tests;

public sealed class IntegerTests
{
    private static X64Registers Run(Action<Assembler> body, Action<TestBoard>? prepare = null)
    {
        var board = new TestBoard(GuestProgram.LongMode(a =>
        {
            body(a);
            a.hlt();
        }));
        prepare?.Invoke(board);
        return board.RunToHalt();
    }

    [Fact]
    public void Bts_RegisterBehindTheOperand_ReachesThatByte()
    {
        // Bit -1 of the doubleword at 0x20004 is the highest of the one before.
        var board = new TestBoard(GuestProgram.LongMode(a =>
        {
            a.mov(edi, 0x2_0004);
            a.mov(eax, -1);
            a.bts(__dword_ptr[rdi], eax);
            a.hlt();
        }));

        board.RunToHalt();

        Assert.Equal(0x8000_0000UL, board.Read(0x2_0000, 8));
    }

    [Fact]
    public void Div_QuotientTooLarge_IsADivideError()
    {
        var board = new TestBoard(
            GuestProgram.LongMode(a =>
            {
                a.mov(edx, 2);
                a.mov(ecx, 2);
                a.div(ecx);
            }),
            new() { DeliverExceptions = false });

        Assert.Equal(X64EmulationResult.Exception, board.Step(10));
        Assert.Equal(0, board.Emulator.Exception.Vector);
    }

    [Fact]
    public void Idiv_OfMostNegativeByMinusOne_IsADivideError()
    {
        var board = new TestBoard(
            GuestProgram.LongMode(a =>
            {
                a.mov(rdx, 0x8000_0000_0000_0000);
                a.xor(eax, eax);
                a.mov(rcx, -1L);
                a.idiv(rcx);
            }),
            new() { DeliverExceptions = false });

        Assert.Equal(X64EmulationResult.Exception, board.Step(10));
        Assert.Equal(0, board.Emulator.Exception.Vector);
    }

    [Fact]
    public void Div_OfOneHundredAndTwentyEightBits_GivesQuotientAndRemainder()
    {
        X64Registers end = Run(a =>
        {
            a.mov(rdx, 5);
            a.mov(rax, 7);
            a.mov(rcx, 0x10_0000_0000);
            a.div(rcx);
        });

        Assert.Equal((0x5000_0000UL, 7UL), (end.Rax, end.Rdx));
    }

    [Fact]
    public void Add_EightBitOverflow_SetsItsFlags()
    {
        X64Registers end = Run(a =>
        {
            a.mov(al, 0x7F);
            a.add(al, 1);
        });

        Assert.Equal(X64Flags.Overflow | X64Flags.Sign | X64Flags.Auxiliary, end.Rflags & (X64Flags.Overflow | X64Flags.Sign | X64Flags.Auxiliary | X64Flags.Carry | X64Flags.Zero | X64Flags.Parity));
    }

    [Fact]
    public void HighByteRegisters_WithAndWithoutRex_AreDifferent()
    {
        X64Registers end = Run(a =>
        {
            a.mov(ah, 0x12);
            a.mov(spl, 0x34);
            a.xchg(ah, bl);
        });

        Assert.Equal((0UL, 0x12UL, 0x34UL), (end.Rax, end.Rbx, end.Rsp & 0xFF));
    }

    [Fact]
    public void Rcl_ThroughCarry_RotatesNineBits()
    {
        X64Registers end = Run(a =>
        {
            a.stc();
            a.mov(al, 0x80);
            a.rcl(al, 2);
        });

        // 1 1000_0000 turned twice: 0000_0011, carry 0.
        Assert.Equal((0x03UL, 0UL), (end.Rax, end.Rflags & 1));
    }

    [Fact]
    public void Cmov_ConditionFalse_StillClearsTheUpperHalf()
    {
        X64Registers end = Run(a =>
        {
            a.mov(rax, -1L);
            a.xor(ecx, ecx);
            a.cmovne(eax, ecx);
        });

        Assert.Equal(0xFFFF_FFFFUL, end.Rax);
    }

    [Fact]
    public void PopOfMemory_AddressedByTheStackPointer_UsesTheMovedPointer()
    {
        var board = new TestBoard(GuestProgram.LongMode(a =>
        {
            a.push(0x55);
            a.pop(__qword_ptr[rsp]);
            a.hlt();
        }));
        ulong stack = board.Registers.Rsp;

        board.RunToHalt();

        Assert.Equal(0x55UL, board.Read(stack, 8));
    }

    [Fact]
    public void RepeScasb_Finds_TheFirstDifference()
    {
        X64Registers end = Run(
            a =>
            {
                a.mov(edi, 0x2_0000);
                a.mov(ecx, 100);
                a.mov(al, (sbyte)'a');
                a.repe.scasb();
            },
            static board => "aaab"u8.CopyTo(board.Ram.AsSpan(0x2_0000)));

        Assert.Equal((0x2_0004UL, 96UL), (end.Rdi, end.Rcx));
    }

    [Fact]
    public void RepMovsb_OverlappingForward_RepeatsThePattern()
    {
        // A copy one byte upwards fills with the first byte.
        var board = new TestBoard(GuestProgram.LongMode(a =>
        {
            a.mov(esi, 0x2_0000);
            a.mov(edi, 0x2_0001);
            a.mov(ecx, 7);
            a.rep.movsb();
            a.hlt();
        }));
        board.Write(0x2_0000, 1, 0xAB);

        board.RunToHalt();

        Assert.Equal(0xABAB_ABAB_ABAB_ABABUL, board.Read(0x2_0000, 8));
    }

    [Fact]
    public void RepStosq_AcrossPages_FillsAll()
    {
        X64Registers end = Run(a =>
        {
            a.mov(edi, 0x2_0F00);
            a.mov(ecx, 2000);
            a.mov(rax, 0x0101_0101_0101_0101);
            a.rep.stosq();
            a.mov(rdx, __qword_ptr[0x2_0F00 + (1999 * 8)]);
        });

        Assert.Equal((0UL, 0x2_0F00UL + 16000, 0x0101_0101_0101_0101UL), (end.Rcx, end.Rdi, end.Rdx));
    }

    [Fact]
    public void Feature_Absent_InstructionIsUndefined()
    {
        var board = new TestBoard(
            GuestProgram.LongMode(a => a.pdep(eax, ebx, ecx)), new() { DeliverExceptions = false, Features = X64EmulatorFeatures.All & ~X64EmulatorFeatures.Bmi2 });

        Assert.Equal(X64EmulationResult.Exception, board.Step());
        Assert.Equal(6, board.Emulator.Exception.Vector);
    }

    [Fact]
    public void Run_Hypercall_IsBehindTheInstruction()
    {
        var board = new TestBoard(GuestProgram.LongMode(a => a.vmmcall()));

        Assert.Equal(X64EmulationResult.Hypercall, board.Step());
        Assert.Equal(0x1003UL, board.Registers.Rip);
        Assert.Equal([0x0F, 0x01, 0xD9], board.Emulator.Instruction.ToArray());
    }
}
