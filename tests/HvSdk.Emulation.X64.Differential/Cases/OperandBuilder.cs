using Iced.Intel;

namespace HvSdk.Emulation.Differential;

/// <summary>Gives an instruction random operands that suit the case's registers.</summary>
internal sealed partial class OperandBuilder(TestCase test)
{
    private static readonly Register[] s_pointers64 = [Register.RBX, Register.RSI, Register.RDI, Register.RBP, Register.R12, Register.R13, Register.RSP];
    private static readonly Register[] s_pointers32 = [Register.RBX, Register.RSI, Register.RDI, Register.RBP, Register.RSP];
    private static readonly Register[] s_seg = [Register.ES, Register.CS, Register.SS, Register.DS, Register.FS, Register.GS];

    private readonly Machine _machine = Machine.Of(test.Mode);
    private readonly HashSet<Register> _written = [];
    private int _addressSize;

    /// <summary>Registers that an instruction wrote are no pointers any more.</summary>
    public void Forget(in InstructionInfo info)
    {
        foreach (UsedRegister used in info.GetUsedRegisters())
        {
            if (used.Access is not (OpAccess.Read or OpAccess.CondRead) && used.Register.IsGPR())
            {
                _written.Add(used.Register.GetFullRegister());
            }
        }
    }

    /// <summary>Makes an instruction of this encoding. It may still turn out not to be encodable.</summary>
    public bool TryBuild(ref RandomSource random, Code code, out Instruction instruction)
    {
        OpCodeInfo opCode = code.ToOpCode();
        instruction = default;
        instruction.Code = code;
        instruction.CodeSize = _machine.Bitness switch { 64 => CodeSize.Code64, 32 => CodeSize.Code32, _ => CodeSize.Code16 };
        _addressSize = ChooseAddressSize(ref random, opCode);
        for (int i = 0; i < opCode.OpCount; i++)
        {
            if (!TrySet(ref random, ref instruction, opCode, i, opCode.GetOpKind(i)))
            {
                return false;
            }
        }

        AddPrefixes(ref random, ref instruction, opCode);
        return true;
    }

    private int ChooseAddressSize(ref RandomSource random, OpCodeInfo opCode)
    {
        if (opCode.AddressSize != 0)
        {
            return opCode.AddressSize;
        }

        int other = _machine.Bitness == 32 ? 16 : 32;

        // 16-bit addresses reach the arena only where its segments have a base.
        return random.Chance(_machine.Bitness == 32 ? 3 : 10) ? other : _machine.Bitness;
    }

    private static void AddPrefixes(ref RandomSource random, ref Instruction instruction, OpCodeInfo opCode)
    {
        if (opCode.CanUseRepPrefix && random.Chance(60))
        {
            instruction.HasRepPrefix = true;
        }
        else if (opCode.CanUseRepnePrefix && random.Chance(60))
        {
            instruction.HasRepnePrefix = true;
        }

        if (opCode.CanUseLockPrefix && instruction.Op0Kind == OpKind.Memory && random.Chance(25))
        {
            instruction.HasLockPrefix = true;
        }
    }

    private bool TrySet(ref RandomSource random, ref Instruction instruction, OpCodeInfo opCode, int index, OpCodeOperandKind kind)
    {
        switch (kind)
        {
            case OpCodeOperandKind.mem or OpCodeOperandKind.mem_mib:
                SetMemory(ref random, ref instruction, opCode, index);
                return true;
            case OpCodeOperandKind.mem_offs:
                SetOffset(ref random, ref instruction, index);
                return true;
            case >= OpCodeOperandKind.mem_vsib32x and <= OpCodeOperandKind.mem_vsib64y:
                SetVectorMemory(ref random, ref instruction, index, kind);
                return true;
            case >= OpCodeOperandKind.imm4_m2z and <= OpCodeOperandKind.imm64:
                SetImmediate(ref random, ref instruction, index, kind);
                return true;
            case >= OpCodeOperandKind.seg_rSI and <= OpCodeOperandKind.seg_rBX_al:
                SetImplicitMemory(ref random, ref instruction, index, kind);
                return true;
            case >= OpCodeOperandKind.br16_1 and <= OpCodeOperandKind.br64_4:
                instruction.SetOpKind(index, kind switch
                {
                    OpCodeOperandKind.br16_1 or OpCodeOperandKind.br16_2 => OpKind.NearBranch16,
                    OpCodeOperandKind.br32_1 or OpCodeOperandKind.br32_4 => OpKind.NearBranch32,
                    _ => OpKind.NearBranch64,
                });
                return true;
        }

        if (RegisterOf(ref random, kind) is not { } register)
        {
            return false;
        }

        bool mayBeMemory = kind is >= OpCodeOperandKind.r8_or_mem and <= OpCodeOperandKind.ymm_or_mem;
        if (mayBeMemory && random.Chance(50))
        {
            SetMemory(ref random, ref instruction, opCode, index);
        }
        else
        {
            instruction.SetOpKind(index, OpKind.Register);
            instruction.SetOpRegister(index, register);
        }

        return true;
    }

    private Register? RegisterOf(ref RandomSource random, OpCodeOperandKind kind)
    {
        int count = _machine.Bitness == 64 ? 16 : 8;
        switch (kind)
        {
            case OpCodeOperandKind.r8_or_mem or OpCodeOperandKind.r8_reg or OpCodeOperandKind.r8_opcode:
                return Register.AL + random.Below(_machine.Bitness == 64 ? 20 : 8);
            case OpCodeOperandKind.r16_or_mem or OpCodeOperandKind.r16_reg or OpCodeOperandKind.r16_reg_mem or OpCodeOperandKind.r16_rm or OpCodeOperandKind.r16_opcode:
                return Register.AX + Number(ref random, count);
            case >= OpCodeOperandKind.r32_reg and <= OpCodeOperandKind.r32_vvvv or OpCodeOperandKind.r32_or_mem:
                return Register.EAX + Number(ref random, count);
            case >= OpCodeOperandKind.r64_reg and <= OpCodeOperandKind.r64_vvvv or OpCodeOperandKind.r64_or_mem:
                return Register.RAX + Number(ref random, count);
            case OpCodeOperandKind.mm_reg or OpCodeOperandKind.mm_rm or OpCodeOperandKind.mm_or_mem:
                return Register.MM0 + random.Below(8);
            case OpCodeOperandKind.xmm_or_mem or OpCodeOperandKind.xmm_reg or OpCodeOperandKind.xmm_rm or OpCodeOperandKind.xmm_vvvv or OpCodeOperandKind.xmm_is4 or OpCodeOperandKind.xmm_is5:
                return Register.XMM0 + random.Below(count);
            case OpCodeOperandKind.ymm_or_mem or OpCodeOperandKind.ymm_reg or OpCodeOperandKind.ymm_rm or OpCodeOperandKind.ymm_vvvv or OpCodeOperandKind.ymm_is4 or OpCodeOperandKind.ymm_is5:
                return Register.YMM0 + random.Below(count);
            case OpCodeOperandKind.seg_reg:
                return random.Pick<Register>(s_seg);
            case OpCodeOperandKind.cr_reg:
                return Register.CR0 + random.Below(5);
            case OpCodeOperandKind.dr_reg:
                return Register.DR0 + random.Below(8);
            case OpCodeOperandKind.sti_opcode:
                return Register.ST0 + random.Below(8);
            default:
                return FixedRegister(kind);
        }
    }

    private static Register? FixedRegister(OpCodeOperandKind kind) => kind switch
    {
        OpCodeOperandKind.es => Register.ES,
        OpCodeOperandKind.cs => Register.CS,
        OpCodeOperandKind.ss => Register.SS,
        OpCodeOperandKind.ds => Register.DS,
        OpCodeOperandKind.fs => Register.FS,
        OpCodeOperandKind.gs => Register.GS,
        OpCodeOperandKind.al => Register.AL,
        OpCodeOperandKind.cl => Register.CL,
        OpCodeOperandKind.ax => Register.AX,
        OpCodeOperandKind.dx => Register.DX,
        OpCodeOperandKind.eax => Register.EAX,
        OpCodeOperandKind.rax => Register.RAX,
        OpCodeOperandKind.st0 => Register.ST0,
        _ => null,
    };

    // The pointers and the stack pointer are spared as a rule, or every case would end with its second instruction.
    private static int Number(ref RandomSource random, int count)
    {
        while (true)
        {
            int number = random.Below(count);
            if (number is not (3 or 4 or 5 or 6 or 7) || random.Chance(number == 4 ? 10 : 40))
            {
                return number;
            }
        }
    }

    private static void SetImmediate(ref RandomSource random, ref Instruction instruction, int index, OpCodeOperandKind kind)
    {
        ulong value = InterestingValues.Register(ref random);
        (OpKind operand, long immediate) = kind switch
        {
            OpCodeOperandKind.imm8_const_1 => (OpKind.Immediate8, 1L),
            OpCodeOperandKind.imm8 => (instruction.Op0Kind == OpKind.Immediate16 && index == 1 ? OpKind.Immediate8_2nd : OpKind.Immediate8, (byte)value),
            OpCodeOperandKind.imm8sex16 => (OpKind.Immediate8to16, (sbyte)value),
            OpCodeOperandKind.imm8sex32 => (OpKind.Immediate8to32, (sbyte)value),
            OpCodeOperandKind.imm8sex64 => (OpKind.Immediate8to64, (sbyte)value),
            OpCodeOperandKind.imm16 => (OpKind.Immediate16, (ushort)value),
            OpCodeOperandKind.imm32 => (OpKind.Immediate32, (uint)value),
            OpCodeOperandKind.imm32sex64 => (OpKind.Immediate32to64, (int)value),
            OpCodeOperandKind.imm64 => (OpKind.Immediate64, (long)value),
            _ => (OpKind.Immediate8, (long)(value & 3)),
        };
        if (instruction.Mnemonic == Mnemonic.Enter)
        {
            immediate &= index == 0 ? 0xFF : 0x1F;
        }

        instruction.SetOpKind(index, operand);
        if (operand == OpKind.Immediate8_2nd)
        {
            instruction.Immediate8_2nd = (byte)immediate;
        }
        else
        {
            instruction.SetImmediate(index, immediate);
        }
    }
}
