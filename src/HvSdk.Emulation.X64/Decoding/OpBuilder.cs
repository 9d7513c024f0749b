using Iced.Intel;

namespace HvSdk.Emulation;

/// <summary>Makes an <see cref="Op"/> of an instruction that was decoded at address 0.</summary>
internal static class OpBuilder
{
    internal static void Build(in Instruction instruction, X64EmulatorFeatures features, out Op op)
    {
        Code code = InstructionSet.Effective(instruction.Code, features);
        op = default;
        op.Code = code;
        op.Length = (byte)instruction.Length;
        op.Base = op.Index = RegisterIndex.None;
        op.Reg0 = op.Reg1 = op.Reg2 = op.Reg3 = RegisterIndex.None;
        op.Flags = Flags(instruction);

        bool hasMemory = false;
        for (int i = 0; i < instruction.OpCount; i++)
        {
            hasMemory |= Operand(instruction, i, ref op);
        }

        if (op.Size == 0)
        {
            op.Size = InstructionSet.ImplicitSize(code);
        }

        if (op.AddressSize == 0)
        {
            op.AddressSize = AddressSizeOf(code, instruction);
        }

        op.AddressMask = Sizes.Mask(op.AddressSize);
        op.Mask = Sizes.Mask(op.Size);
        op.SignShift = (byte)((Math.Max((int)op.Size, 1) * 8) - 1);
        op.Keep = op.Size switch { 1 => ~(0xFFUL << op.Shift0), 2 => ~0xFFFFUL, _ => 0 };
        op.Handler = InstructionSet.Handler(code, hasMemory, features);
    }

    private static OpFlags Flags(in Instruction instruction)
    {
        OpFlags flags = OpFlags.None;
        if (instruction.HasLockPrefix)
        {
            flags |= OpFlags.Lock;
        }

        if (instruction.HasRepPrefix)
        {
            flags |= OpFlags.Repeat;
        }

        if (instruction.HasRepnePrefix)
        {
            flags |= OpFlags.RepeatNotEqual;
        }

        if (instruction.FlowControl != FlowControl.Next || InstructionSet.EndsBlock(instruction.Code))
        {
            flags |= OpFlags.EndsBlock;
        }

        return flags;
    }

    private static bool Operand(in Instruction instruction, int index, ref Op op)
    {
        OpKind kind = instruction.GetOpKind(index);
        switch (kind)
        {
            case OpKind.Register:
                Register register = instruction.GetOpRegister(index);
                SetRegister(ref op, index, register);
                return false;

            case OpKind.NearBranch16 or OpKind.NearBranch32 or OpKind.NearBranch64:
                Set(ref op, index, OperandKind.Branch, RegisterIndex.None, (byte)(kind switch { OpKind.NearBranch16 => 2, OpKind.NearBranch32 => 4, _ => 8 }), 0);
                op.Immediate = instruction.NearBranchTarget;
                return false;

            case OpKind.FarBranch16 or OpKind.FarBranch32:
                Set(ref op, index, OperandKind.Immediate, RegisterIndex.None, (byte)(kind == OpKind.FarBranch16 ? 2 : 4), 0);
                op.Immediate = kind == OpKind.FarBranch16 ? instruction.FarBranch16 : instruction.FarBranch32;
                op.Immediate2 = instruction.FarBranchSelector;
                return false;

            case OpKind.Immediate8_2nd:
                op.Immediate2 = instruction.Immediate8_2nd;
                Set(ref op, index, OperandKind.Immediate, RegisterIndex.None, 1, 0);
                return false;

            case OpKind.Immediate8 or OpKind.Immediate16 or OpKind.Immediate32 or OpKind.Immediate64
                or OpKind.Immediate8to16 or OpKind.Immediate8to32 or OpKind.Immediate8to64 or OpKind.Immediate32to64:
                op.Immediate = instruction.GetImmediate(index);
                Set(ref op, index, OperandKind.Immediate, RegisterIndex.None, ImmediateSize(kind), 0);
                return false;

            default:
                SetMemory(instruction, index, kind, ref op);
                return true;
        }
    }

    private static byte ImmediateSize(OpKind kind) => kind switch
    {
        OpKind.Immediate8 => 1,
        OpKind.Immediate16 or OpKind.Immediate8to16 => 2,
        OpKind.Immediate32 or OpKind.Immediate8to32 => 4,
        _ => 8,
    };

    private static void SetRegister(ref Op op, int index, Register register)
    {
        int number = register.GetNumber();
        if (register.IsGPR8())
        {
            // AH, CH, DH, BH are numbers 4 to 7 of the encoding without REX; with it those are SPL to DIL.
            bool high = register is >= Register.AH and <= Register.BH;
            Set(ref op, index, OperandKind.Register, (byte)ByteRegister(register), 1, (byte)(high ? 8 : 0));
            return;
        }

        OperandKind kind =
            register.IsGPR() ? OperandKind.Register
            : register.IsSegmentRegister() ? OperandKind.Segment
            : register.IsCR() ? OperandKind.Control
            : register.IsDR() ? OperandKind.Debug
            : register.IsMM() ? OperandKind.Mmx
            : register.IsVectorRegister() ? OperandKind.Vector
            : register.IsST() ? OperandKind.X87
            : register.IsK() ? OperandKind.Mask
            : OperandKind.Other;
        Set(ref op, index, kind, (byte)number, (byte)register.GetSize(), 0);
    }

    private static int ByteRegister(Register register) => register switch
    {
        >= Register.AH and <= Register.BH => register - Register.AH,
        >= Register.SPL and <= Register.R15L => register - Register.SPL + 4,
        _ => register - Register.AL,
    };

    private static void SetMemory(in Instruction instruction, int index, OpKind kind, ref Op op)
    {
        int size = instruction.MemorySize.GetSize();
        op.MemorySize = (byte)Math.Min(size, byte.MaxValue);
        Set(ref op, index, OperandKind.Memory, RegisterIndex.None, op.MemorySize, 0);
        switch (kind)
        {
            case OpKind.Memory:
                op.Segment = SegmentOf(instruction);
                op.Displacement = instruction.MemoryDisplacement64;
                op.Scale = (byte)System.Numerics.BitOperations.Log2((uint)instruction.MemoryIndexScale);
                op.AddressSize = AddressSizeOf(instruction);
                if (instruction.MemoryBase is Register.RIP or Register.EIP)
                {
                    op.Base = RegisterIndex.Rip;
                }
                else if (instruction.MemoryBase != Register.None)
                {
                    op.Base = (byte)instruction.MemoryBase.GetNumber();
                }

                if (instruction.MemoryIndex != Register.None && !instruction.MemoryIndex.IsVectorRegister())
                {
                    op.Index = (byte)instruction.MemoryIndex.GetNumber();
                }

                break;

            // The implicit operands of string instructions, XLAT-like moves and MASKMOV.
            case OpKind.MemorySegSI or OpKind.MemorySegDI:
                Implicit(instruction, ref op, 2);
                break;
            case OpKind.MemorySegESI or OpKind.MemorySegEDI:
                Implicit(instruction, ref op, 4);
                break;
            case OpKind.MemorySegRSI or OpKind.MemorySegRDI:
                Implicit(instruction, ref op, 8);
                break;
            case OpKind.MemoryESDI:
                op.AddressSize = 2;
                break;
            case OpKind.MemoryESEDI:
                op.AddressSize = 4;
                break;
            default:
                op.AddressSize = 8;
                break;
        }
    }

    private static void Implicit(in Instruction instruction, ref Op op, byte addressSize)
    {
        op.AddressSize = addressSize;
        op.Segment = SegmentOf(instruction);
    }

    /// <summary>The segment of a memory operand. In 64-bit mode the overrides of ES, CS, SS and DS mean nothing: a fault is #SS where the base is the stack's.</summary>
    private static byte SegmentOf(in Instruction instruction)
    {
        Register segment = instruction.MemorySegment;
        if (instruction.CodeSize == CodeSize.Code64 && segment is not (Register.FS or Register.GS))
        {
            segment = instruction.MemoryBase is Register.RSP or Register.RBP or Register.ESP or Register.EBP ? Register.SS : Register.DS;
        }

        return (byte)segment.GetNumber();
    }

    private static byte AddressSizeOf(in Instruction instruction)
    {
        Register register = instruction.MemoryBase != Register.None ? instruction.MemoryBase : instruction.MemoryIndex;
        return register switch
        {
            Register.None => (byte)Math.Max(instruction.MemoryDisplSize, 2),
            Register.RIP => 8,
            Register.EIP => 4,
            _ when register.IsVectorRegister() => (byte)Math.Max(instruction.MemoryDisplSize, 4),
            _ => (byte)register.GetSize(),
        };
    }

    /// <summary>Instructions without a memory operand whose counter or pointer still has the size of an address: LOOP, JCXZ.</summary>
    private static byte AddressSizeOf(Code code, in Instruction instruction)
    {
        _ = instruction;
        return InstructionSet.CounterSize(code);
    }

    private static void Set(ref Op op, int index, OperandKind kind, byte register, byte size, byte shift)
    {
        switch (index)
        {
            case 0:
                (op.Kind0, op.Reg0, op.Size, op.Shift0) = (kind, register, size, shift);
                break;
            case 1:
                (op.Kind1, op.Reg1, op.Size1, op.Shift1) = (kind, register, size, shift);
                break;
            case 2:
                (op.Kind2, op.Reg2) = (kind, register);
                break;
            case 3:
                (op.Kind3, op.Reg3) = (kind, register);
                break;
        }
    }
}
