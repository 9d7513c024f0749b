using Iced.Intel;

namespace HvSdk.Emulation.Differential;

/// <summary>What a system instruction is prepared with.</summary>
internal enum SystemInput
{
    /// <summary>A selector in a register or in memory.</summary>
    Selector,

    /// <summary>A selector that SS, DS, ES, FS or GS is loaded with, from the stack or from a far pointer too.</summary>
    SegmentLoad,

    /// <summary>The target of a far jump or call.</summary>
    FarTarget,

    /// <summary>A frame on the stack.</summary>
    Frame,

    /// <summary>A vector.</summary>
    Interrupt,

    /// <summary>Registers that SYSRET and SYSEXIT return with.</summary>
    SystemCall,

    /// <summary>Limit and base of a descriptor table.</summary>
    Table,

    /// <summary>A control or debug register.</summary>
    Control,

    /// <summary>Index and value of a model-specific register.</summary>
    Msr,

    /// <summary>A port.</summary>
    Port,

    /// <summary>An image of x87, SSE and AVX state.</summary>
    VectorState,

    /// <summary>Flags on the stack.</summary>
    Flags,

    /// <summary>A leaf of CPUID.</summary>
    Identification,

    /// <summary>Nothing: an ordinary access, which segments and page tables decide on.</summary>
    Access,
}

/// <summary>The instructions of system cases, by what they are prepared with.</summary>
internal sealed class SystemPool
{
    private static readonly (SystemInput Input, int Weight, Mnemonic[] Mnemonics)[] s_groups =
    [
        (SystemInput.Selector, 10, [Mnemonic.Lldt, Mnemonic.Ltr, Mnemonic.Lar, Mnemonic.Lsl, Mnemonic.Verr, Mnemonic.Verw, Mnemonic.Arpl]),
        (SystemInput.SegmentLoad, 14, [Mnemonic.Lds, Mnemonic.Les, Mnemonic.Lfs, Mnemonic.Lgs, Mnemonic.Lss]),
        (SystemInput.FarTarget, 12, []),
        (SystemInput.Frame, 14, [Mnemonic.Iret, Mnemonic.Iretd, Mnemonic.Iretq, Mnemonic.Retf]),
        (SystemInput.Interrupt, 10, [Mnemonic.Int, Mnemonic.Int3, Mnemonic.Into, Mnemonic.Int1]),
        (SystemInput.SystemCall, 8, [Mnemonic.Syscall, Mnemonic.Sysret, Mnemonic.Sysretq, Mnemonic.Sysenter, Mnemonic.Sysexit, Mnemonic.Sysexitq, Mnemonic.Swapgs]),
        (SystemInput.Table, 8, [Mnemonic.Lgdt, Mnemonic.Lidt, Mnemonic.Sgdt, Mnemonic.Sidt, Mnemonic.Sldt, Mnemonic.Str]),
        (SystemInput.Control, 12, [Mnemonic.Lmsw, Mnemonic.Smsw, Mnemonic.Clts, Mnemonic.Invlpg, Mnemonic.Xgetbv, Mnemonic.Xsetbv]),
        (SystemInput.Msr, 5, [Mnemonic.Rdmsr, Mnemonic.Wrmsr]),
        (SystemInput.Port, 6, [Mnemonic.In, Mnemonic.Out, Mnemonic.Insb, Mnemonic.Insw, Mnemonic.Insd, Mnemonic.Outsb, Mnemonic.Outsw, Mnemonic.Outsd]),
        (SystemInput.VectorState, 6, [
            Mnemonic.Fxsave, Mnemonic.Fxsave64, Mnemonic.Fxrstor, Mnemonic.Fxrstor64, Mnemonic.Xsave, Mnemonic.Xsave64, Mnemonic.Xsaveopt, Mnemonic.Xsaveopt64,
            Mnemonic.Xsavec, Mnemonic.Xsavec64, Mnemonic.Xrstor, Mnemonic.Xrstor64, Mnemonic.Ldmxcsr, Mnemonic.Stmxcsr, Mnemonic.Frstor, Mnemonic.Fldenv]),
        (SystemInput.Flags, 4, [Mnemonic.Popf, Mnemonic.Popfd, Mnemonic.Popfq, Mnemonic.Pushf, Mnemonic.Pushfd, Mnemonic.Pushfq, Mnemonic.Cli, Mnemonic.Sti, Mnemonic.Stac, Mnemonic.Clac]),
        (SystemInput.Identification, 4, [Mnemonic.Cpuid]),
        (SystemInput.Access, 10, []),
    ];

    private static readonly Code[] s_far =
    [
        Code.Jmp_ptr1616, Code.Jmp_ptr1632, Code.Call_ptr1616, Code.Call_ptr1632,
        Code.Jmp_m1616, Code.Jmp_m1632, Code.Jmp_m1664, Code.Call_m1616, Code.Call_m1632, Code.Call_m1664,
    ];

    private static readonly Code[] s_accesses =
    [
        Code.Mov_rm8_r8, Code.Mov_r8_rm8, Code.Mov_rm16_r16, Code.Mov_r16_rm16, Code.Mov_rm32_r32, Code.Mov_r32_rm32, Code.Mov_rm64_r64, Code.Mov_r64_rm64,
        Code.Add_rm32_r32, Code.Add_r32_rm32, Code.Xchg_rm32_r32, Code.Cmpxchg_rm32_r32, Code.Cmpxchg8b_m64, Code.Push_rm32, Code.Push_rm64, Code.Push_rm16,
        Code.Pop_rm32, Code.Pop_rm64, Code.Pop_rm16, Code.Push_r32, Code.Push_r64, Code.Push_r16, Code.Pop_r32, Code.Pop_r64, Code.Pop_r16,
        Code.Movsb_m8_m8, Code.Stosd_m32_EAX, Code.Cmp_rm32_r32, Code.Bts_rm32_imm8, Code.Inc_rm32, Code.Lea_r32_m, Code.Movups_xmm_xmmm128, Code.Movups_xmmm128_xmm,
        Code.Popaw, Code.Popad, Code.Pushaw, Code.Pushad, Code.Leavew, Code.Leaved, Code.Leaveq, Code.Enterw_imm16_imm8, Code.Enterd_imm16_imm8, Code.Enterq_imm16_imm8,
    ];

    private readonly Dictionary<SystemInput, List<Code>> _codes = [];
    private readonly int _weights;

    private SystemPool(MachineMode mode, Func<Code, bool> accepts)
    {
        Mode = mode;
        foreach ((SystemInput input, int weight, Mnemonic[] mnemonics) in s_groups)
        {
            IEnumerable<Code> all = input switch
            {
                SystemInput.FarTarget => s_far,
                SystemInput.Access => s_accesses,
                _ => Enum.GetValues<Code>().Where(code => mnemonics.Contains(code.Mnemonic()) || IsRegisterMove(code, input)),
            };
            List<Code> codes = [.. all.Where(code => IsOfMode(code.ToOpCode(), mode) && accepts(code))];
            if (codes.Count > 0)
            {
                _codes.Add(input, codes);
                _weights += weight;
            }
        }
    }

    /// <summary>The mode.</summary>
    public MachineMode Mode { get; }

    /// <summary>How many encodings there are.</summary>
    public int Count => _codes.Values.Sum(static codes => codes.Count);

    /// <summary>Makes the pool of a mode.</summary>
    public static SystemPool Create(MachineMode mode, Func<Code, bool> accepts) => new(mode, accepts);

    /// <summary>The instructions of a mode that save and load x87, SSE and AVX state.</summary>
    public static Code[] VectorState(MachineMode mode, Func<Code, bool> accepts) => [.. new SystemPool(mode, accepts)._codes[SystemInput.VectorState]];

    /// <summary>Draws an instruction, and what it is prepared with.</summary>
    public (Code Code, SystemInput Input) Draw(ref RandomSource random)
    {
        int place = random.Below(_weights);
        foreach ((SystemInput input, int weight, _) in s_groups)
        {
            if (_codes.TryGetValue(input, out List<Code>? codes) && (place -= weight) < 0)
            {
                return (codes[random.Below(codes.Count)], input);
            }
        }

        throw new InvalidOperationException($"No system instruction of {Mode} is left to make cases from.");
    }

    /// <summary>The instruction has an operand in memory or on the stack, and loads no system register from it.</summary>
    public static bool IsAccess(in Instruction instruction) =>
        Array.IndexOf(s_far, instruction.Code) < 0
        && instruction.Mnemonic is not (Mnemonic.Iret or Mnemonic.Iretd or Mnemonic.Iretq or Mnemonic.Retf or Mnemonic.Int or Mnemonic.Int3 or Mnemonic.Into)
        && (instruction.IsStackInstruction || instruction.MemorySize != MemorySize.Unknown);

    /// <summary>A far jump, call or return.</summary>
    public static bool IsTransfer(Instruction instruction) =>
        Array.IndexOf(s_far, instruction.Code) >= 0 || instruction.Mnemonic is Mnemonic.Iret or Mnemonic.Iretd or Mnemonic.Iretq or Mnemonic.Retf;

    private static bool IsOfMode(OpCodeInfo opCode, MachineMode mode)
    {
        bool isDecoded = Machine.Of(mode).Bitness switch
        {
            64 => opCode.Mode64 && opCode.AmdDecoder64 && opCode.IntelDecoder64,
            32 => opCode.Mode32 && opCode.AmdDecoder32 && opCode.IntelDecoder32,
            _ => opCode.Mode16 && opCode.AmdDecoder16 && opCode.IntelDecoder16,
        };

        // POP CS is the 8086's: all later processors take its byte for the first of an instruction of two bytes.
        return isDecoded && opCode.IsInstruction && opCode.Code != Code.Popw_CS && opCode.DecoderOption == DecoderOptions.None && opCode.Encoding == EncodingKind.Legacy;
    }

    // MOV to and from segment, control and debug registers, POP and PUSH of segment registers.
    private static bool IsRegisterMove(Code code, SystemInput input)
    {
        OpCodeInfo opCode = code.ToOpCode();
        if (opCode.Mnemonic is not (Mnemonic.Mov or Mnemonic.Push or Mnemonic.Pop))
        {
            return false;
        }

        for (int i = 0; i < opCode.OpCount; i++)
        {
            bool isOf = opCode.GetOpKind(i) switch
            {
                OpCodeOperandKind.seg_reg or OpCodeOperandKind.es or OpCodeOperandKind.cs or OpCodeOperandKind.ss or OpCodeOperandKind.ds
                    or OpCodeOperandKind.fs or OpCodeOperandKind.gs => input == SystemInput.SegmentLoad,
                OpCodeOperandKind.cr_reg or OpCodeOperandKind.dr_reg => input == SystemInput.Control,
                _ => false,
            };
            if (isOf)
            {
                return true;
            }
        }

        return false;
    }
}
