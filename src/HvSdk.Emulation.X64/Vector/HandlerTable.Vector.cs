using Iced.Intel;

namespace HvSdk.Emulation;

/// <summary>x87, MMX, SSE, AVX and XSAVE. Forms with an EVEX prefix are left out: the emulator has no AVX-512.</summary>
internal sealed partial class HandlerTable<TMachine>
{
    private void AddVector()
    {
        AddVectorMoves();
        AddVectorOperations();
        AddVectorElements();
        AddX87();
        AddSaves();
        AddFloat();
    }

    /// <summary>The forms of a mnemonic that are of SSE, AVX or MMX, without those of AVX-512.</summary>
    private IEnumerable<Code> VectorCodes(Mnemonic mnemonic) =>
        mnemonic == Mnemonic.INVALID ? [] : _codes[mnemonic].Where(static code => code.Encoding() is EncodingKind.Legacy or EncodingKind.VEX);

    private void SetVector(Handler<TMachine> handler, params ReadOnlySpan<Mnemonic> mnemonics)
    {
        foreach (Mnemonic mnemonic in mnemonics)
        {
            foreach (Code code in VectorCodes(mnemonic))
            {
                Set(code, handler);
            }
        }
    }

    private static bool IsMmx(Code code)
    {
        OpCodeInfo info = code.ToOpCode();
        for (int i = 0; i < info.OpCount; i++)
        {
            if (info.GetOpKind(i) is OpCodeOperandKind.mm_reg or OpCodeOperandKind.mm_rm or OpCodeOperandKind.mm_or_mem)
            {
                return true;
            }
        }

        return false;
    }

    private void AddOperations<T>(IEnumerable<VectorOperation<T>> operations, Func<T, Handler<TMachine>> handler, Func<T, Handler<TMachine>>? mmx)
        where T : class
    {
        foreach (VectorOperation<T> operation in operations)
        {
            foreach (Code code in VectorCodes(operation.Sse))
            {
                if (!IsMmx(code))
                {
                    Set(code, handler(operation.Do));
                }
                else if (mmx is not null)
                {
                    Set(code, mmx(operation.Mmx ?? operation.Do));
                }
            }

            foreach (Code code in VectorCodes(operation.Avx))
            {
                Set(code, handler(operation.Do));
            }
        }
    }

    private void AddVectorOperations()
    {
        AddOperations(
            VectorOperations.Binaries,
            static f => (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.VectorBinary(c, ref m, op, f),
            static f => (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.MmxBinary(c, ref m, op, f));
        AddOperations(
            VectorOperations.Unaries,
            static f => (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.VectorUnary(c, ref m, op, f),
            static f => (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.MmxUnary(c, ref m, op, f));
        AddOperations(
            VectorOperations.Shifts,
            static f => (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.VectorShift(c, ref m, op, f),
            static f => (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.MmxShift(c, ref m, op, f));
        AddOperations(VectorOperations.Wides, static f => (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.VectorWide(c, ref m, op, f), null);
        AddOperations(VectorOperations.Widenings, static f => (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.VectorWiden(c, ref m, op, f), null);

        // With an immediate these take one source, with a register two: the tables have the second form.
        foreach (Code code in new[] { Code.VEX_Vpermilps_xmm_xmmm128_imm8, Code.VEX_Vpermilps_ymm_ymmm256_imm8 })
        {
            Set(code, static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.VectorUnary(c, ref m, op, VectorOperations.PermuteSingles));
        }

        foreach (Code code in new[] { Code.VEX_Vpermilpd_xmm_xmmm128_imm8, Code.VEX_Vpermilpd_ymm_ymmm256_imm8 })
        {
            Set(code, static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.VectorWide(c, ref m, op, VectorOperations.PermuteDoubles));
        }
    }

    private void AddVectorMoves()
    {
        SetVector(
            static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.MoveVector(c, ref m, op, aligned: true),
            Mnemonic.Movaps, Mnemonic.Movapd, Mnemonic.Movdqa, Mnemonic.Movntps, Mnemonic.Movntpd, Mnemonic.Movntdq, Mnemonic.Movntdqa,
            Mnemonic.Vmovaps, Mnemonic.Vmovapd, Mnemonic.Vmovdqa, Mnemonic.Vmovntps, Mnemonic.Vmovntpd, Mnemonic.Vmovntdq, Mnemonic.Vmovntdqa);
        SetVector(
            static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.MoveVector(c, ref m, op, aligned: false),
            Mnemonic.Movups, Mnemonic.Movupd, Mnemonic.Movdqu, Mnemonic.Lddqu, Mnemonic.Vmovups, Mnemonic.Vmovupd, Mnemonic.Vmovdqu, Mnemonic.Vlddqu);
        SetVector(static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.MoveLow(c, ref m, op, 4), Mnemonic.Movd, Mnemonic.Vmovd);
        SetVector(static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.MoveLow(c, ref m, op, 8), Mnemonic.Movq, Mnemonic.Vmovq);
        SetVector(static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.MoveScalar(c, ref m, op, 4), Mnemonic.Movss, Mnemonic.Vmovss);
        SetVector(static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.MoveScalar(c, ref m, op, 8), Mnemonic.Vmovsd);
        foreach (Code code in new[] { Code.Movsd_xmm_xmmm64, Code.Movsd_xmmm64_xmm })
        {
            // The mnemonic is a string instruction's as well.
            Set(code, static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.MoveScalar(c, ref m, op, 8));
        }

        SetVector(
            static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.MoveHalf(c, ref m, op, high: false),
            Mnemonic.Movlps, Mnemonic.Movlpd, Mnemonic.Vmovlps, Mnemonic.Vmovlpd);
        SetVector(
            static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.MoveHalf(c, ref m, op, high: true),
            Mnemonic.Movhps, Mnemonic.Movhpd, Mnemonic.Vmovhps, Mnemonic.Vmovhpd);
        SetVector(
            static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.MoveHalfAcross(c, ref m, op, toHigh: false),
            Mnemonic.Movhlps, Mnemonic.Vmovhlps);
        SetVector(
            static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.MoveHalfAcross(c, ref m, op, toHigh: true),
            Mnemonic.Movlhps, Mnemonic.Vmovlhps);
        SetVector(Interpreter<TMachine>.StoreInteger, Mnemonic.Movnti);
        SetVector(Interpreter<TMachine>.StoreMmx, Mnemonic.Movntq);
        SetVector(Interpreter<TMachine>.MoveMmxVector, Mnemonic.Movq2dq, Mnemonic.Movdq2q);
        SetVector(Interpreter<TMachine>.StoreMasked, Mnemonic.Maskmovq, Mnemonic.Maskmovdqu, Mnemonic.Vmaskmovdqu);
        SetVector(static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.MoveMasked(c, ref m, op, 4), Mnemonic.Vmaskmovps, Mnemonic.Vpmaskmovd);
        SetVector(static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.MoveMasked(c, ref m, op, 8), Mnemonic.Vmaskmovpd, Mnemonic.Vpmaskmovq);
        SetVector(static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.ZeroRegisters(c, ref m, op, all: false), Mnemonic.Vzeroupper);
        SetVector(static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.ZeroRegisters(c, ref m, op, all: true), Mnemonic.Vzeroall);
        SetVector(Interpreter<TMachine>.LoadMxcsr, Mnemonic.Ldmxcsr, Mnemonic.Vldmxcsr);
        SetVector(Interpreter<TMachine>.StoreMxcsr, Mnemonic.Stmxcsr, Mnemonic.Vstmxcsr);
    }

    private void AddVectorElements()
    {
        SetVector(static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.Broadcast(c, ref m, op, 1), Mnemonic.Vpbroadcastb);
        SetVector(static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.Broadcast(c, ref m, op, 2), Mnemonic.Vpbroadcastw);
        SetVector(static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.Broadcast(c, ref m, op, 4), Mnemonic.Vpbroadcastd, Mnemonic.Vbroadcastss);
        SetVector(static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.Broadcast(c, ref m, op, 8), Mnemonic.Vpbroadcastq, Mnemonic.Vbroadcastsd);
        SetVector(static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.Broadcast(c, ref m, op, 16), Mnemonic.Vbroadcastf128, Mnemonic.Vbroadcasti128);
        SetVector(Interpreter<TMachine>.InsertHalf, Mnemonic.Vinsertf128, Mnemonic.Vinserti128);
        SetVector(Interpreter<TMachine>.ExtractHalf, Mnemonic.Vextractf128, Mnemonic.Vextracti128);
        SetVector(static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.ExtractMask(c, ref m, op, 1), Mnemonic.Pmovmskb, Mnemonic.Vpmovmskb);
        SetVector(static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.ExtractMask(c, ref m, op, 4), Mnemonic.Movmskps, Mnemonic.Vmovmskps);
        SetVector(static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.ExtractMask(c, ref m, op, 8), Mnemonic.Movmskpd, Mnemonic.Vmovmskpd);
        AddElements(1, Mnemonic.Pinsrb, Mnemonic.Vpinsrb, Mnemonic.Pextrb, Mnemonic.Vpextrb);
        AddElements(2, Mnemonic.Pinsrw, Mnemonic.Vpinsrw, Mnemonic.Pextrw, Mnemonic.Vpextrw);
        AddElements(4, Mnemonic.Pinsrd, Mnemonic.Vpinsrd, Mnemonic.Pextrd, Mnemonic.Vpextrd);
        AddElements(8, Mnemonic.Pinsrq, Mnemonic.Vpinsrq, Mnemonic.Pextrq, Mnemonic.Vpextrq);
        SetVector(static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.ExtractElement(c, ref m, op, 4), Mnemonic.Extractps, Mnemonic.Vextractps);
        SetVector(static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.VectorTest(c, ref m, op, ulong.MaxValue), Mnemonic.Ptest, Mnemonic.Vptest);
        SetVector(static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.VectorTest(c, ref m, op, 0x8000_0000_8000_0000), Mnemonic.Vtestps);
        SetVector(static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.VectorTest(c, ref m, op, 1UL << 63), Mnemonic.Vtestpd);
        SetVector(static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.VectorBlend(c, ref m, op, 1), Mnemonic.Pblendvb, Mnemonic.Vpblendvb);
        SetVector(static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.VectorBlend(c, ref m, op, 4), Mnemonic.Blendvps, Mnemonic.Vblendvps);
        SetVector(static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.VectorBlend(c, ref m, op, 8), Mnemonic.Blendvpd, Mnemonic.Vblendvpd);
    }

    private void AddElements(int size, Mnemonic insert, Mnemonic insertAvx, Mnemonic extract, Mnemonic extractAvx)
    {
        SetVector((Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.InsertElement(c, ref m, op, size), insert, insertAvx);
        SetVector((Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.ExtractElement(c, ref m, op, size), extract, extractAvx);
    }
}
