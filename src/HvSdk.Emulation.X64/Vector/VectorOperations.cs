using System.Runtime.Intrinsics;
using Iced.Intel;

namespace HvSdk.Emulation;

/// <summary>An operation on vectors: the mnemonics of its SSE and AVX forms, and what it does. None where there is no such form.</summary>
/// <typeparam name="T">A delegate.</typeparam>
/// <param name="Sse">The SSE mnemonic, which an MMX form shares.</param>
/// <param name="Avx">The AVX mnemonic.</param>
/// <param name="Do">The operation.</param>
/// <param name="Mmx">The MMX form, where it is not the same in the low 8 bytes.</param>
internal readonly record struct VectorOperation<T>(Mnemonic Sse, Mnemonic Avx, T Do, T? Mmx = null)
    where T : class;

/// <summary>Integer and bitwise operations (Intel SDM vol. 1, 5.4 to 5.12): what each does with 16 bytes. They are plain functions, the same on any host.</summary>
internal static partial class VectorOperations
{
    internal static IEnumerable<VectorOperation<VectorBinary>> Binaries =>
    [
        new(Mnemonic.Paddb, Mnemonic.Vpaddb, static (a, b, _) => a + b),
        new(Mnemonic.Paddw, Mnemonic.Vpaddw, static (a, b, _) => (a.AsUInt16() + b.AsUInt16()).AsByte()),
        new(Mnemonic.Paddd, Mnemonic.Vpaddd, static (a, b, _) => (a.AsUInt32() + b.AsUInt32()).AsByte()),
        new(Mnemonic.Paddq, Mnemonic.Vpaddq, static (a, b, _) => (a.AsUInt64() + b.AsUInt64()).AsByte()),
        new(Mnemonic.Psubb, Mnemonic.Vpsubb, static (a, b, _) => a - b),
        new(Mnemonic.Psubw, Mnemonic.Vpsubw, static (a, b, _) => (a.AsUInt16() - b.AsUInt16()).AsByte()),
        new(Mnemonic.Psubd, Mnemonic.Vpsubd, static (a, b, _) => (a.AsUInt32() - b.AsUInt32()).AsByte()),
        new(Mnemonic.Psubq, Mnemonic.Vpsubq, static (a, b, _) => (a.AsUInt64() - b.AsUInt64()).AsByte()),
        new(Mnemonic.Paddsb, Mnemonic.Vpaddsb, static (a, b, _) => Vector128.AddSaturate(a.AsSByte(), b.AsSByte()).AsByte()),
        new(Mnemonic.Paddsw, Mnemonic.Vpaddsw, static (a, b, _) => Vector128.AddSaturate(a.AsInt16(), b.AsInt16()).AsByte()),
        new(Mnemonic.Paddusb, Mnemonic.Vpaddusb, static (a, b, _) => Vector128.AddSaturate(a, b)),
        new(Mnemonic.Paddusw, Mnemonic.Vpaddusw, static (a, b, _) => Vector128.AddSaturate(a.AsUInt16(), b.AsUInt16()).AsByte()),
        new(Mnemonic.Psubsb, Mnemonic.Vpsubsb, static (a, b, _) => Vector128.SubtractSaturate(a.AsSByte(), b.AsSByte()).AsByte()),
        new(Mnemonic.Psubsw, Mnemonic.Vpsubsw, static (a, b, _) => Vector128.SubtractSaturate(a.AsInt16(), b.AsInt16()).AsByte()),
        new(Mnemonic.Psubusb, Mnemonic.Vpsubusb, static (a, b, _) => Vector128.SubtractSaturate(a, b)),
        new(Mnemonic.Psubusw, Mnemonic.Vpsubusw, static (a, b, _) => Vector128.SubtractSaturate(a.AsUInt16(), b.AsUInt16()).AsByte()),
        new(Mnemonic.Pand, Mnemonic.Vpand, And),
        new(Mnemonic.Andps, Mnemonic.Vandps, And),
        new(Mnemonic.Andpd, Mnemonic.Vandpd, And),
        new(Mnemonic.Pandn, Mnemonic.Vpandn, AndNot),
        new(Mnemonic.Andnps, Mnemonic.Vandnps, AndNot),
        new(Mnemonic.Andnpd, Mnemonic.Vandnpd, AndNot),
        new(Mnemonic.Por, Mnemonic.Vpor, Or),
        new(Mnemonic.Orps, Mnemonic.Vorps, Or),
        new(Mnemonic.Orpd, Mnemonic.Vorpd, Or),
        new(Mnemonic.Pxor, Mnemonic.Vpxor, Xor),
        new(Mnemonic.Xorps, Mnemonic.Vxorps, Xor),
        new(Mnemonic.Xorpd, Mnemonic.Vxorpd, Xor),
        new(Mnemonic.Pcmpeqb, Mnemonic.Vpcmpeqb, static (a, b, _) => Vector128.Equals(a, b)),
        new(Mnemonic.Pcmpeqw, Mnemonic.Vpcmpeqw, static (a, b, _) => Vector128.Equals(a.AsUInt16(), b.AsUInt16()).AsByte()),
        new(Mnemonic.Pcmpeqd, Mnemonic.Vpcmpeqd, static (a, b, _) => Vector128.Equals(a.AsUInt32(), b.AsUInt32()).AsByte()),
        new(Mnemonic.Pcmpeqq, Mnemonic.Vpcmpeqq, static (a, b, _) => Vector128.Equals(a.AsUInt64(), b.AsUInt64()).AsByte()),
        new(Mnemonic.Pcmpgtb, Mnemonic.Vpcmpgtb, static (a, b, _) => Vector128.GreaterThan(a.AsSByte(), b.AsSByte()).AsByte()),
        new(Mnemonic.Pcmpgtw, Mnemonic.Vpcmpgtw, static (a, b, _) => Vector128.GreaterThan(a.AsInt16(), b.AsInt16()).AsByte()),
        new(Mnemonic.Pcmpgtd, Mnemonic.Vpcmpgtd, static (a, b, _) => Vector128.GreaterThan(a.AsInt32(), b.AsInt32()).AsByte()),
        new(Mnemonic.Pcmpgtq, Mnemonic.Vpcmpgtq, static (a, b, _) => Vector128.GreaterThan(a.AsInt64(), b.AsInt64()).AsByte()),
        new(Mnemonic.Pminub, Mnemonic.Vpminub, static (a, b, _) => Vector128.Min(a, b)),
        new(Mnemonic.Pminuw, Mnemonic.Vpminuw, static (a, b, _) => Vector128.Min(a.AsUInt16(), b.AsUInt16()).AsByte()),
        new(Mnemonic.Pminud, Mnemonic.Vpminud, static (a, b, _) => Vector128.Min(a.AsUInt32(), b.AsUInt32()).AsByte()),
        new(Mnemonic.Pminsb, Mnemonic.Vpminsb, static (a, b, _) => Vector128.Min(a.AsSByte(), b.AsSByte()).AsByte()),
        new(Mnemonic.Pminsw, Mnemonic.Vpminsw, static (a, b, _) => Vector128.Min(a.AsInt16(), b.AsInt16()).AsByte()),
        new(Mnemonic.Pminsd, Mnemonic.Vpminsd, static (a, b, _) => Vector128.Min(a.AsInt32(), b.AsInt32()).AsByte()),
        new(Mnemonic.Pmaxub, Mnemonic.Vpmaxub, static (a, b, _) => Vector128.Max(a, b)),
        new(Mnemonic.Pmaxuw, Mnemonic.Vpmaxuw, static (a, b, _) => Vector128.Max(a.AsUInt16(), b.AsUInt16()).AsByte()),
        new(Mnemonic.Pmaxud, Mnemonic.Vpmaxud, static (a, b, _) => Vector128.Max(a.AsUInt32(), b.AsUInt32()).AsByte()),
        new(Mnemonic.Pmaxsb, Mnemonic.Vpmaxsb, static (a, b, _) => Vector128.Max(a.AsSByte(), b.AsSByte()).AsByte()),
        new(Mnemonic.Pmaxsw, Mnemonic.Vpmaxsw, static (a, b, _) => Vector128.Max(a.AsInt16(), b.AsInt16()).AsByte()),
        new(Mnemonic.Pmaxsd, Mnemonic.Vpmaxsd, static (a, b, _) => Vector128.Max(a.AsInt32(), b.AsInt32()).AsByte()),
        .. Multiplications,
        .. Arrangements,
    ];

    private static IEnumerable<VectorOperation<VectorBinary>> Multiplications =>
    [
        new(Mnemonic.Pmullw, Mnemonic.Vpmullw, static (a, b, _) => (a.AsInt16() * b.AsInt16()).AsByte()),
        new(Mnemonic.Pmulld, Mnemonic.Vpmulld, static (a, b, _) => (a.AsInt32() * b.AsInt32()).AsByte()),
        new(Mnemonic.Pmulhw, Mnemonic.Vpmulhw, static (a, b, _) => Words(a, b, static (x, y) => (x * y) >> 16)),
        new(Mnemonic.Pmulhuw, Mnemonic.Vpmulhuw, static (a, b, _) => Words(a, b, static (x, y) => (int)(((uint)(ushort)x * (ushort)y) >> 16))),
        new(Mnemonic.Pmulhrsw, Mnemonic.Vpmulhrsw, static (a, b, _) => Words(a, b, static (x, y) => (((x * y) >> 14) + 1) >> 1)),
        new(Mnemonic.Pmuludq, Mnemonic.Vpmuludq, static (a, b, _) => ((a.AsUInt64() & Low32) * (b.AsUInt64() & Low32)).AsByte()),
        new(Mnemonic.Pmuldq, Mnemonic.Vpmuldq, static (a, b, _) => Vector128.Create(
            (long)a.AsInt32().GetElement(0) * b.AsInt32().GetElement(0),
            (long)a.AsInt32().GetElement(2) * b.AsInt32().GetElement(2)).AsByte()),
        new(Mnemonic.Pmaddwd, Mnemonic.Vpmaddwd, MultiplyAddWords),
        new(Mnemonic.Pmaddubsw, Mnemonic.Vpmaddubsw, MultiplyAddBytes),
        new(Mnemonic.Psadbw, Mnemonic.Vpsadbw, SumDifferences),
        new(Mnemonic.Pavgb, Mnemonic.Vpavgb, static (a, b, _) => (a | b) - Vector128.ShiftRightLogical(a ^ b, 1)),
        new(Mnemonic.Pavgw, Mnemonic.Vpavgw, static (a, b, _) => ((a | b).AsUInt16() - Vector128.ShiftRightLogical((a ^ b).AsUInt16(), 1)).AsByte()),
        new(Mnemonic.Psignb, Mnemonic.Vpsignb, static (a, b, _) => Sign(a.AsSByte(), b.AsSByte())),
        new(Mnemonic.Psignw, Mnemonic.Vpsignw, static (a, b, _) => Sign(a.AsInt16(), b.AsInt16())),
        new(Mnemonic.Psignd, Mnemonic.Vpsignd, static (a, b, _) => Sign(a.AsInt32(), b.AsInt32())),
        new(Mnemonic.Phaddw, Mnemonic.Vphaddw, HorizontalAddWords, Joined(HorizontalAddWords)),
        new(Mnemonic.Phaddd, Mnemonic.Vphaddd, HorizontalAddDoublewords, Joined(HorizontalAddDoublewords)),
        new(Mnemonic.Phaddsw, Mnemonic.Vphaddsw, HorizontalAddSaturated, Joined(HorizontalAddSaturated)),
        new(Mnemonic.Phsubw, Mnemonic.Vphsubw, HorizontalSubtractWords, Joined(HorizontalSubtractWords)),
        new(Mnemonic.Phsubd, Mnemonic.Vphsubd, HorizontalSubtractDoublewords, Joined(HorizontalSubtractDoublewords)),
        new(Mnemonic.Phsubsw, Mnemonic.Vphsubsw, HorizontalSubtractSaturated, Joined(HorizontalSubtractSaturated)),
        new(Mnemonic.INVALID, Mnemonic.Vpsllvd, static (a, b, _) => Doublewords(a, b, static (x, y) => (uint)y < 32 ? x << y : 0)),
        new(Mnemonic.INVALID, Mnemonic.Vpsrlvd, static (a, b, _) => Doublewords(a, b, static (x, y) => (uint)y < 32 ? x >>> y : 0)),
        new(Mnemonic.INVALID, Mnemonic.Vpsravd, static (a, b, _) => Doublewords(a, b, static (x, y) => x >> (int)Math.Min((uint)y, 31))),
        new(Mnemonic.INVALID, Mnemonic.Vpsllvq, static (a, b, _) => Quadwords(a, b, static (x, y) => y < 64 ? x << (int)y : 0)),
        new(Mnemonic.INVALID, Mnemonic.Vpsrlvq, static (a, b, _) => Quadwords(a, b, static (x, y) => y < 64 ? x >> (int)y : 0)),
    ];

    private static IEnumerable<VectorOperation<VectorBinary>> Arrangements =>
    [
        new(Mnemonic.Punpcklbw, Mnemonic.Vpunpcklbw, InterleaveBytes),
        new(Mnemonic.Punpcklwd, Mnemonic.Vpunpcklwd, InterleaveWords),
        new(Mnemonic.Punpckldq, Mnemonic.Vpunpckldq, InterleaveDoublewords),
        new(Mnemonic.Punpcklqdq, Mnemonic.Vpunpcklqdq, InterleaveQuadwords),
        new(Mnemonic.Unpcklps, Mnemonic.Vunpcklps, InterleaveDoublewords),
        new(Mnemonic.Unpcklpd, Mnemonic.Vunpcklpd, InterleaveQuadwords),
        new(Mnemonic.Punpckhbw, Mnemonic.Vpunpckhbw, High(InterleaveBytes), HighOfMmx(InterleaveBytes)),
        new(Mnemonic.Punpckhwd, Mnemonic.Vpunpckhwd, High(InterleaveWords), HighOfMmx(InterleaveWords)),
        new(Mnemonic.Punpckhdq, Mnemonic.Vpunpckhdq, High(InterleaveDoublewords), HighOfMmx(InterleaveDoublewords)),
        new(Mnemonic.Punpckhqdq, Mnemonic.Vpunpckhqdq, High(InterleaveQuadwords)),
        new(Mnemonic.Unpckhps, Mnemonic.Vunpckhps, High(InterleaveDoublewords)),
        new(Mnemonic.Unpckhpd, Mnemonic.Vunpckhpd, High(InterleaveQuadwords)),
        new(Mnemonic.Packsswb, Mnemonic.Vpacksswb, PackSignedWords, Joined(PackSignedWords)),
        new(Mnemonic.Packuswb, Mnemonic.Vpackuswb, PackUnsignedWords, Joined(PackUnsignedWords)),
        new(Mnemonic.Packssdw, Mnemonic.Vpackssdw, PackSignedDoublewords, Joined(PackSignedDoublewords)),
        new(Mnemonic.Packusdw, Mnemonic.Vpackusdw, PackUnsignedDoublewords),
        new(Mnemonic.Pshufb, Mnemonic.Vpshufb,
            static (a, b, _) => Vector128.Shuffle(a, b & Vector128.Create((byte)0x8F)),
            static (a, b, _) => Vector128.Shuffle(a, b & Vector128.Create((byte)0x87))),
        new(Mnemonic.Palignr, Mnemonic.Vpalignr,
            static (a, b, count) => Align(a, b, count, 16),
            static (a, b, count) => Align(a, b, count, 8)),
        new(Mnemonic.Pblendw, Mnemonic.Vpblendw, static (a, b, mask) => Blend(a, b, mask, 2)),
        new(Mnemonic.Shufps, Mnemonic.Vshufps, static (a, b, order) => Vector128.Create(
            a.AsUInt32().GetElement(order & 3),
            a.AsUInt32().GetElement((order >> 2) & 3),
            b.AsUInt32().GetElement((order >> 4) & 3),
            b.AsUInt32().GetElement((order >> 6) & 3)).AsByte()),
        new(Mnemonic.INVALID, Mnemonic.Vpermilps, static (a, b, _) => Vector128.Shuffle(a.AsUInt32(), b.AsUInt32() & Vector128.Create(3U)).AsByte()),
        new(Mnemonic.INVALID, Mnemonic.Vpermilpd, static (a, b, _) => Vector128.Shuffle(a.AsUInt64(), Vector128.ShiftRightLogical(b.AsUInt64(), 1) & Vector128.Create(1UL)).AsByte()),
    ];

    internal static IEnumerable<VectorOperation<VectorUnary>> Unaries =>
    [
        new(Mnemonic.Pabsb, Mnemonic.Vpabsb, static (a, _) => Sign(a.AsSByte(), a.AsSByte())),
        new(Mnemonic.Pabsw, Mnemonic.Vpabsw, static (a, _) => Sign(a.AsInt16(), a.AsInt16())),
        new(Mnemonic.Pabsd, Mnemonic.Vpabsd, static (a, _) => Sign(a.AsInt32(), a.AsInt32())),
        new(Mnemonic.Pshufd, Mnemonic.Vpshufd, static (a, order) => ShuffleDoublewords(a, order)),
        new(Mnemonic.Pshuflw, Mnemonic.Vpshuflw, static (a, order) => ShuffleWords(a, order, 0)),
        new(Mnemonic.Pshufhw, Mnemonic.Vpshufhw, static (a, order) => ShuffleWords(a, order, 4)),
        new(Mnemonic.Pshufw, Mnemonic.INVALID, static (a, order) => a, static (a, order) => ShuffleWords(a, order, 0)),
        new(Mnemonic.Movshdup, Mnemonic.Vmovshdup, static (a, _) => ShuffleDoublewords(a, 0b11_11_01_01)),
        new(Mnemonic.Movsldup, Mnemonic.Vmovsldup, static (a, _) => ShuffleDoublewords(a, 0b10_10_00_00)),
        new(Mnemonic.Movddup, Mnemonic.Vmovddup, static (a, _) => ShuffleDoublewords(a, 0b01_00_01_00)),
        new(Mnemonic.Phminposuw, Mnemonic.Vphminposuw, static (a, _) => FindSmallest(a)),
    ];

    internal static IEnumerable<VectorOperation<VectorShift>> Shifts =>
    [
        new(Mnemonic.Psllw, Mnemonic.Vpsllw, static (a, n) => n > 15 ? default : Vector128.ShiftLeft(a.AsUInt16(), n).AsByte()),
        new(Mnemonic.Pslld, Mnemonic.Vpslld, static (a, n) => n > 31 ? default : Vector128.ShiftLeft(a.AsUInt32(), n).AsByte()),
        new(Mnemonic.Psllq, Mnemonic.Vpsllq, static (a, n) => n > 63 ? default : Vector128.ShiftLeft(a.AsUInt64(), n).AsByte()),
        new(Mnemonic.Psrlw, Mnemonic.Vpsrlw, static (a, n) => n > 15 ? default : Vector128.ShiftRightLogical(a.AsUInt16(), n).AsByte()),
        new(Mnemonic.Psrld, Mnemonic.Vpsrld, static (a, n) => n > 31 ? default : Vector128.ShiftRightLogical(a.AsUInt32(), n).AsByte()),
        new(Mnemonic.Psrlq, Mnemonic.Vpsrlq, static (a, n) => n > 63 ? default : Vector128.ShiftRightLogical(a.AsUInt64(), n).AsByte()),
        new(Mnemonic.Psraw, Mnemonic.Vpsraw, static (a, n) => Vector128.ShiftRightArithmetic(a.AsInt16(), Math.Min(n, 15)).AsByte()),
        new(Mnemonic.Psrad, Mnemonic.Vpsrad, static (a, n) => Vector128.ShiftRightArithmetic(a.AsInt32(), Math.Min(n, 31)).AsByte()),
        new(Mnemonic.Pslldq, Mnemonic.Vpslldq, static (a, n) => n > 15 ? default : Align(a, default, 16 - n, 16)),
        new(Mnemonic.Psrldq, Mnemonic.Vpsrldq, static (a, n) => Align(default, a, n, 16)),
    ];

    internal static IEnumerable<VectorOperation<VectorWide>> Wides =>
    [
        new(Mnemonic.Shufpd, Mnemonic.Vshufpd, static (a, b, order) => Vector256.Create(
            a.AsUInt64().GetElement(order & 1),
            b.AsUInt64().GetElement((order >> 1) & 1),
            a.AsUInt64().GetElement(2 + ((order >> 2) & 1)),
            b.AsUInt64().GetElement(2 + ((order >> 3) & 1))).AsByte()),
        new(Mnemonic.Blendps, Mnemonic.Vblendps, static (a, b, mask) => Blend(a, b, mask, 4)),
        new(Mnemonic.Blendpd, Mnemonic.Vblendpd, static (a, b, mask) => Blend(a, b, mask, 8)),
        new(Mnemonic.INVALID, Mnemonic.Vpblendd, static (a, b, mask) => Blend(a, b, mask, 4)),
        new(Mnemonic.INVALID, Mnemonic.Vperm2f128, static (a, b, order) => Vector256.Create(Half(a, b, order), Half(a, b, order >> 4))),
        new(Mnemonic.INVALID, Mnemonic.Vperm2i128, static (a, b, order) => Vector256.Create(Half(a, b, order), Half(a, b, order >> 4))),
        new(Mnemonic.INVALID, Mnemonic.Vpermq, static (_, b, order) => PermuteQuadwords(b, order)),
        new(Mnemonic.INVALID, Mnemonic.Vpermpd, static (_, b, order) => PermuteQuadwords(b, order)),
        new(Mnemonic.INVALID, Mnemonic.Vpermd, static (a, b, _) => PermuteDoublewords(a, b)),
        new(Mnemonic.INVALID, Mnemonic.Vpermps, static (a, b, _) => PermuteDoublewords(a, b)),
    ];

    internal static IEnumerable<VectorOperation<VectorWiden>> Widenings =>
    [
        new(Mnemonic.Pmovzxbw, Mnemonic.Vpmovzxbw, static a => Zero(a, 1, 2)),
        new(Mnemonic.Pmovzxbd, Mnemonic.Vpmovzxbd, static a => Zero(a, 1, 4)),
        new(Mnemonic.Pmovzxbq, Mnemonic.Vpmovzxbq, static a => Zero(a, 1, 8)),
        new(Mnemonic.Pmovzxwd, Mnemonic.Vpmovzxwd, static a => Zero(a, 2, 4)),
        new(Mnemonic.Pmovzxwq, Mnemonic.Vpmovzxwq, static a => Zero(a, 2, 8)),
        new(Mnemonic.Pmovzxdq, Mnemonic.Vpmovzxdq, static a => Zero(a, 4, 8)),
        new(Mnemonic.Pmovsxbw, Mnemonic.Vpmovsxbw, static a => Sign(a, 1, 2)),
        new(Mnemonic.Pmovsxbd, Mnemonic.Vpmovsxbd, static a => Sign(a, 1, 4)),
        new(Mnemonic.Pmovsxbq, Mnemonic.Vpmovsxbq, static a => Sign(a, 1, 8)),
        new(Mnemonic.Pmovsxwd, Mnemonic.Vpmovsxwd, static a => Sign(a, 2, 4)),
        new(Mnemonic.Pmovsxwq, Mnemonic.Vpmovsxwq, static a => Sign(a, 2, 8)),
        new(Mnemonic.Pmovsxdq, Mnemonic.Vpmovsxdq, static a => Sign(a, 4, 8)),
    ];
}
