using HvSdk.Testing;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Emulation.Tests;

/// <summary>External interrupts.</summary>
public sealed class InterruptTests
{
    private static X64EmulationResult Interrupt(TestBoard board, byte vector)
    {
        TestMachine machine = new(board);
        return board.Emulator.Interrupt(board.State, ref machine, vector);
    }

    [Fact]
    public void Interrupt_OfAHaltedProcessor_HandlerRunsAndReturnsBehindTheHalt()
    {
        var board = new TestBoard(GuestProgram.LongMode((a, marks) =>
        {
            a.hlt();
            a.mov(ecx, 1);
            a.hlt();
            marks.Handler(0x40);
            a.inc(ebx);
            a.iretq();
        }));
        board.RunToHalt();

        Assert.Equal(X64EmulationResult.LimitReached, Interrupt(board, 0x40));
        X64Registers end = board.RunToHalt();

        Assert.Equal((1UL, 1UL), (end.Rbx, end.Rcx));
    }

    [Fact]
    public void Nmi_InItsHandler_BlocksOthersUntilIret()
    {
        var board = new TestBoard(GuestProgram.LongMode((a, marks) =>
        {
            a.hlt();
            a.hlt();
            marks.Handler(2);
            a.nop();
            a.iretq();
        }));
        board.RunToHalt();

        Interrupt(board, 2);
        Assert.True(board.State.IsNmiBlocked);
        board.RunToHalt();
        Assert.False(board.State.IsNmiBlocked);
    }

    [Fact]
    public void Interrupt_StackInMmio_GoesOnWithTheNextRun()
    {
        var board = new TestBoard(GuestProgram.LongMode((a, marks) =>
        {
            a.mov(esp, 0x80_0100);
            a.hlt();
            marks.Handler(0x40);
            a.mov(eax, 7);
            a.hlt();
        }));
        board.RunToHalt();

        Assert.Equal(X64EmulationResult.Access, Interrupt(board, 0x40));
        board.Answer();

        Assert.Equal(7UL, board.RunToHalt().Rax);
        Assert.Equal(5, board.Accesses.Count);
    }
}
