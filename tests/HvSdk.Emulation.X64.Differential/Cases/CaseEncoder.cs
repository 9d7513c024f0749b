using Iced.Intel;

namespace HvSdk.Emulation.Differential;

/// <summary>Makes a case's machine code.</summary>
internal static class CaseEncoder
{
    [ThreadStatic]
    private static Writer? t_writer;

    /// <summary>OUT EndPort, AL: what ends a case.</summary>
    public static ReadOnlySpan<byte> End => [0xE6, (byte)MachineMap.EndPort];

    /// <summary>Sets <see cref="TestCase.Code"/> and what follows from the instructions.</summary>
    /// <returns>False: Iced cannot encode one of them.</returns>
    public static bool TryEncode(TestCase test)
    {
        var machine = Machine.Of(test.Mode);
        int count = test.Instructions.Count;
        Span<int> offsets = stackalloc int[count + 1];
        Writer writer = t_writer ??= new Writer();

        // Twice: the second time the branches know where their targets are. Their sizes do not change.
        for (int pass = 0; pass < 2; pass++)
        {
            writer.Clear();
            Encoder encoder = writer.EncoderOf(machine.Bitness);
            for (int i = 0; i < count; i++)
            {
                offsets[i] = writer.Length;
                CaseInstruction item = test.Instructions[i];
                writer.Add(item.Prefix);
                if (item.Raw is not null)
                {
                    writer.Add(item.Raw);
                    continue;
                }

                Instruction instruction = item.Instruction;
                ulong ip = test.CodeAddress - machine.CodeBase + (ulong)writer.Length;
                if (item.Target != CaseInstruction.NoTarget)
                {
                    ulong target = pass == 0 ? ip : test.CodeAddress - machine.CodeBase + (ulong)offsets[Math.Min(item.Target, count)];
                    SetTarget(ref instruction, target);
                }

                if (!encoder.TryEncode(instruction, ip, out _, out _))
                {
                    return false;
                }
            }

            offsets[count] = writer.Length;
        }

        writer.Add(End);
        test.Code = writer.ToArray();
        test.Registers = test.Registers with { Rip = test.CodeAddress - machine.CodeBase };
        return true;
    }

    private static void SetTarget(ref Instruction instruction, ulong target)
    {
        switch (instruction.Op0Kind)
        {
            case OpKind.NearBranch16:
                instruction.NearBranch16 = (ushort)target;
                break;
            case OpKind.NearBranch32:
                instruction.NearBranch32 = (uint)target;
                break;
            default:
                instruction.NearBranch64 = target;
                break;
        }
    }

    private sealed class Writer : CodeWriter
    {
        private readonly byte[] _bytes = new byte[512];
        private readonly Encoder?[] _encoders = new Encoder?[65];

        public int Length { get; private set; }

        public Encoder EncoderOf(int bitness) => _encoders[bitness] ??= Encoder.Create(bitness, this);

        public void Clear() => Length = 0;

        public void Add(ReadOnlySpan<byte> bytes)
        {
            foreach (byte value in bytes)
            {
                WriteByte(value);
            }
        }

        public byte[] ToArray() => _bytes[..Length];

        public override void WriteByte(byte value) => _bytes[Length++] = value;
    }
}
