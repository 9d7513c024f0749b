using System.Numerics;
using Iced.Intel;

namespace HvSdk.Emulation;

/// <summary>Floating-point arithmetic.</summary>
internal sealed partial class HandlerTable<TMachine>
{
    private void AddFloat()
    {
        AddArithmetic<float>(FloatUnit<float>.Add, false, Mnemonic.Addps, Mnemonic.Vaddps, Mnemonic.Addss, Mnemonic.Vaddss);
        AddArithmetic<double>(FloatUnit<double>.Add, false, Mnemonic.Addpd, Mnemonic.Vaddpd, Mnemonic.Addsd, Mnemonic.Vaddsd);
        AddArithmetic<float>(FloatUnit<float>.Subtract, false, Mnemonic.Subps, Mnemonic.Vsubps, Mnemonic.Subss, Mnemonic.Vsubss);
        AddArithmetic<double>(FloatUnit<double>.Subtract, false, Mnemonic.Subpd, Mnemonic.Vsubpd, Mnemonic.Subsd, Mnemonic.Vsubsd);
        AddArithmetic<float>(FloatUnit<float>.Multiply, false, Mnemonic.Mulps, Mnemonic.Vmulps, Mnemonic.Mulss, Mnemonic.Vmulss);
        AddArithmetic<double>(FloatUnit<double>.Multiply, false, Mnemonic.Mulpd, Mnemonic.Vmulpd, Mnemonic.Mulsd, Mnemonic.Vmulsd);
        AddArithmetic<float>(FloatUnit<float>.Divide, false, Mnemonic.Divps, Mnemonic.Vdivps, Mnemonic.Divss, Mnemonic.Vdivss);
        AddArithmetic<double>(FloatUnit<double>.Divide, false, Mnemonic.Divpd, Mnemonic.Vdivpd, Mnemonic.Divsd, Mnemonic.Vdivsd);
        AddArithmetic<float>(FloatUnit<float>.SquareRoot, true, Mnemonic.Sqrtps, Mnemonic.Vsqrtps, Mnemonic.Sqrtss, Mnemonic.Vsqrtss);
        AddArithmetic<double>(FloatUnit<double>.SquareRoot, true, Mnemonic.Sqrtpd, Mnemonic.Vsqrtpd, Mnemonic.Sqrtsd, Mnemonic.Vsqrtsd);
        AddArithmetic<float>(FloatUnit<float>.Minimum, false, Mnemonic.Minps, Mnemonic.Vminps, Mnemonic.Minss, Mnemonic.Vminss);
        AddArithmetic<double>(FloatUnit<double>.Minimum, false, Mnemonic.Minpd, Mnemonic.Vminpd, Mnemonic.Minsd, Mnemonic.Vminsd);
        AddArithmetic<float>(FloatUnit<float>.Maximum, false, Mnemonic.Maxps, Mnemonic.Vmaxps, Mnemonic.Maxss, Mnemonic.Vmaxss);
        AddArithmetic<double>(FloatUnit<double>.Maximum, false, Mnemonic.Maxpd, Mnemonic.Vmaxpd, Mnemonic.Maxsd, Mnemonic.Vmaxsd);
        AddArithmetic<float>(FloatUnit<float>.Compare, false, Mnemonic.Cmpps, Mnemonic.Vcmpps, Mnemonic.Cmpss, Mnemonic.Vcmpss);
        AddArithmetic<double>(FloatUnit<double>.Compare, false, Mnemonic.Cmppd, Mnemonic.Vcmppd, Mnemonic.INVALID, Mnemonic.Vcmpsd);

        // The mnemonic is a string instruction's as well.
        Set(Code.Cmpsd_xmm_xmmm64_imm8, Arithmetic<double>(FloatUnit<double>.Compare, scalar: true, unary: false));
        SetVector(Interpreter<TMachine>.FloatOrder<float>, Mnemonic.Comiss, Mnemonic.Ucomiss, Mnemonic.Vcomiss, Mnemonic.Vucomiss);
        SetVector(Interpreter<TMachine>.FloatOrder<double>, Mnemonic.Comisd, Mnemonic.Ucomisd, Mnemonic.Vcomisd, Mnemonic.Vucomisd);
        AddConversions();
    }

    private void AddConversions()
    {
        foreach (Mnemonic mnemonic in new[] { Mnemonic.Cvtsi2ss, Mnemonic.Vcvtsi2ss, Mnemonic.Cvtsi2sd, Mnemonic.Vcvtsi2sd })
        {
            foreach (Code code in VectorCodes(mnemonic))
            {
                OpCodeInfo info = code.ToOpCode();
                int size = info.GetOpKind(info.OpCount - 1) == OpCodeOperandKind.r64_or_mem ? 8 : 4;
                Set(code, mnemonic is Mnemonic.Cvtsi2ss or Mnemonic.Vcvtsi2ss ? FromInteger<float>(size) : FromInteger<double>(size));
            }
        }

        SetVector(ToInteger<float>(truncate: false), Mnemonic.Cvtss2si, Mnemonic.Vcvtss2si);
        SetVector(ToInteger<double>(truncate: false), Mnemonic.Cvtsd2si, Mnemonic.Vcvtsd2si);
        SetVector(ToInteger<float>(truncate: true), Mnemonic.Cvttss2si, Mnemonic.Vcvttss2si);
        SetVector(ToInteger<double>(truncate: true), Mnemonic.Cvttsd2si, Mnemonic.Vcvttsd2si);
        SetVector(Interpreter<TMachine>.FloatConvert<float, double>, Mnemonic.Cvtss2sd, Mnemonic.Vcvtss2sd);
        SetVector(Interpreter<TMachine>.FloatConvert<double, float>, Mnemonic.Cvtsd2ss, Mnemonic.Vcvtsd2ss);
    }

    private void AddArithmetic<T>(FloatOperation<T> operation, bool unary, Mnemonic packed, Mnemonic packedAvx, Mnemonic scalar, Mnemonic scalarAvx)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        SetVector(Arithmetic(operation, scalar: false, unary), packed, packedAvx);
        SetVector(Arithmetic(operation, scalar: true, unary), scalar, scalarAvx);
    }

    private static Handler<TMachine> Arithmetic<T>(FloatOperation<T> operation, bool scalar, bool unary)
        where T : struct, IBinaryFloatingPointIeee754<T> =>
        (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.FloatArithmetic(c, ref m, op, operation, scalar, unary);

    private static Handler<TMachine> FromInteger<T>(int size)
        where T : struct, IBinaryFloatingPointIeee754<T> =>
        (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.FloatFromInteger<T>(c, ref m, op, size);

    private static Handler<TMachine> ToInteger<T>(bool truncate)
        where T : struct, IBinaryFloatingPointIeee754<T> =>
        (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.FloatToInteger<T>(c, ref m, op, truncate);
}
