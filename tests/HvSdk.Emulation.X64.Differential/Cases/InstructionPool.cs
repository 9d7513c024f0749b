using Iced.Intel;

namespace HvSdk.Emulation.Differential;

/// <summary>The instructions that cases of a mode are made from, in groups that are drawn from by weight.</summary>
public sealed class InstructionPool
{
    private static readonly HashSet<CpuidFeature> s_features =
    [
        CpuidFeature.INTEL8086, CpuidFeature.INTEL186, CpuidFeature.INTEL286, CpuidFeature.INTEL386, CpuidFeature.INTEL486, CpuidFeature.X64,
        CpuidFeature.FPU, CpuidFeature.FPU287, CpuidFeature.MMX, CpuidFeature.SSE, CpuidFeature.SSE2, CpuidFeature.SSE3, CpuidFeature.SSSE3,
        CpuidFeature.SSE4_1, CpuidFeature.SSE4_2, CpuidFeature.AVX, CpuidFeature.AVX2, CpuidFeature.FMA, CpuidFeature.F16C, CpuidFeature.AES,
        CpuidFeature.PCLMULQDQ, CpuidFeature.ADX, CpuidFeature.BMI1, CpuidFeature.BMI2, CpuidFeature.LZCNT, CpuidFeature.POPCNT,
        CpuidFeature.MOVBE, CpuidFeature.CMOV, CpuidFeature.CX8, CpuidFeature.CMPXCHG16B, CpuidFeature.FXSR, CpuidFeature.XSAVE,
        CpuidFeature.XSAVEOPT, CpuidFeature.XSAVEC, CpuidFeature.FSGSBASE, CpuidFeature.MULTIBYTENOP, CpuidFeature.PREFETCHW,
        CpuidFeature.CLFSH, CpuidFeature.CLFLUSHOPT, CpuidFeature.CLWB, CpuidFeature.PAUSE, CpuidFeature.SYSCALL, CpuidFeature.SEP,
        CpuidFeature.SMAP, CpuidFeature.MSR,
    ];

    private static readonly HashSet<CpuidFeature> s_vectorFeatures =
    [
        CpuidFeature.FPU, CpuidFeature.FPU287, CpuidFeature.MMX, CpuidFeature.SSE, CpuidFeature.SSE2, CpuidFeature.SSE3, CpuidFeature.SSSE3,
        CpuidFeature.SSE4_1, CpuidFeature.SSE4_2, CpuidFeature.AVX, CpuidFeature.AVX2, CpuidFeature.FMA, CpuidFeature.F16C, CpuidFeature.AES,
        CpuidFeature.PCLMULQDQ, CpuidFeature.FXSR, CpuidFeature.XSAVE, CpuidFeature.XSAVEOPT, CpuidFeature.XSAVEC,
    ];

    private readonly Dictionary<InstructionGroup, List<Code>> _groups = [];

    private readonly HashSet<Code> _all = [];

    private InstructionPool(MachineMode mode, string hypervisor)
    {
        Mode = mode;
        Hypervisor = hypervisor;
    }

    /// <summary>The instruction works on x87, SSE or AVX state.</summary>
    /// <param name="code">The instruction.</param>
    public static bool IsVector(Code code) => Array.Exists(code.CpuidFeatures(), s_vectorFeatures.Contains);

    /// <summary>The mode.</summary>
    public MachineMode Mode { get; }

    /// <summary>First word of the host's description.</summary>
    public string Hypervisor { get; }

    /// <summary>How many encodings there are.</summary>
    public int Count => _groups.Values.Sum(static group => group.Count);

    /// <summary>All encodings.</summary>
    public IEnumerable<Code> All => _groups.Values.SelectMany(static group => group);

    /// <summary>Makes the pool of a mode.</summary>
    /// <param name="mode">The mode.</param>
    /// <param name="hypervisor">First word of the host's description, for <see cref="Exclusions"/>.</param>
    /// <param name="accepts">Says of an encoding whether it shall be in.</param>
    public static InstructionPool Create(MachineMode mode, string hypervisor, Func<Code, bool> accepts)
    {
        ArgumentNullException.ThrowIfNull(accepts);
        InstructionPool pool = new(mode, hypervisor);
        foreach (Code code in Enum.GetValues<Code>())
        {
            OpCodeInfo opCode = code.ToOpCode();
            if (IsOfMode(opCode, mode)
                && code.CpuidFeatures().All(s_features.Contains)
                && !Exclusions.Has(opCode, mode, hypervisor)
                && accepts(code))
            {
                InstructionGroup group = GroupOf(opCode);
                if (!pool._groups.TryGetValue(group, out List<Code>? codes))
                {
                    pool._groups.Add(group, codes = []);
                }

                codes.Add(code);
                pool._all.Add(code);
            }
        }

        return pool;
    }

    /// <summary>The encoding is in the pool.</summary>
    /// <param name="code">The encoding.</param>
    public bool Contains(Code code) => _all.Contains(code);

    /// <summary>Draws an encoding.</summary>
    /// <param name="random">Where from.</param>
    public Code Draw(ref RandomSource random)
    {
        while (true)
        {
            InstructionGroup group = random.Below(100) switch
            {
                < 62 => InstructionGroup.Integer,
                < 74 => InstructionGroup.Sse,
                < 86 => InstructionGroup.Avx,
                < 94 => InstructionGroup.Fpu,
                < 97 => InstructionGroup.Mmx,
                _ => InstructionGroup.Privileged,
            };
            if (_groups.TryGetValue(group, out List<Code>? codes))
            {
                return codes[random.Below(codes.Count)];
            }

            if (_groups.Count == 0)
            {
                throw new InvalidOperationException($"No instruction of {Mode} is left to make cases from.");
            }
        }
    }

    private static bool IsOfMode(OpCodeInfo opCode, MachineMode mode)
    {
        // What AMD and Intel decode alike: a near branch with an operand size of 16 bits in 64-bit mode, for one, is another thing on each.
        bool isDecoded = Machine.Of(mode).Bitness switch
        {
            64 => opCode.Mode64 && opCode.AmdDecoder64 && opCode.IntelDecoder64,
            32 => opCode.Mode32 && opCode.AmdDecoder32 && opCode.IntelDecoder32,
            _ => opCode.Mode16 && opCode.AmdDecoder16 && opCode.IntelDecoder16,
        };
        return isDecoded
            && opCode.IsInstruction
            && opCode.DecoderOption == DecoderOptions.None
            && opCode.Encoding is EncodingKind.Legacy or EncodingKind.VEX
            && (opCode.Encoding == EncodingKind.Legacy || mode != MachineMode.Real16);
    }

    private static InstructionGroup GroupOf(OpCodeInfo opCode)
    {
        if (opCode.MustBeCpl0 || opCode.IsPrivileged)
        {
            return InstructionGroup.Privileged;
        }

        if (opCode.Encoding == EncodingKind.VEX)
        {
            return opCode.Code.CpuidFeatures().Any(static feature => feature is CpuidFeature.BMI1 or CpuidFeature.BMI2)
                ? InstructionGroup.Integer
                : InstructionGroup.Avx;
        }

        foreach (CpuidFeature feature in opCode.Code.CpuidFeatures())
        {
            switch (feature)
            {
                case CpuidFeature.MMX:
                    return InstructionGroup.Mmx;
                case CpuidFeature.FPU or CpuidFeature.FPU287:
                    return InstructionGroup.Fpu;
                case >= CpuidFeature.SSE and <= CpuidFeature.SSSE3:
                case CpuidFeature.AES or CpuidFeature.PCLMULQDQ:
                    return InstructionGroup.Sse;
            }
        }

        return InstructionGroup.Integer;
    }
}

/// <summary>Groups that instructions are drawn from.</summary>
internal enum InstructionGroup
{
    Integer,
    Sse,
    Avx,
    Fpu,
    Mmx,
    Privileged,
}
