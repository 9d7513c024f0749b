using System.Text.RegularExpressions;
using Iced.Intel;

namespace HvSdk.Emulation.Tests;

/// <summary>Makes an instruction of a code: registers 0, 1, 2 ... in the order of its operands, memory at [RDI + 0x100].</summary>
internal static partial class VectorForms
{
    public const int MemoryOffset = 0x100;

    private static readonly HashSet<CpuidFeature> s_features =
    [
        CpuidFeature.MMX, CpuidFeature.SSE, CpuidFeature.SSE2, CpuidFeature.SSE3, CpuidFeature.SSSE3, CpuidFeature.SSE4_1, CpuidFeature.SSE4_2,
        CpuidFeature.AVX, CpuidFeature.AVX2,
    ];

    /// <summary>All vector instructions that the emulator has a handler for. LDMXCSR with random bits is another test's.</summary>
    public static IEnumerable<Code> Codes => HandlerTable<TestMachine>.SupportedCodes()
        .Where(static code => code.Encoding() is EncodingKind.Legacy or EncodingKind.VEX)
        .Where(static code => code.CpuidFeatures().Any(s_features.Contains))
        .Where(static code => code.Mnemonic() is not (Mnemonic.Ldmxcsr or Mnemonic.Vldmxcsr));

    /// <summary>Arithmetic and conversions of floating-point numbers, which the emulator does in part.</summary>
    public static bool IsFloat(Code code) => FloatMnemonic().IsMatch(code.Mnemonic().ToString());

    [GeneratedRegex("^V?((Add|Sub|Mul|Div|Sqrt|Min|Max|Cmp)[ps][sd]|U?comis[sd]|Cvt.*)$", RegexOptions.IgnoreCase)]
    private static partial Regex FloatMnemonic();

    public static bool TryCreate(Code code, bool memory, byte immediate, out Instruction instruction)
    {
        instruction = new() { Code = code };
        OpCodeInfo info = code.ToOpCode();
        bool hasChoice = !memory;
        for (int i = 0; i < info.OpCount; i++)
        {
            OpCodeOperandKind kind = info.GetOpKind(i);
            switch (kind)
            {
                case OpCodeOperandKind.imm8:
                    instruction.SetOpKind(i, OpKind.Immediate8);
                    instruction.Immediate8 = immediate;
                    break;
                case OpCodeOperandKind.seg_rDI:
                    instruction.SetOpKind(i, OpKind.MemorySegRDI);
                    break;
                case OpCodeOperandKind.mem:
                    SetMemory(ref instruction, i);
                    break;
                case OpCodeOperandKind.xmm_or_mem or OpCodeOperandKind.ymm_or_mem or OpCodeOperandKind.mm_or_mem
                    or OpCodeOperandKind.r32_or_mem or OpCodeOperandKind.r64_or_mem or OpCodeOperandKind.r8_or_mem or OpCodeOperandKind.r16_or_mem when memory:
                    SetMemory(ref instruction, i);
                    hasChoice = true;
                    break;
                default:
                    if (RegisterOf(kind, i) is not { } register)
                    {
                        return false;
                    }

                    instruction.SetOpKind(i, OpKind.Register);
                    instruction.SetOpRegister(i, register);
                    break;
            }
        }

        return hasChoice;
    }

    private static void SetMemory(ref Instruction instruction, int index)
    {
        instruction.SetOpKind(index, OpKind.Memory);
        instruction.MemoryBase = Register.RDI;
        instruction.MemoryDisplacement64 = MemoryOffset;
        instruction.MemoryDisplSize = 1;
    }

    private static Register? RegisterOf(OpCodeOperandKind kind, int index)
    {
        string name = kind.ToString();
        return name switch
        {
            _ when name.StartsWith("xmm", StringComparison.Ordinal) => Register.XMM0 + index,
            _ when name.StartsWith("ymm", StringComparison.Ordinal) => Register.YMM0 + index,
            _ when name.StartsWith("mm", StringComparison.Ordinal) => Register.MM0 + index,
            _ when name.StartsWith("r8_", StringComparison.Ordinal) => Register.AL,
            _ when name.StartsWith("r16", StringComparison.Ordinal) => Register.AX,
            _ when name.StartsWith("r32", StringComparison.Ordinal) => Register.EAX,
            _ when name.StartsWith("r64", StringComparison.Ordinal) => Register.RAX,
            _ => null,
        };
    }
}
