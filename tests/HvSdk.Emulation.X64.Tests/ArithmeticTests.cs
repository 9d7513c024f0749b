using HvSdk.Testing;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Emulation.Tests;

public sealed class ArithmeticTests
{
    [Fact]
    public void Loop_SumOfOneToTen_Is55()
    {
        // Adds 10, 9, ... 1.
        var board = new TestBoard(GuestProgram.LongMode(a =>
        {
            Iced.Intel.Label again = a.CreateLabel();
            a.mov(rcx, 10);
            a.Label(ref again);
            a.add(rax, rcx);
            a.sub(rcx, 1);
            a.jne(again);
            a.hlt();
        }));

        Assert.Equal(55UL, board.RunToHalt().Rax);
    }

    [Fact]
    public void AddToMmio_ReadAndWrite_LeaveOnceEach()
    {
        // ADD [8 MiB], 1: the board has RAM to 4 MiB.
        var board = new TestBoard(GuestProgram.LongMode(a =>
        {
            a.mov(rbx, 0x80_0010);
            a.add(__dword_ptr[rbx], 1);
            a.hlt();
        }));

        board.RunToHalt();

        Assert.Equal(["mmio 800010 ->/4", "mmio 800010 <- 10101011/4"], board.Accesses);
    }
}
