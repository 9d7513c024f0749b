using HvSdk.Testing;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Emulation.Tests;

public sealed class SegmentationTests
{
    private static readonly X64EmulatorOptions s_returned = new() { DeliverExceptions = false };

    private static TestBoard WithSegment(X64Segment segment, Action<Assembler> body)
    {
        var board = new TestBoard(GuestProgram.ProtectedMode(body), s_returned);
        board.State.SpecialRegisters = board.State.SpecialRegisters with { Es = segment };
        return board;
    }

    [Theory]
    [InlineData(0xFFFC, true)]
    [InlineData(0xFFFD, false)]
    public void DataSegment_Limit_HoldsForTheLastByte(int offset, bool allowed)
    {
        // A doubleword at the end of a segment of 64 KiB.
        TestBoard board = WithSegment(X64Segment.FlatData(0x10) with { Limit = 0xFFFF }, a => a.mov(eax, __dword_ptr.es[offset]));

        Assert.Equal(allowed ? X64EmulationResult.LimitReached : X64EmulationResult.Exception, board.Step());
    }

    [Theory]
    [InlineData(0xFFF, false)]
    [InlineData(0x1000, true)]
    public void ExpandDownSegment_Limit_IsItsLowerEnd(int offset, bool allowed)
    {
        TestBoard board = WithSegment(X64Segment.FlatData(0x10) with { Type = 7, Limit = 0xFFF }, a => a.mov(al, __byte_ptr.es[offset]));

        Assert.Equal(allowed ? X64EmulationResult.LimitReached : X64EmulationResult.Exception, board.Step());
    }

    [Fact]
    public void NullSegment_Used_IsAGeneralProtectionFault()
    {
        // Loading null is fine; using it is not.
        var board = new TestBoard(
            GuestProgram.ProtectedMode(a =>
            {
                a.xor(eax, eax);
                a.mov(es, ax);
                a.mov(al, __byte_ptr.es[0x100]);
            }),
            s_returned);

        Assert.Equal(X64EmulationResult.Exception, board.Step(10));
        Assert.Equal((13, 0U), (board.Emulator.Exception.Vector, board.Emulator.Exception.ErrorCode));
    }

    [Fact]
    public void Selector_BehindTheTable_FaultsWithItself()
    {
        var board = new TestBoard(
            GuestProgram.ProtectedMode(a =>
            {
                a.mov(eax, 0x1233);
                a.mov(ds, ax);
            }),
            s_returned);

        Assert.Equal(X64EmulationResult.Exception, board.Step(10));
        Assert.Equal((13, 0x1230U), (board.Emulator.Exception.Vector, board.Emulator.Exception.ErrorCode));
    }

    [Fact]
    public void RealMode_AccessAcrossTheLimit_IsAGeneralProtectionFault()
    {
        var board = new TestBoard(GuestProgram.RealMode(a => a.mov(ax, __word_ptr[0xFFFF])), s_returned);

        Assert.Equal(X64EmulationResult.Exception, board.Step());
        Assert.Equal((13, false), (board.Emulator.Exception.Vector, board.Emulator.Exception.HasErrorCode));
    }

    [Fact]
    public void Ports_Level3WithoutRights_AskTheBitmap()
    {
        // IOPL 0; the bitmap closes port 0x60 and opens 0x61.
        TestBoard Board(byte port)
        {
            var board = new TestBoard(GuestProgram.ProtectedMode(a => a.@in(al, port), new() { PrivilegeLevel = 3 }), s_returned);
            board.Registers = board.Registers with { Rflags = 2 };
            board.Write(GuestLayout.DefaultTssAddress + board.Read(GuestLayout.DefaultTssAddress + 0x66, 2) + 12, 1, 1);
            return board;
        }

        Assert.Equal(X64EmulationResult.Exception, Board(0x60).Step());
        Assert.Equal(X64EmulationResult.Access, Board(0x61).Step());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void RepeatedPorts_NoRound_NeedTheRightAllTheSame(bool writes)
    {
        // REP INSB or REP OUTSB with a count of 0, as above; seen on AMD's processors.
        TestBoard Board(byte port)
        {
            var board = new TestBoard(
                GuestProgram.ProtectedMode(
                    a =>
                    {
                        if (writes)
                        {
                            a.rep.outsb();
                        }
                        else
                        {
                            a.rep.insb();
                        }
                    },
                    new() { PrivilegeLevel = 3 }),
                s_returned);
            board.Registers = board.Registers with { Rflags = 2, Rcx = 0, Rdx = port };
            board.Write(GuestLayout.DefaultTssAddress + board.Read(GuestLayout.DefaultTssAddress + 0x66, 2) + 12, 1, 1);
            return board;
        }

        TestBoard closed = Board(0x60);
        TestBoard open = Board(0x61);

        Assert.Equal(X64EmulationResult.Exception, closed.Step());
        Assert.Equal(13, closed.Emulator.Exception.Vector);
        Assert.Equal(X64EmulationResult.LimitReached, open.Step());
        Assert.Empty(open.Accesses);
    }

    [Fact]
    public void CallGate_FromLevel3_SwitchesTheStackAndComesBack()
    {
        // A gate at selector 0x30 leads to level 0 with one parameter; RETF 4 comes back.
        GuestProgram program = GuestProgram.ProtectedMode(
            (a, marks) =>
            {
                a.push(0x1234);
                a.db(0x9A, 0, 0, 0, 0, 0x33, 0);
                a.mov(ebx, cs);
                a.ud2();
                marks.Symbol("service");
                a.mov(eax, __dword_ptr[esp + 8]);
                a.mov(ecx, cs);
                a.retf(4);
            },
            new() { PrivilegeLevel = 3 });
        var board = new TestBoard(program, s_returned);
        ulong service = program.Symbols["service"];
        board.Write(GuestLayout.DefaultGdtAddress + 0x30, 8, (service & 0xFFFF) | (0x08UL << 16) | (0xECUL << 40) | (1UL << 32) | ((service >> 16) << 48));
        X64SpecialRegisters special = board.State.SpecialRegisters;
        board.State.SpecialRegisters = special with { Gdt = special.Gdt with { Limit = 0x37 } };
        ulong stack = board.Registers.Rsp;

        Assert.Equal(X64EmulationResult.Exception, board.Step(20));
        Assert.Equal(6, board.Emulator.Exception.Vector);
        Assert.Equal(0x1234UL, board.Registers.Rax);
        Assert.Equal(GuestSelectors.KernelCode, board.Registers.Rcx);
        Assert.Equal(GuestSelectors.UserCode, board.Registers.Rbx);
        Assert.Equal(stack, board.Registers.Rsp);
    }

    [Fact]
    public void Virtual8086_EntryAndInterrupt_SegmentsAreSavedAndRestored()
    {
        // IRETD with VM set enters virtual-8086 code at 0:0x2000, which is INT3; its handler at level 0 halts.
        var board = new TestBoard(GuestProgram.ProtectedMode((a, marks) =>
        {
            for (int i = 0; i < 4; i++)
            {
                a.push(0x111 * (4 - i));
            }

            a.push(0);
            a.push(0x3000);
            a.push(0x2_3002);
            a.push(0);
            a.push(0x2000);
            a.iretd();
            marks.Handler(3);
            a.mov(eax, __dword_ptr[esp + 20]);
            a.mov(ebx, __dword_ptr[esp + 8]);
            a.mov(ecx, ds);
            a.hlt();
        }));
        board.Write(0x2000, 1, 0xCC);

        X64Registers end = board.RunToHalt();

        Assert.Equal(0x111UL, end.Rax);
        Assert.Equal(0x2_0000UL, end.Rbx & 0x2_0000);
        Assert.Equal(0UL, end.Rcx);
    }
}
