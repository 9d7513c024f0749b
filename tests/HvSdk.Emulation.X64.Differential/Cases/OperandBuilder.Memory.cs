using Iced.Intel;

namespace HvSdk.Emulation.Differential;

/// <content>Memory operands.</content>
internal sealed partial class OperandBuilder
{
    private void SetMemory(ref RandomSource random, ref Instruction instruction, OpCodeInfo opCode, int index)
    {
        instruction.SetOpKind(index, OpKind.Memory);
        ulong segmentBase = 0;
        if (random.Chance(8))
        {
            Register segment = random.Pick<Register>(s_seg);
            instruction.SegmentPrefix = segment;
            segmentBase = segment switch { Register.FS => test.FsBase, Register.GS => test.GsBase, _ => 0 };
        }

        if (_addressSize == 16)
        {
            SetMemory16(ref random, ref instruction);
            return;
        }

        ulong target = TargetAddress(ref random, opCode) - segmentBase;
        if (_machine.Bitness == 64 && random.Chance(15))
        {
            instruction.MemoryBase = _addressSize == 64 ? Register.RIP : Register.EIP;
            instruction.MemoryDisplacement64 = _addressSize == 64 ? target : (uint)target;
            instruction.MemoryDisplSize = _addressSize / 8;
            return;
        }

        if (random.Chance(8))
        {
            instruction.MemoryDisplacement64 = _addressSize == 64 ? target : (uint)target;
            instruction.MemoryDisplSize = _addressSize / 8;
            return;
        }

        Register pointer = Pointer(ref random);
        instruction.MemoryBase = Sized(pointer);
        ulong sum = ValueOf(pointer);
        if (random.Chance(35))
        {
            int scale = 1 << random.Below(4);
            Register indexRegister = IndexRegister(ref random);
            instruction.MemoryIndex = Sized(indexRegister);
            instruction.MemoryIndexScale = scale;
            sum += ValueOf(indexRegister) * (ulong)scale;
        }

        // Where the displacement cannot reach, the operand is where the registers point; so it is now and then in any case.
        long displacement = (long)(target - sum);
        if (_addressSize == 32)
        {
            displacement = (int)displacement;
        }

        if (displacement != (int)displacement || random.Chance(15))
        {
            displacement = random.Below(64) - 32;
        }

        instruction.MemoryDisplacement64 = _addressSize == 64 ? (ulong)displacement : (uint)displacement;
        instruction.MemoryDisplSize = displacement == (sbyte)displacement ? 1 : _addressSize / 8;
    }

    private void SetMemory16(ref RandomSource random, ref Instruction instruction)
    {
        (Register memoryBase, Register index) = random.Below(9) switch
        {
            0 => (Register.BX, Register.SI),
            1 => (Register.BX, Register.DI),
            2 => (Register.BP, Register.SI),
            3 => (Register.BP, Register.DI),
            4 => (Register.SI, Register.None),
            5 => (Register.DI, Register.None),
            6 => (Register.BP, Register.None),
            7 => (Register.BX, Register.None),
            _ => (Register.None, Register.None),
        };
        ulong target = CaseGenerator.Place(ref random);
        ulong sum = memoryBase == Register.None ? 0 : ValueOf(memoryBase.GetFullRegister());
        sum += index == Register.None ? 0 : ValueOf(index.GetFullRegister());
        instruction.MemoryBase = memoryBase;
        instruction.MemoryIndex = index;
        instruction.MemoryDisplacement64 = (ushort)(target - sum);
        instruction.MemoryDisplSize = 2;
    }

    private void SetVectorMemory(ref RandomSource random, ref Instruction instruction, int index, OpCodeOperandKind kind)
    {
        bool isYmm = kind is OpCodeOperandKind.mem_vsib32y or OpCodeOperandKind.mem_vsib64y;
        instruction.SetOpKind(index, OpKind.Memory);
        instruction.MemoryBase = Sized(Pointer(ref random));
        instruction.MemoryIndex = (isYmm ? Register.YMM0 : Register.XMM0) + random.Below(_machine.Bitness == 64 ? 16 : 8);
        instruction.MemoryIndexScale = 1 << random.Below(4);
    }

    private void SetOffset(ref RandomSource random, ref Instruction instruction, int index)
    {
        ulong target = MachineMap.Arena - _machine.DataBase + CaseGenerator.Place(ref random);
        instruction.SetOpKind(index, OpKind.Memory);
        instruction.MemoryDisplacement64 = _addressSize == 16 ? (ushort)target : target;
        instruction.MemoryDisplSize = _addressSize / 8;
    }

    private void SetImplicitMemory(ref RandomSource random, ref Instruction instruction, int index, OpCodeOperandKind kind)
    {
        if (kind == OpCodeOperandKind.seg_rBX_al)
        {
            instruction.SetOpKind(index, OpKind.Memory);
            instruction.MemoryBase = Sized(Register.RBX);
            instruction.MemoryIndex = Register.AL;
            return;
        }

        instruction.SetOpKind(index, (kind, _addressSize) switch
        {
            (OpCodeOperandKind.seg_rSI, 16) => OpKind.MemorySegSI,
            (OpCodeOperandKind.seg_rSI, 32) => OpKind.MemorySegESI,
            (OpCodeOperandKind.seg_rSI, _) => OpKind.MemorySegRSI,
            (OpCodeOperandKind.es_rDI, 16) => OpKind.MemoryESDI,
            (OpCodeOperandKind.es_rDI, 32) => OpKind.MemoryESEDI,
            (OpCodeOperandKind.es_rDI, _) => OpKind.MemoryESRDI,
            (_, 16) => OpKind.MemorySegDI,
            (_, 32) => OpKind.MemorySegEDI,
            _ => OpKind.MemorySegRDI,
        });
        if (kind != OpCodeOperandKind.es_rDI && random.Chance(15))
        {
            instruction.SegmentPrefix = random.Pick<Register>(s_seg);
        }
    }

    // Operands of SSE that must be aligned mostly are.
    private ulong TargetAddress(ref RandomSource random, OpCodeInfo opCode)
    {
        ulong address = MachineMap.Arena - _machine.DataBase + CaseGenerator.Place(ref random);
        return opCode.MemorySize.GetSize() >= 16 && random.Chance(70) ? address & ~0x3FUL : address;
    }

    private Register Pointer(ref RandomSource random)
    {
        Register pointer = random.Pick<Register>(_machine.Bitness == 64 ? s_pointers64 : s_pointers32);
        for (int i = 0; i < 4 && _written.Contains(pointer); i++)
        {
            pointer = random.Pick<Register>(_machine.Bitness == 64 ? s_pointers64 : s_pointers32);
        }

        return pointer;
    }

    private Register IndexRegister(ref RandomSource random)
    {
        if (_machine.Bitness == 64)
        {
            return random.Chance(60) ? random.Pick<Register>([Register.R9, Register.R14]) : Register.RAX + random.Pick<int>([0, 1, 2, 8, 10, 11, 15]);
        }

        return random.Pick<Register>([Register.RAX, Register.RCX, Register.RCX, Register.RDX]);
    }

    private Register Sized(Register register) => _addressSize switch
    {
        64 => register,
        32 => Register.EAX + (register - Register.RAX),
        _ => Register.AX + (register - Register.RAX),
    };

    private ulong ValueOf(Register register)
    {
        X64Registers registers = test.Registers;
        return register switch
        {
            Register.RAX => registers.Rax,
            Register.RBX => registers.Rbx,
            Register.RCX => registers.Rcx,
            Register.RDX => registers.Rdx,
            Register.RSI => registers.Rsi,
            Register.RDI => registers.Rdi,
            Register.RBP => registers.Rbp,
            Register.RSP => registers.Rsp,
            Register.R8 => registers.R8,
            Register.R9 => registers.R9,
            Register.R10 => registers.R10,
            Register.R11 => registers.R11,
            Register.R12 => registers.R12,
            Register.R13 => registers.R13,
            Register.R14 => registers.R14,
            _ => registers.R15,
        };
    }
}
