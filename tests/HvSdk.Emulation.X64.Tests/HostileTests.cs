using HvSdk.Testing;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Emulation.Tests;

/// <summary>Guests that mean harm, or make no sense.</summary>
public sealed class HostileTests
{
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
