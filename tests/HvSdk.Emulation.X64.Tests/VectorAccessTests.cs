using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Emulation.Tests;

/// <summary>Vector accesses of devices, across pages and where they may not be. RAM ends at 4 MiB; all above is devices.</summary>
public sealed class VectorAccessTests
{
    private const ulong Mmio = 0x80_0000;

    private static TestBoard Board(Action<Assembler> body) => VectorTruth.Board(
        a =>
        {
            a.mov(rbx, Mmio);
            body(a);
            a.hlt();
        },
        new() { DeliverExceptions = false });

    private static void RaisesFrom(TestBoard board, int vector)
    {
        X64EmulationResult result = board.Run();
        Assert.True(result == X64EmulationResult.Exception, $"{result} at 0x{board.Registers.Rip:X}");
        Assert.Equal(vector, board.Emulator.Exception.Vector);
    }

    [Fact]
    public void Vmovdqu_32BytesOfMmio_FourAccessesThenTheRegister()
    {
        // One load, then a store of what came.
        TestBoard board = Board(a =>
        {
            a.vmovdqu(ymm1, __ymmword_ptr[rbx + 0x10]);
            a.vmovdqu(__ymmword_ptr[0x2_0000], ymm1);
        });

        board.RunToHalt();

        Assert.Equal(["mmio 800010 ->/8", "mmio 800018 ->/8", "mmio 800020 ->/8", "mmio 800028 ->/8"], board.Accesses);
        Assert.Equal(0x1010_1010_1010_1010UL, board.Read(0x2_0000, 8));
        Assert.Equal(0x2828_2828_2828_2828UL, board.Read(0x2_0018, 8));
    }

    [Fact]
    public void Movups_FromMmio_RegisterStaysUntilTheLastAnswer()
    {
        TestBoard board = Board(a => a.movups(xmm0, __xmmword_ptr[rbx]));
        board.Step();

        for (int i = 0; i < 2; i++)
        {
            Assert.Equal(X64EmulationResult.Access, board.Step());
            Assert.True(board.State.Xsave.Slice(160, 16).IndexOfAnyExcept((byte)0) < 0, "The register changed early.");
            board.Device = static (_, _) => 0x7777;
            board.Answer();
        }

        Assert.Equal(X64EmulationResult.LimitReached, board.Step());
        Assert.Equal(0x77, board.State.Xsave[160]);
        Assert.True(board.State.IsVectorStateModified);
    }

    [Fact]
    public void Movdqa_ToMmio_TwoWrites()
    {
        TestBoard board = Board(a =>
        {
            a.mov(rax, 0x1122334455667788);
            a.movq(xmm3, rax);
            a.movdqa(__xmmword_ptr[rbx + 0x20], xmm3);
        });

        board.RunToHalt();

        Assert.Equal(["mmio 800020 <- 1122334455667788/8", "mmio 800028 <- 0/8"], board.Accesses);
    }

    [Fact]
    public void Movups_FromRamIntoMmio_EachPartFromItsOwn()
    {
        // Twelve bytes of the last RAM page, four of the device behind it.
        TestBoard board = Board(a =>
        {
            a.movups(xmm0, __xmmword_ptr[0x3F_FFF4]);
            a.movups(__xmmword_ptr[0x2_0000], xmm0);
        });
        board.Write(0x3F_FFF4, 8, 0x0807_0605_0403_0201);
        board.Write(0x3F_FFFC, 4, 0x0C0B_0A09);
        board.Device = static (_, _) => 0xDDCC_BBAA;

        board.RunToHalt();

        Assert.Equal(["mmio 400000 ->/4"], board.Accesses);
        Assert.Equal(0xDDCC_BBAA_0C0B_0A09, board.Read(0x2_0008, 8));
    }

    [Fact]
    public void Vmovups_StoreAcrossRamPages_IsWhole()
    {
        TestBoard board = Board(a =>
        {
            a.vpcmpeqd(ymm2, ymm2, ymm2);
            a.vmovups(__ymmword_ptr[0x2_0FF3], ymm2);
        });

        board.RunToHalt();

        Assert.Equal(32, board.Ram.AsSpan(0x2_0F00, 0x200).Count((byte)0xFF));
        Assert.Equal(0xFF, board.Ram[0x2_1012]);
    }

    [Fact]
    public void AlignedForms_Misaligned_RaiseGeneralProtection()
    {
        RaisesFrom(Board(a => a.movaps(xmm0, __xmmword_ptr[0x2_0008])), 13);
        RaisesFrom(Board(a => a.pxor(xmm0, __xmmword_ptr[0x2_0004])), 13);
        RaisesFrom(Board(a => a.vmovdqa(ymm0, __ymmword_ptr[0x2_0010])), 13);
        RaisesFrom(Board(a => a.movntdq(__xmmword_ptr[0x2_0001], xmm0)), 13);
        RaisesFrom(Board(a => a.fxsave(__[0x2_0008])), 13);
        RaisesFrom(Board(a => a.xsave(__[0x2_0020])), 13);
    }

    [Fact]
    public void UnalignedForms_Misaligned_AreDone()
    {
        // Forms of AVX and MOVUPS take any address.
        TestBoard board = Board(a =>
        {
            a.movups(xmm0, __xmmword_ptr[0x2_0001]);
            a.lddqu(xmm0, __xmmword_ptr[0x2_0003]);
            a.vpxor(ymm0, ymm1, __ymmword_ptr[0x2_0005]);
            a.vmovdqa(xmm0, __xmmword_ptr[0x2_0010]);
        });

        board.RunToHalt();
    }

    [Fact]
    public void Vpmaskmov_MaskedElementsOnDevice_AreNotAccessed()
    {
        // The mask has elements 0 and 3 of eight.
        TestBoard board = Board(a =>
        {
            a.vmovdqu(ymm1, __ymmword_ptr[0x2_0000]);
            a.vpmaskmovd(ymm2, ymm1, __ymmword_ptr[rbx]);
            a.vpmaskmovd(__ymmword_ptr[rbx + 0x40], ymm1, ymm2);
        });
        board.Write(0x2_0000, 4, 0x8000_0000);
        board.Write(0x2_000C, 4, 0xFFFF_FFFF);

        board.RunToHalt();

        Assert.Equal(["mmio 800000 ->/4", "mmio 80000C ->/4", "mmio 800040 <- 0/4", "mmio 80004C <- C0C0C0C/4"], board.Accesses);
    }

    [Fact]
    public void Maskmovdqu_EmptyMask_AccessesNothing()
    {
        TestBoard board = Board(a =>
        {
            a.mov(rdi, rbx);
            a.maskmovdqu(xmm0, xmm1);
        });

        board.RunToHalt();

        Assert.Empty(board.Accesses);
    }

    [Fact]
    public void Vmovups_StoreIntoAbsentPage_FaultsAndWritesNothing()
    {
        // The last page that the tables map is the one below 4 GiB at most: an address that is not canonical behind the first part faults too.
        TestBoard board = Board(a =>
        {
            a.mov(rax, 0x7FFF_FFFF_FFF0);
            a.vpcmpeqd(ymm0, ymm0, ymm0);
            a.vmovups(__ymmword_ptr[rax], ymm0);
        });

        X64EmulationResult result = board.Run();

        Assert.Equal(X64EmulationResult.Exception, result);
        Assert.Contains(board.Emulator.Exception.Vector, new byte[] { 13, 14 });
        Assert.Empty(board.Accesses);
    }

    [Fact]
    public void Fxsave_ToMmio_EightBytesAtATime()
    {
        TestBoard board = Board(a => a.fxsave64(__[rbx]));

        board.RunToHalt();

        Assert.Equal(416 / 8, board.Accesses.Count);
        Assert.Equal("mmio 800018 <- FFFF00001F80/8", board.Accesses[3]);
    }
}
