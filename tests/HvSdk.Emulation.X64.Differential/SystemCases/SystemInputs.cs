using Iced.Intel;

namespace HvSdk.Emulation.Differential;

/// <summary>Prepares registers and memory for a system instruction, so that it finds something that it can work with, or nearly.</summary>
/// <param name="test">The case.</param>
/// <param name="level">The privilege level that it starts at.</param>
internal sealed partial class SystemInputs(TestCase test, int level)
{
    private const int SystemSizeShift = 9; // 512 bytes: the legacy region of XSAVE

    private const ulong CompactedForm = 1UL << 63; // of XCOMP_BV (SDM vol. 1, 13.4.2)

    private readonly Machine _machine = Machine.Of(test.Mode);
    private readonly OperandBuilder _operands = new(test);

    // Where memory operands of the prepared instruction lie; physical, which is linear but for holes.
    private ulong OperandAddress => _machine.DataBase + test.Registers.Rbx;

    private ulong StackAddress => _machine.DataBase + test.Registers.Rsp;

    /// <summary>Makes an instruction with its operands prepared.</summary>
    /// <returns>Null: it cannot be made.</returns>
    public Instruction? TryPrepare(ref RandomSource random, Code code, SystemInput input)
    {
        Target target = Target.Code(ref random, _machine.IsLong, level, _machine.Bitness);
        if (_machine.Mode == MachineMode.Real16)
        {
            target = RealTarget(ref random);
        }

        if (input == SystemInput.FarTarget)
        {
            target = IsNarrow(code) && _machine.Mode != MachineMode.Real16 ? NarrowTarget(ref random) : target;
            target = ThroughSystem(ref random, target);
        }

        if (code is Code.Jmp_ptr1616 or Code.Jmp_ptr1632 or Code.Call_ptr1616 or Code.Call_ptr1632)
        {
            return Instruction.CreateBranch(code, target.Selector, (uint)target.Offset);
        }

        if (!TryBuild(ref random, code, out Instruction instruction))
        {
            return null;
        }

        switch (input)
        {
            case SystemInput.Selector:
                SetInput(ref random, instruction, Target.AnySelector(ref random, _machine.IsLong, level));
                break;
            case SystemInput.SegmentLoad:
                PrepareSegment(ref random, instruction);
                break;
            case SystemInput.FarTarget:
                int size = instruction.MemorySize.GetSize() - 2;
                Patch(OperandAddress, target.Offset);
                Patch(OperandAddress + (ulong)size, target.Selector);
                break;
            case SystemInput.Frame:
                PrepareFrame(ref random, ref instruction, target);
                break;
            case SystemInput.Interrupt when code == Code.Int_imm8:
                instruction.Immediate8 = (byte)(random.Chance(85) ? SystemMap.FirstVector + random.Below(SystemMap.VectorCount) : random.Below(256));
                break;
            case SystemInput.SystemCall:
                PrepareReturn(ref random, target);
                break;
            case SystemInput.Table:
                PrepareTable(ref random, instruction);
                break;
            case SystemInput.Control:
                PrepareControl(ref random, instruction);
                break;
            case SystemInput.Msr:
                PrepareMsr(ref random);
                break;
            case SystemInput.Port:
                PreparePort(ref random, ref instruction);
                break;
            case SystemInput.VectorState:
                PrepareVectorState(ref random);
                break;
            case SystemInput.Flags:
                Patch(StackAddress, Flags(ref random));
                break;
            case SystemInput.Identification:
                PrepareIdentification(ref random);
                break;
        }

        return instruction;
    }

    /// <summary>Makes an instruction; its memory operand is where RBX points, and its first free register is RAX.</summary>
    public bool TryBuild(ref RandomSource random, Code code, out Instruction instruction)
    {
        if (!_operands.TryBuild(ref random, code, out instruction))
        {
            return false;
        }

        OpCodeInfo opCode = code.ToOpCode();
        for (int i = 0; i < instruction.OpCount; i++)
        {
            OpCodeOperandKind kind = opCode.GetOpKind(i);
            if (instruction.GetOpKind(i) == OpKind.Memory && kind is not OpCodeOperandKind.mem_offs)
            {
                instruction.MemoryBase = _machine.Bitness switch { 64 => Register.RBX, 32 => Register.EBX, _ => Register.BX };
                instruction.MemoryIndex = Register.None;
                instruction.MemoryIndexScale = 1;
                instruction.MemoryDisplacement64 = 0;
                instruction.MemoryDisplSize = 0;
                instruction.SegmentPrefix = random.Chance(6) ? random.Pick<Register>([Register.ES, Register.SS, Register.CS, Register.FS, Register.GS]) : Register.None;
            }
            else if (instruction.GetOpKind(i) == OpKind.Register && instruction.GetOpRegister(i) == Register.CR1)
            {
                return false; // whether #UD or #GP comes first is each processor's own affair
            }
            else if (instruction.GetOpKind(i) == OpKind.Register && random.Chance(90))
            {
                Register register = instruction.GetOpRegister(i);
                bool isInput = kind is OpCodeOperandKind.r16_or_mem or OpCodeOperandKind.r32_or_mem or OpCodeOperandKind.r64_or_mem or OpCodeOperandKind.r32_rm or OpCodeOperandKind.r64_rm
                    or OpCodeOperandKind.r32_reg or OpCodeOperandKind.r64_reg or OpCodeOperandKind.r16_rm;
                if (isInput && register.IsGPR())
                {
                    instruction.SetOpRegister(i, register.GetSize() switch { 8 => Register.RAX, 4 => Register.EAX, _ => Register.AX });
                }
            }
        }

        return true;
    }

    private static Target RealTarget(ref RandomSource random)
    {
        ulong offset = (ulong)(2 * random.Below(64));
        return random.Below(8) switch
        {
            < 5 => new((ushort)(MachineMap.Landing >> 4), offset),
            5 or 6 => new((ushort)(MachineMap.Code >> 4), MachineMap.Landing - MachineMap.Code + offset),
            _ => new((ushort)(MachineMap.Landing >> 4), 0x1_0000 | offset),
        };
    }

    private static bool IsNarrow(Code code) => code is Code.Jmp_ptr1616 or Code.Call_ptr1616 or Code.Jmp_m1616 or Code.Call_m1616;

    // An offset of 16 bits reaches what ends cases in code with a base alone.
    private Target NarrowTarget(ref RandomSource random)
    {
        int outward = random.Chance(60) ? level : level + random.Below(4 - level);
        return new(Target.Level(LevelSegment.Code16, outward, outward), MachineMap.Landing - MachineMap.Code + (ulong)(2 * random.Below(64)));
    }

    // Call gates, TSS descriptors and what else there is.
    private Target ThroughSystem(ref RandomSource random, Target target) =>
        random.Chance(35) && _machine.Mode != MachineMode.Real16
            ? new((ushort)((SystemMap.Systems + (16 * random.Below(SystemMap.SystemCount))) | (random.Chance(60) ? level : random.Below(4))), target.Offset)
            : target;

    private void SetInput(ref RandomSource random, in Instruction instruction, ulong value)
    {
        Patch(OperandAddress, value | (random.Next() << 16));
        test.Registers = test.Registers with { Rax = Narrow(value | (random.Chance(50) ? random.Next() << 16 : 0)) };
    }

    private ulong Narrow(ulong value) => _machine.Bitness == 64 ? value : (uint)value;

    private void PrepareSegment(ref RandomSource random, in Instruction instruction)
    {
        ushort selector = _machine.Mode == MachineMode.Real16 ? (ushort)random.Pick<int>([0x1400, 0x1000, 0, 0xFFFF, 0x1800]) : Target.AnyData(ref random, level);
        test.Registers = test.Registers with { Rax = Narrow(selector | (random.Chance(50) ? random.Next() << 16 : 0)) };
        Patch(StackAddress, selector | (random.Next() << 16));
        bool isPointer = instruction.MemorySize is MemorySize.SegPtr16 or MemorySize.SegPtr32 or MemorySize.SegPtr64;
        if (instruction.Op1Kind == OpKind.Memory && isPointer)
        {
            Patch(OperandAddress, random.Next());
            Patch(OperandAddress + (ulong)(instruction.MemorySize.GetSize() - 2), selector);
        }
        else
        {
            Patch(OperandAddress, selector);
        }
    }

    // RIP, CS, flags, RSP, SS and, for virtual-8086 mode, four segments more.
    private void PrepareFrame(ref RandomSource random, ref Instruction instruction, Target target)
    {
        bool hasFlags = instruction.Mnemonic is Mnemonic.Iret or Mnemonic.Iretd or Mnemonic.Iretq;
        int size = instruction.Code switch
        {
            Code.Iretw or Code.Retfw or Code.Retfw_imm16 => 2,
            Code.Iretd or Code.Retfd or Code.Retfd_imm16 => 4,
            _ => 8,
        };
        ushort drop = (ushort)random.Pick<int>([0, 4, 8, 16]);
        if (instruction.Op0Kind == OpKind.Immediate16)
        {
            instruction.Immediate16 = drop;
        }
        else
        {
            drop = 0;
        }

        if (size == 2 && _machine.Mode != MachineMode.Real16)
        {
            target = NarrowTarget(ref random);
        }

        ulong flags = Flags(ref random);
        bool isVirtual = hasFlags && size == 4 && !_machine.IsLong && level == 0 && random.Chance(15);
        if (isVirtual)
        {
            flags |= 1UL << 17;
            target = RealTarget(ref random);
            target = target with { Offset = target.Offset & 0xFFFF };
        }

        int outer = target.Selector & 3;
        ushort stack = isVirtual ? (ushort)0x1400 : random.Chance(85) ? Target.Level(LevelSegment.Data, outer, outer) : Target.AnyData(ref random, outer);
        ulong pointer = MachineMap.StackTop - (_machine.Bitness == 16 && _machine.Mode == MachineMode.Real16 ? _machine.DataBase : 0) - (ulong)(8 * random.Below(16));
        List<ulong> frame = [target.Offset, target.Selector];
        if (hasFlags)
        {
            frame.Add(flags);
        }

        ulong at = StackAddress;
        WriteWords(ref at, size, frame);
        at += drop;
        WriteWords(ref at, size, [isVirtual ? 0x7800UL : pointer, stack, 0x1400, 0x1500, 0x1600, 0x1700]);
    }

    private void WriteWords(ref ulong address, int size, IEnumerable<ulong> values)
    {
        foreach (ulong value in values)
        {
            Patch(address, value);
            address += (ulong)size;
        }
    }

    private static ulong Flags(ref RandomSource random)
    {
        ulong flags = (random.Next() & 0xED5) | X64Flags.Reserved1;
        flags |= (ulong)random.Below(4) << 12;
        flags |= random.Chance(5) ? 1UL << 14 : 0;
        flags |= random.Chance(20) ? random.Next() & 0x24_0000 : 0;
        return flags & ~X64Flags.Trap;
    }

    private void Patch(ulong address, ulong value)
    {
        if (address <= MachineMap.RamSize - sizeof(ulong))
        {
            test.Patches.Add(new(address, value));
        }
    }
}
