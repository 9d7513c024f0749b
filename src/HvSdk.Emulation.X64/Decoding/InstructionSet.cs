using Iced.Intel;

namespace HvSdk.Emulation;

/// <summary>What the emulator knows of instructions beyond what the decoder says: which feature each needs, sizes that no operand shows, which end a block.</summary>
internal static class InstructionSet
{
    /// <summary>Number of codes: handlers of instructions with a memory operand come this much later.</summary>
    internal static int CodeCount { get; } = (int)IcedConstants.LastCode + 1;

    private static readonly X64EmulatorFeatures[] s_features = FeaturesOfCodes();
    private static readonly bool[] s_endsBlock = EndsOfBlocks();

    internal static X64EmulatorFeatures FeaturesOf(Code code) => s_features[(int)code];

    internal static bool EndsBlock(Code code) => s_endsBlock[(int)code];

    /// <summary>Position of the handler in the table; 0, which raises #UD, where the processor lacks the feature.</summary>
    internal static ushort Handler(Code code, bool hasMemory, X64EmulatorFeatures features)
    {
        X64EmulatorFeatures needed = s_features[(int)code];
        if ((needed & features) != needed)
        {
            return 0;
        }

        return (ushort)((int)code + (hasMemory ? CodeCount : 0));
    }

    /// <summary>LZCNT and TZCNT are BSR and BSF with a prefix that processors without them ignore.</summary>
    internal static Code Effective(Code code, X64EmulatorFeatures features) => code switch
    {
        >= Code.Lzcnt_r16_rm16 and <= Code.Lzcnt_r64_rm64 when (features & X64EmulatorFeatures.LeadingZeroCount) == 0 => code - Code.Lzcnt_r16_rm16 + Code.Bsr_r16_rm16,
        >= Code.Tzcnt_r16_rm16 and <= Code.Tzcnt_r64_rm64 when (features & X64EmulatorFeatures.Bmi1) == 0 => code - Code.Tzcnt_r16_rm16 + Code.Bsf_r16_rm16,
        _ => code,
    };

    /// <summary>The operation size of instructions whose operands do not show it.</summary>
    internal static byte ImplicitSize(Code code) => code switch
    {
        Code.Cbw or Code.Cwd or Code.Pushaw or Code.Popaw or Code.Pushfw or Code.Popfw or Code.Retnw or Code.Retfw
            or Code.Iretw or Code.Leavew or Code.Enterw_imm16_imm8 => 2,
        Code.Cwde or Code.Cdq or Code.Pushad or Code.Popad or Code.Pushfd or Code.Popfd or Code.Retnd or Code.Retfd
            or Code.Iretd or Code.Leaved or Code.Enterd_imm16_imm8 or Code.Sysretd or Code.Sysexitd => 4,
        _ => 8,
    };

    /// <summary>The size of a stack slot of an instruction whose first operand is not what lies there.</summary>
    internal static byte StackSize(Code code) => code switch
    {
        Code.Pushw_ES or Code.Pushw_CS or Code.Pushw_SS or Code.Pushw_DS or Code.Pushw_FS or Code.Pushw_GS
            or Code.Popw_ES or Code.Popw_SS or Code.Popw_DS or Code.Popw_FS or Code.Popw_GS
            or Code.Push_imm16 or Code.Pushw_imm8
            or Code.Retnw_imm16 or Code.Retfw_imm16 or Code.Enterw_imm16_imm8 => 2,
        Code.Pushd_ES or Code.Pushd_CS or Code.Pushd_SS or Code.Pushd_DS or Code.Pushd_FS or Code.Pushd_GS
            or Code.Popd_ES or Code.Popd_SS or Code.Popd_DS or Code.Popd_FS or Code.Popd_GS
            or Code.Pushd_imm32 or Code.Pushd_imm8
            or Code.Retnd_imm16 or Code.Retfd_imm16 or Code.Enterd_imm16_imm8 => 4,
        _ => 8,
    };

    /// <summary>The size of the counter of LOOP and JCXZ; 8 for all others.</summary>
    internal static byte CounterSize(Code code) => code switch
    {
        Code.Loopne_rel8_16_CX or Code.Loopne_rel8_32_CX or Code.Loope_rel8_16_CX or Code.Loope_rel8_32_CX
            or Code.Loop_rel8_16_CX or Code.Loop_rel8_32_CX or Code.Jcxz_rel8_16 or Code.Jcxz_rel8_32 => 2,
        Code.Loopne_rel8_16_ECX or Code.Loopne_rel8_32_ECX or Code.Loopne_rel8_64_ECX
            or Code.Loope_rel8_16_ECX or Code.Loope_rel8_32_ECX or Code.Loope_rel8_64_ECX
            or Code.Loop_rel8_16_ECX or Code.Loop_rel8_32_ECX or Code.Loop_rel8_64_ECX
            or Code.Jecxz_rel8_16 or Code.Jecxz_rel8_32 or Code.Jecxz_rel8_64 => 4,
        _ => 8,
    };

    private static X64EmulatorFeatures[] FeaturesOfCodes()
    {
        X64EmulatorFeatures[] features = new X64EmulatorFeatures[CodeCount];
        for (int i = 0; i < features.Length; i++)
        {
            features[i] = Needed((Code)i);
        }

        return features;
    }

    private static X64EmulatorFeatures Needed(Code code)
    {
        X64EmulatorFeatures all = X64EmulatorFeatures.None;
        foreach (CpuidFeature feature in code.CpuidFeatures())
        {
            all |= feature switch
            {
                CpuidFeature.FPU or CpuidFeature.FPU287 or CpuidFeature.FPU387 => X64EmulatorFeatures.X87,
                CpuidFeature.MMX => X64EmulatorFeatures.Mmx,
                CpuidFeature.SSE or CpuidFeature.SSE2 or CpuidFeature.FXSR => X64EmulatorFeatures.Sse2,
                CpuidFeature.SSE3 or CpuidFeature.SSSE3 or CpuidFeature.SSE4_1 or CpuidFeature.SSE4_2 => X64EmulatorFeatures.Sse42,
                CpuidFeature.XSAVE or CpuidFeature.XSAVEOPT or CpuidFeature.XSAVEC or CpuidFeature.XSAVES => X64EmulatorFeatures.Xsave,
                CpuidFeature.AVX => X64EmulatorFeatures.Avx,
                CpuidFeature.AVX2 => X64EmulatorFeatures.Avx2,
                CpuidFeature.CMPXCHG16B => X64EmulatorFeatures.CompareExchange16,
                CpuidFeature.MOVBE => X64EmulatorFeatures.Movbe,
                CpuidFeature.POPCNT => X64EmulatorFeatures.PopulationCount,
                CpuidFeature.LZCNT => X64EmulatorFeatures.LeadingZeroCount,
                CpuidFeature.BMI1 => X64EmulatorFeatures.Bmi1,
                CpuidFeature.BMI2 => X64EmulatorFeatures.Bmi2,
                CpuidFeature.ADX => X64EmulatorFeatures.Adx,
                CpuidFeature.FSGSBASE => X64EmulatorFeatures.FsGsBase,
                CpuidFeature.SMAP => X64EmulatorFeatures.Smap,
                CpuidFeature.RDTSCP => X64EmulatorFeatures.Rdtscp,
                CpuidFeature.RDPID => X64EmulatorFeatures.Rdpid,
                CpuidFeature.RDRAND => X64EmulatorFeatures.Rdrand,
                CpuidFeature.RDSEED => X64EmulatorFeatures.Rdseed,
                CpuidFeature.INVPCID => X64EmulatorFeatures.Pcid,
                CpuidFeature.CLFLUSHOPT or CpuidFeature.CLWB => X64EmulatorFeatures.CacheLineFlush,
                _ => X64EmulatorFeatures.None,
            };
        }

        return all;
    }

    private static bool[] EndsOfBlocks()
    {
        bool[] ends = new bool[CodeCount];
        for (int i = 0; i < ends.Length; i++)
        {
            ends[i] = ((Code)i).Mnemonic() is Mnemonic.Lgdt or Mnemonic.Lidt or Mnemonic.Lldt or Mnemonic.Ltr or Mnemonic.Lmsw or Mnemonic.Clts
                or Mnemonic.Wrmsr or Mnemonic.Invlpg or Mnemonic.Invpcid or Mnemonic.Invd or Mnemonic.Wbinvd or Mnemonic.Swapgs
                or Mnemonic.Sti or Mnemonic.Cli or Mnemonic.Popf or Mnemonic.Popfd or Mnemonic.Popfq or Mnemonic.Hlt
                or Mnemonic.Stac or Mnemonic.Clac or Mnemonic.Xsetbv or Mnemonic.Lss or Mnemonic.Cpuid or Mnemonic.Mfence or Mnemonic.Serialize;
        }

        // Moves to control, debug and segment registers change how all that follows is seen.
        foreach (Code code in new[]
        {
            Code.Mov_cr_r32, Code.Mov_cr_r64, Code.Mov_dr_r32, Code.Mov_dr_r64, Code.Mov_Sreg_rm16, Code.Mov_Sreg_r32m16, Code.Mov_Sreg_r64m16,
            Code.Popw_SS, Code.Popd_SS, Code.Popw_DS, Code.Popd_DS, Code.Popw_ES, Code.Popd_ES,
        })
        {
            ends[(int)code] = true;
        }

        return ends;
    }

    /// <summary>What the decoder keeps to itself.</summary>
    private static class IcedConstants
    {
        internal static Code LastCode { get; } = Enum.GetValues<Code>().Max();
    }
}
