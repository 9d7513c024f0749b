namespace HvSdk.Emulation;

/// <content>MOVS, STOS and LODS; the first two many rounds at once (Intel SDM vol. 1, 7.3.9).</content>
internal static partial class Interpreter<TMachine>
{
    internal readonly struct Movs : IString
    {
        public static bool Compares => false;

        public static bool Step(Core c, ref TMachine m, in Op op)
        {
            if (!Read(c, ref m, op.Segment, SourceOffset(c, op), op.MemorySize, out ulong value)
                || !Write(c, ref m, SegmentIndex.Es, TargetOffset(c, op), op.MemorySize, value))
            {
                return false;
            }

            Advance(c, op, RegisterIndex.Rsi);
            Advance(c, op, RegisterIndex.Rdi);
            return true;
        }

        public static ulong Many(Core c, ref TMachine m, in Op op, ulong count)
        {
            ulong source = SourceOffset(c, op);
            ulong target = TargetOffset(c, op);
            ulong rounds = Math.Min(RoundsInPage(c, op, op.Segment, source, count), RoundsInPage(c, op, SegmentIndex.Es, target, count));
            int length = (int)rounds * op.MemorySize;
            if (rounds < 2
                || !Linear(c, op.Segment, source, length, AccessKind.Read, out ulong from)
                || !Linear(c, SegmentIndex.Es, target, length, AccessKind.Write, out ulong to))
            {
                return 0;
            }

            // A target a little behind the source gets what was just written. Only offsets are compared: pages may be seen at several addresses.
            ulong distance = (to - from) & PageMask;
            if ((distance != 0 && distance < (ulong)length)
                || !Translate(c, ref m, from, AccessKind.Read, system: false, out ulong gpaFrom)
                || !Translate(c, ref m, to, AccessKind.Write, system: false, out ulong gpaTo))
            {
                return 0;
            }

            // What lies over the instruction itself is written round by round: it ends with the round that changes it.
            if (c.IsOverBlock(gpaTo, length))
            {
                return 0;
            }

            Span<byte> data = c.Bounce.AsSpan(0, length);
            if (!m.TryRead(gpaFrom, data) || !m.TryWrite(gpaTo, data))
            {
                return 0;
            }

            c.Touch(gpaTo, length);
            Advance(c, op, RegisterIndex.Rsi, (long)rounds);
            Advance(c, op, RegisterIndex.Rdi, (long)rounds);
            return rounds;
        }
    }

    internal readonly struct Stos : IString
    {
        public static bool Compares => false;

        public static bool Step(Core c, ref TMachine m, in Op op)
        {
            if (!Write(c, ref m, SegmentIndex.Es, TargetOffset(c, op), op.MemorySize, c.Gpr[RegisterIndex.Rax] & Sizes.Mask(op.MemorySize)))
            {
                return false;
            }

            Advance(c, op, RegisterIndex.Rdi);
            return true;
        }

        public static ulong Many(Core c, ref TMachine m, in Op op, ulong count)
        {
            ulong target = TargetOffset(c, op);
            ulong rounds = RoundsInPage(c, op, SegmentIndex.Es, target, count);
            int length = (int)rounds * op.MemorySize;
            if (rounds < 2
                || !Linear(c, SegmentIndex.Es, target, length, AccessKind.Write, out ulong to)
                || !Translate(c, ref m, to, AccessKind.Write, system: false, out ulong gpa)
                || c.IsOverBlock(gpa, length))
            {
                return 0;
            }

            Span<byte> data = c.Bounce.AsSpan(0, length);
            ulong value = c.Gpr[RegisterIndex.Rax];
            for (int i = 0; i < length; i += op.MemorySize)
            {
                Bytes(ref value, op.MemorySize).CopyTo(data[i..]);
            }

            if (!m.TryWrite(gpa, data))
            {
                return 0;
            }

            c.Touch(gpa, length);
            Advance(c, op, RegisterIndex.Rdi, (long)rounds);
            return rounds;
        }
    }

    internal readonly struct Lods : IString
    {
        public static bool Compares => false;

        public static bool Step(Core c, ref TMachine m, in Op op)
        {
            if (!Read(c, ref m, op.Segment, SourceOffset(c, op), op.MemorySize, out ulong value))
            {
                return false;
            }

            SetRegister(c, RegisterIndex.Rax, op.MemorySize, value);
            Advance(c, op, RegisterIndex.Rsi);
            return true;
        }

        public static ulong Many(Core c, ref TMachine m, in Op op, ulong count) => 0;
    }

    /// <summary>How many rounds upwards stay in the page and do not wrap; 0 where rounds are done one by one.</summary>
    private static ulong RoundsInPage(Core c, in Op op, int segment, ulong offset, ulong count)
    {
        if ((c.State.Flags & FlagBits.D) != 0 || c.ChecksAlignment || c.LogsRam)
        {
            return 0;
        }

        ulong linear = c.Views[segment].Base + offset;
        ulong bytes = PageSize - (linear & PageMask);
        ulong untilWrap = op.AddressMask - offset;
        bytes = untilWrap < bytes ? untilWrap : bytes;
        return Math.Min(count, bytes / op.MemorySize);
    }
}
