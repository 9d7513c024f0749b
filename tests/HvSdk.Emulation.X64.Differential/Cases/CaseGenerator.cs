using Iced.Intel;

namespace HvSdk.Emulation.Differential;

/// <summary>Makes cases. A seed gives the same case for ever, as long as pool and generator stay as they are.</summary>
public sealed partial class CaseGenerator(InstructionPool pool)
{
    private const int MaxInstructions = 8;
    private const int MaxAttempts = 60;
    private const ulong AlignmentCheck = 1UL << 18; // RFLAGS.AC

    private readonly InstructionInfoFactory _info = new();

    /// <summary>Makes the case of a seed.</summary>
    /// <param name="seed">The seed.</param>
    public TestCase Create(ulong seed)
    {
        RandomSource random = new(seed);
        while (true)
        {
            TestCase test = CreateState(ref random, seed);
            int count = 1 + Math.Min(random.Below(MaxInstructions), random.Below(MaxInstructions + 2));
            test.Instructions = CreateInstructions(ref random, test, count);
            LeaveAlignmentAlone(test);
            if (test.Instructions.Count > 0 && CaseEncoder.TryEncode(test))
            {
                return test;
            }
        }
    }

    /// <summary>Makes a case of one given instruction; null where none could be made.</summary>
    /// <param name="seed">The seed.</param>
    /// <param name="code">The instruction.</param>
    public TestCase? Create(ulong seed, Code code)
    {
        RandomSource random = new(seed);
        for (int attempt = 0; attempt < MaxAttempts; attempt++)
        {
            TestCase test = CreateState(ref random, seed);
            OperandBuilder operands = new(test);
            if (operands.TryBuild(ref random, code, out Instruction instruction))
            {
                test.Instructions = [new(instruction, [], null, TargetOf(ref random, instruction, 0, 1))];
                LeaveAlignmentAlone(test);
                if (CaseEncoder.TryEncode(test))
                {
                    return test;
                }
            }
        }

        return null;
    }

    private List<CaseInstruction> CreateInstructions(ref RandomSource random, TestCase test, int count)
    {
        List<CaseInstruction> instructions = [];
        OperandBuilder operands = new(test);
        RflagsBits undefined = 0;
        bool hasBranch = false;
        for (int attempt = 0; attempt < MaxAttempts && instructions.Count < count; attempt++)
        {
            if (!operands.TryBuild(ref random, pool.Draw(ref random), out Instruction instruction)
                || MayCheckAlignment(instructions, instruction)
                || FlagRules.ReadsUndefined(instruction, undefined))
            {
                continue;
            }

            int target = TargetOf(ref random, instruction, instructions.Count, count);
            if (target != CaseInstruction.NoTarget && target < instructions.Count && !FlagRules.CanRepeat(instructions))
            {
                target = count;
            }

            CaseInstruction item = new(instruction, CreatePrefix(ref random, instruction, pool.Hypervisor), null, target);
            TestCase? alone = test.With([item]);
            if (alone is { } prefixed && item.Prefix.Length > 0)
            {
                (alone, item) = Decode(test, prefixed, item) is { } other ? (alone, other) : (null, item);
            }

            if (alone is null || FlagRules.ReadsUndefined(item.Instruction, undefined))
            {
                continue;
            }

            instructions.Add(item);
            hasBranch |= target != CaseInstruction.NoTarget;
            undefined = FlagRules.After(item.Instruction, undefined, hasBranch);
            operands.Forget(_info.GetInfo(item.Instruction));
        }

        return instructions;
    }

    // A prefix may make another instruction of it; only one of the pool will do, and none that branches.
    private CaseInstruction? Decode(TestCase test, TestCase alone, CaseInstruction item)
    {
        byte[] bytes = alone.Code[..^2];
        Instruction decoded = Decode(test, bytes, DecoderOptions.None);
        bool isUsable = !decoded.IsInvalid
            && decoded.Length == bytes.Length
            && item.Target == CaseInstruction.NoTarget
            && decoded.FlowControl is FlowControl.Next or FlowControl.Interrupt
            && decoded.Code == Decode(test, bytes, DecoderOptions.AMD).Code
            && decoded.Code != Code.Pause // with REX.B it is XCHG, which Iced does not say
            && pool.Contains(decoded.Code);
        return isUsable ? new CaseInstruction(decoded, [], bytes, CaseInstruction.NoTarget) : null;
    }

    private static Instruction Decode(TestCase test, byte[] bytes, DecoderOptions options)
    {
        var decoder = Decoder.Create(Machine.Of(test.Mode).Bitness, bytes, options);
        decoder.IP = test.CodeAddress;
        return decoder.Decode();
    }

    // QEMU 7.2 has an order of prefixes of its own; the processor's is seen elsewhere. KVM_PVM carries misaligned vector accesses out that have two
    // prefixes for a segment: the processor's #GP reaches its instruction emulator first.
    private static byte[] CreatePrefix(ref RandomSource random, in Instruction instruction, string hypervisor)
    {
        if (!random.Chance(4) || instruction.IsStringInstruction || hypervisor == "kvm_amd@tcg" || (hypervisor == "kvm_pvm" && InstructionPool.IsVector(instruction.Code)))
        {
            return [];
        }

        ReadOnlySpan<byte> prefixes = [0x66, 0x67, 0xF2, 0xF3, 0xF0, 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65];
        byte[] prefix = new byte[1 + random.Below(2)];
        foreach (ref byte value in prefix.AsSpan())
        {
            value = random.Pick(prefixes);
        }

        return prefix;
    }

    // Branches go forward, so that every case ends; LOOP may go back, as its count falls.
    private static int TargetOf(ref RandomSource random, in Instruction instruction, int index, int count)
    {
        if (instruction.Op0Kind is not (OpKind.NearBranch16 or OpKind.NearBranch32 or OpKind.NearBranch64))
        {
            return CaseInstruction.NoTarget;
        }

        if (instruction.IsLoop || instruction.IsLoopcc)
        {
            return random.Below(count + 1);
        }

        return index + 1 + random.Below(Math.Max(1, count - index));
    }

    // Which vector accesses raise #AC is each processor's own affair (SDM vol. 3A, 6.15, interrupt 17).
    private static bool MayCheckAlignment(List<CaseInstruction> before, in Instruction next)
    {
        bool isVector = InstructionPool.IsVector(next.Code);
        return (isVector && before.Exists(static item => SetsFlags(item.Instruction)))
            || (SetsFlags(next) && before.Exists(static item => InstructionPool.IsVector(item.Instruction.Code)));

        static bool SetsFlags(in Instruction instruction) => instruction.Mnemonic is Mnemonic.Popf or Mnemonic.Popfd or Mnemonic.Popfq;
    }

    private static void LeaveAlignmentAlone(TestCase test)
    {
        if (test.Instructions.Any(static item => InstructionPool.IsVector(item.Instruction.Code)))
        {
            test.Registers = test.Registers with { Rflags = test.Registers.Rflags & ~AlignmentCheck };
        }
    }
}
