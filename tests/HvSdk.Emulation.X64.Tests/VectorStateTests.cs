using HvSdk.Testing;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Emulation.Tests;

/// <summary>What control registers and features allow, and where the state lies.</summary>
public sealed class VectorStateTests
{
    private static TestBoard Board(Action<Assembler> body, X64EmulatorFeatures features = X64EmulatorFeatures.All) => VectorTruth.Board(
        a =>
        {
            body(a);
            a.hlt();
        },
        new() { DeliverExceptions = false, Features = features });

    private static int VectorOf(TestBoard board)
    {
        X64EmulationResult result = board.Run();
        return result == X64EmulationResult.Exception ? board.Emulator.Exception.Vector : -(int)result;
    }

    private static int VectorWith(Action<Assembler> body, ulong setCr0 = 0, ulong clearCr4 = 0, ulong xcr0 = 7)
    {
        TestBoard board = Board(body);
        X64SpecialRegisters special = board.State.SpecialRegisters;
        board.State.SpecialRegisters = special with { Cr0 = special.Cr0 | setCr0, Cr4 = special.Cr4 & ~clearCr4 };
        board.State.Xcr0 = xcr0;
        return VectorOf(board);
    }

    [Fact]
    public void ControlRegisters_ForbidVectors_RaiseTheirException()
    {
        const ulong TaskSwitched = 8;
        Action<Assembler> sse = static a => a.pxor(xmm0, xmm1);
        Action<Assembler> avx = static a => a.vpxor(xmm0, xmm1, xmm2);
        Action<Assembler> mmx = static a => a.pxor(mm0, mm1);
        Action<Assembler> x87 = static a => a.fninit();

        Assert.All(new[] { sse, avx, mmx, x87 }, body => Assert.Equal(7, VectorWith(body, setCr0: TaskSwitched)));
        Assert.Equal(6, VectorWith(sse, setCr0: X64Cr0.Emulation));
        Assert.Equal(6, VectorWith(mmx, setCr0: X64Cr0.Emulation));
        Assert.Equal(7, VectorWith(x87, setCr0: X64Cr0.Emulation));
        Assert.Equal(-(int)X64EmulationResult.Halted, VectorWith(avx, setCr0: X64Cr0.Emulation));
        Assert.Equal(6, VectorWith(sse, clearCr4: X64Cr4.OsFxsr));
        Assert.Equal(6, VectorWith(avx, clearCr4: X64Cr4.OsXsave));
        Assert.Equal(6, VectorWith(avx, xcr0: 3));
        Assert.Equal(6, VectorWith(static a => a.xsave(__[0x2_0000]), clearCr4: X64Cr4.OsXsave));
    }

    [Fact]
    public void Features_Absent_RaiseInvalidOpcode()
    {
        Assert.Equal(6, VectorOf(Board(static a => a.pxor(xmm0, xmm1), X64EmulatorFeatures.All & ~X64EmulatorFeatures.Sse2)));
        Assert.Equal(6, VectorOf(Board(static a => a.pshufb(xmm0, xmm1), X64EmulatorFeatures.All & ~X64EmulatorFeatures.Sse42)));
        Assert.Equal(6, VectorOf(Board(static a => a.vpxor(xmm0, xmm1, xmm2), X64EmulatorFeatures.All & ~X64EmulatorFeatures.Avx)));
        Assert.Equal(6, VectorOf(Board(static a => a.vpxor(ymm0, ymm1, ymm2), X64EmulatorFeatures.All & ~X64EmulatorFeatures.Avx2)));
        Assert.Equal(6, VectorOf(Board(static a => a.paddb(mm0, mm1), X64EmulatorFeatures.All & ~X64EmulatorFeatures.Mmx)));
        Assert.Equal(6, VectorOf(Board(static a => a.fninit(), X64EmulatorFeatures.All & ~X64EmulatorFeatures.X87)));
    }

    [Fact]
    public void Instructions_NotDone_AreUnsupported()
    {
        Assert.Equal(-(int)X64EmulationResult.Unsupported, VectorOf(Board(static a => a.fadd(st0, st1))));
        Assert.Equal(-(int)X64EmulationResult.Unsupported, VectorOf(Board(static a => a.vmovups(zmm0, zmm1))));
    }

    [Fact]
    public void State_NotLoaded_IsAskedForOnce()
    {
        TestBoard board = Board(static a =>
        {
            a.pxor(xmm0, xmm0);
            a.pxor(xmm1, xmm1);
        });
        board.State.IsVectorStateLoaded = false;

        board.RunToHalt();

        Assert.Equal(1, board.VectorLoads);
        Assert.True(board.State.IsVectorStateLoaded);
    }

    [Fact]
    public void Component_BitClear_IsItsInitialState()
    {
        // Stale bytes of XMM1 lie in the area, but XSTATE_BV says that SSE is as after reset.
        TestBoard board = Board(static a => a.movq(rax, xmm1));
        board.State.Xsave.Slice(176, 16).Fill(0xEE);
        board.State.Xsave[512] = 0;

        Assert.Equal(0UL, board.RunToHalt().Rax);
    }

    [Fact]
    public void Write_OfRegisters_SetsTheComponents()
    {
        TestBoard board = Board(static a => a.vpcmpeqb(ymm1, ymm1, ymm1));
        board.State.Xsave[512] = 0;

        board.RunToHalt();

        Assert.Equal(6, board.State.Xsave[512]);
    }

    [Fact]
    public void Mxcsr_ReservedBits_RaiseGeneralProtection()
    {
        Action<Assembler> load = static a =>
        {
            a.mov(__dword_ptr[0x2_0000], 0x1_0000);
            a.ldmxcsr(__dword_ptr[0x2_0000]);
        };
        Action<Assembler> restore = static a =>
        {
            a.mov(__dword_ptr[0x2_0018], 0x1_0000);
            a.fxrstor(__[0x2_0000]);
        };

        Assert.Equal(13, VectorOf(Board(load)));
        Assert.Equal(13, VectorOf(Board(restore)));
    }

    /// <summary>XRSTOR refuses a header that is wrong, and leaves the registers.</summary>
    [Theory]
    [InlineData(512, 8)] // A component that XCR0 has not.
    [InlineData(520, 1)] // XCOMP_BV in the standard form.
    [InlineData(528, 1)] // Reserved.
    public void Xrstor_WrongHeader_RaisesGeneralProtection(int offset, int value)
    {
        TestBoard board = Board(a =>
        {
            a.mov(__dword_ptr[0x2_0000 + offset], value);
            a.mov(eax, 7);
            a.mov(edx, 0);
            a.pcmpeqb(xmm5, xmm5);
            a.xrstor(__[0x2_0000]);
        });

        Assert.Equal(13, VectorOf(board));
        Assert.Equal(0xFF, board.State.Xsave[160 + (5 * 16)]);
    }

    [Fact]
    public void Fninit_InRealMode_GivesTheControlWord()
    {
        // What firmware does first: FNINIT, then the words.
        var board = new TestBoard(GuestProgram.RealMode(a =>
        {
            a.fninit();
            a.fnstcw(__word_ptr[0x500]);
            a.fnstsw(ax);
            a.hlt();
        }));

        Assert.Equal(0UL, board.RunToHalt().Rax & 0xFFFF);
        Assert.Equal(0x37FUL, board.Read(0x500, 2));
    }

    [Fact]
    public void Frstor_OfWhatFnsaveStored_GivesRegistersBack()
    {
        // Three integers on the stack, saved, restored, stored again in 10 bytes each.
        TestBoard board = Board(static a =>
        {
            a.mov(__dword_ptr[0x2_0000], -5);
            a.mov(__dword_ptr[0x2_0004], 7);
            a.fild(__dword_ptr[0x2_0000]);
            a.fild(__dword_ptr[0x2_0004]);
            a.fnsave(__[0x2_0100]);
            a.fnstsw(ax);
            a.frstor(__[0x2_0100]);
            a.fstp(__tbyte_ptr[0x2_0200]);
            a.fstp(__tbyte_ptr[0x2_0210]);
        });

        Assert.Equal(0UL, board.RunToHalt().Rax & 0xFFFF);
        Assert.Equal(0xE000_0000_0000_0000UL, board.Read(0x2_0200, 8));
        Assert.Equal(0x4001UL, board.Read(0x2_0208, 2));
        Assert.Equal(0xA000_0000_0000_0000UL, board.Read(0x2_0210, 8));
        Assert.Equal(0xC001UL, board.Read(0x2_0218, 2));
        Assert.Equal(0x0FFFUL, board.Read(0x2_0108, 2));
    }

    [Fact]
    public void X87Exception_Unmasked_WaitsForTheNextInstructionThatAsks()
    {
        // A control word that leaves "invalid" unmasked and a status word that has it; FNSTSW does not ask, FWAIT does.
        Action<Assembler> wait = static a =>
        {
            a.mov(__dword_ptr[0x2_0000], 0x1_037E);
            a.fxrstor(__[0x2_0000]);
            a.fnstsw(ax);
            a.wait();
        };
        TestBoard board = Board(wait);

        Assert.Equal(16, VectorOf(board));
        Assert.Equal(0x8081UL, board.Registers.Rax & 0xFFFF);
    }
}
