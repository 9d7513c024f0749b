using HvSdk.Testing;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Emulation.Tests;

/// <summary>Runs the same bytes on the host's processor and in the emulator, with the same page of data, and compares the page afterwards.</summary>
/// <remarks>
/// The data: YMM0 to YMM3 at 0, RAX at 0x80, MM0 and MM1 at 0x88, MXCSR at 0x98, memory for the instruction from 0x100; behind it YMM0 to YMM3 at 0x280, RAX
/// at 0x300, flags at 0x308, MM0 and MM1 at 0x310, MXCSR at 0x320. All other registers are 0.
/// </remarks>
internal sealed class VectorTruth : IDisposable
{
    public const int DataSize = 0x1000;
    private const ulong CodeAddress = 0x10_0000;
    private const ulong DataAddress = 0x20_0000;

    private readonly NativeProcessor _native = new();
    private readonly TestBoard _board = Board();

    /// <summary>Leaves numbers in the x87 registers of this thread, as a C library's long doubles do.</summary>
    public void UseX87()
    {
        var a = new Assembler(64);
        a.fninit();
        for (int i = 0; i < 8; i++)
        {
            a.fld1();
        }

        a.fninit();
        a.ret();
        _native.Run(Assemble(a), new byte[DataSize]);
    }

    /// <summary>A board in long mode with AVX on.</summary>
    public static TestBoard Board(Action<Assembler>? body = null, X64EmulatorOptions? options = null)
    {
        var board = new TestBoard(GuestProgram.LongMode(body ?? (static a => a.hlt())), options);
        board.State.SpecialRegisters = board.State.SpecialRegisters with { Cr4 = board.State.SpecialRegisters.Cr4 | X64Cr4.OsXsave };
        board.State.Xcr0 = 7;
        board.State.IsVectorStateLoaded = true;
        return board;
    }

    /// <summary>Says where the two differ, or null.</summary>
    public string? Compare(Action<Assembler> body, ReadOnlySpan<byte> data)
    {
        byte[] expected = data.ToArray();
        _native.Run(Assemble(ClearX87, body, static a => a.ret()), expected);

        byte[] code = Assemble(static _ => { }, body, static a => a.hlt());
        code.CopyTo(_board.Ram, (int)CodeAddress);
        data.CopyTo(_board.Ram.AsSpan((int)DataAddress));
        _board.State.IsHalted = false;
        _board.Registers = _board.Registers with { Rip = CodeAddress, Rdi = DataAddress, Rsp = 0x9000, Rdx = 0 };
        X64EmulationResult result = _board.Run();
        if (result != X64EmulationResult.Halted)
        {
            return $"{result} {_board.Emulator.Exception} at {Convert.ToHexString(_board.Emulator.Instruction)}";
        }

        // Bit 17 of what the mask of MXCSR shows is misaligned mode, which some processors have.
        Span<byte> actual = _board.Ram.AsSpan((int)DataAddress, data.Length);
        expected[0x41E] = actual[0x41E] = 0;
        int at = actual.CommonPrefixLength(expected);
        return at == data.Length ? null
            : $"at 0x{at:X}: {Convert.ToHexString(actual.Slice(at & ~15, 16))}, the processor {Convert.ToHexString(expected.AsSpan(at & ~15, 16))}";
    }

    /// <summary>FNINIT empties the x87 registers and keeps what they hold: what other code of the thread left there would be saved with them.</summary>
    private static void ClearX87(Assembler a)
    {
        a.fninit();
        for (int i = 0; i < 8; i++)
        {
            a.fldz();
        }
    }

    private static byte[] Assemble(Action<Assembler> begin, Action<Assembler> body, Action<Assembler> end)
    {
        var a = new Assembler(64);
        AssemblerRegisterYMM[] ymm = [ymm0, ymm1, ymm2, ymm3];
        begin(a);
        a.vzeroall();
        a.fninit();
        a.ldmxcsr(__dword_ptr[rdi + 0x98]);
        for (int i = 0; i < ymm.Length; i++)
        {
            a.vmovdqu(ymm[i], __ymmword_ptr[rdi + (i * 32)]);
        }

        a.movq(mm0, __qword_ptr[rdi + 0x88]);
        a.movq(mm1, __qword_ptr[rdi + 0x90]);
        a.sub(eax, eax);
        a.mov(edx, eax);
        a.mov(rax, __qword_ptr[rdi + 0x80]);
        body(a);
        a.mov(__qword_ptr[rdi + 0x300], rax);
        a.pushfq();
        a.pop(rax);
        a.and(eax, 0x8D5);
        a.mov(__qword_ptr[rdi + 0x308], rax);
        for (int i = 0; i < ymm.Length; i++)
        {
            a.vmovdqu(__ymmword_ptr[rdi + 0x280 + (i * 32)], ymm[i]);
        }

        a.movq(__qword_ptr[rdi + 0x310], mm0);
        a.movq(__qword_ptr[rdi + 0x318], mm1);
        a.stmxcsr(__dword_ptr[rdi + 0x320]);
        a.emms();
        a.vzeroupper();
        end(a);
        return Assemble(a);
    }

    private static byte[] Assemble(Assembler a)
    {
        var stream = new MemoryStream();
        a.Assemble(new StreamCodeWriter(stream), CodeAddress);
        return stream.ToArray();
    }

    public void Dispose() => _native.Dispose();
}
