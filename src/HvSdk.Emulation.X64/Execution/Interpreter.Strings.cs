namespace HvSdk.Emulation;

/// <summary>Strings: MOVS CMPS SCAS LODS STOS INS OUTS with REP, REPE, REPNE; XLAT (Intel SDM vol. 1, 7.3.9; vol. 2B, REP).</summary>
internal static partial class Interpreter<TMachine>
{
    private const int MaxRounds = 4096;

    /// <summary>One round of a string instruction: it completes with its registers, or changes none.</summary>
    internal interface IString
    {
        /// <summary>The repetition ends by ZF too.</summary>
        static abstract bool Compares { get; }

        static abstract bool Step(Core c, ref TMachine m, in Op op);

        /// <summary>Does several rounds at once where that cannot be told apart; gives how many, or 0.</summary>
        static abstract ulong Many(Core c, ref TMachine m, in Op op, ulong count);
    }

    internal static bool StringOnce<T>(Core c, ref TMachine m, in Op op)
        where T : struct, IString
    {
        if ((op.Flags & (OpFlags.Repeat | OpFlags.RepeatNotEqual)) == 0)
        {
            return T.Step(c, ref m, op);
        }

        ulong count = c.Gpr[RegisterIndex.Rcx] & op.AddressMask;
        if (count == 0)
        {
            return true;
        }

        // Single steps come after each round; a long run ends now and then, so that the caller gets its turn.
        int rounds = (c.State.Flags & FlagBits.T) != 0 ? 1 : MaxRounds;
        while (true)
        {
            ulong done = rounds == MaxRounds ? T.Many(c, ref m, op, count) : 0;
            if (done == 0)
            {
                if (!T.Step(c, ref m, op))
                {
                    return false;
                }

                done = 1;
                c.ClearLog();
            }

            count -= done;
            SetRegister(c, RegisterIndex.Rcx, op.AddressSize, count);
            if (count == 0)
            {
                return true;
            }

            if (T.Compares && ((c.State.Flags & FlagBits.Z) != 0) == ((op.Flags & OpFlags.RepeatNotEqual) != 0))
            {
                return true;
            }

            if (c.Attention || --rounds == 0 || done > 1)
            {
                c.NextRip = c.Gpr[RegisterIndex.Rip];
                c.Attention = true;
                return true;
            }
        }
    }

    private static void Advance(Core c, in Op op, int register, long rounds = 1)
    {
        long change = (c.State.Flags & FlagBits.D) != 0 ? -(long)op.MemorySize : op.MemorySize;
        SetRegister(c, register, op.AddressSize, (c.Gpr[register] + (ulong)(change * rounds)) & op.AddressMask);
    }

    private static ulong SourceOffset(Core c, in Op op) => c.Gpr[RegisterIndex.Rsi] & op.AddressMask;

    private static ulong TargetOffset(Core c, in Op op) => c.Gpr[RegisterIndex.Rdi] & op.AddressMask;

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

    internal readonly struct Cmps : IString
    {
        public static bool Compares => true;

        public static bool Step(Core c, ref TMachine m, in Op op)
        {
            if (!Read(c, ref m, op.Segment, SourceOffset(c, op), op.MemorySize, out ulong a)
                || !Read(c, ref m, SegmentIndex.Es, TargetOffset(c, op), op.MemorySize, out ulong b))
            {
                return false;
            }

            SubtractWithFlags(a, b, 0, Sizes.Mask(op.MemorySize), (op.MemorySize * 8) - 1, ref c.State.Flags);
            Advance(c, op, RegisterIndex.Rsi);
            Advance(c, op, RegisterIndex.Rdi);
            return true;
        }

        public static ulong Many(Core c, ref TMachine m, in Op op, ulong count) => 0;
    }

    internal readonly struct Scas : IString
    {
        public static bool Compares => true;

        public static bool Step(Core c, ref TMachine m, in Op op)
        {
            if (!Read(c, ref m, SegmentIndex.Es, TargetOffset(c, op), op.MemorySize, out ulong b))
            {
                return false;
            }

            ulong mask = Sizes.Mask(op.MemorySize);
            SubtractWithFlags(c.Gpr[RegisterIndex.Rax] & mask, b, 0, mask, (op.MemorySize * 8) - 1, ref c.State.Flags);
            Advance(c, op, RegisterIndex.Rdi);
            return true;
        }

        public static ulong Many(Core c, ref TMachine m, in Op op, ulong count) => 0;
    }

    internal readonly struct Ins : IString
    {
        public static bool Compares => false;

        public static bool Step(Core c, ref TMachine m, in Op op)
        {
            ulong port = c.Gpr[RegisterIndex.Rdx] & 0xFFFF;

            // What the port gives must have a place before it is read.
            if (!CheckPort(c, ref m, port, op.MemorySize)
                || !Probe(c, ref m, SegmentIndex.Es, TargetOffset(c, op), op.MemorySize)
                || !ReadPort(c, port, op.MemorySize, out ulong value)
                || !Write(c, ref m, SegmentIndex.Es, TargetOffset(c, op), op.MemorySize, value))
            {
                return false;
            }

            Advance(c, op, RegisterIndex.Rdi);
            return true;
        }

        public static ulong Many(Core c, ref TMachine m, in Op op, ulong count) => 0;
    }

    internal readonly struct Outs : IString
    {
        public static bool Compares => false;

        public static bool Step(Core c, ref TMachine m, in Op op)
        {
            ulong port = c.Gpr[RegisterIndex.Rdx] & 0xFFFF;
            if (!CheckPort(c, ref m, port, op.MemorySize)
                || !Read(c, ref m, op.Segment, SourceOffset(c, op), op.MemorySize, out ulong value)
                || !WritePort(c, port, op.MemorySize, value))
            {
                return false;
            }

            Advance(c, op, RegisterIndex.Rsi);
            return true;
        }

        public static ulong Many(Core c, ref TMachine m, in Op op, ulong count) => 0;
    }

    internal static bool TableLookup(Core c, ref TMachine m, in Op op)
    {
        ulong offset = (c.Gpr[op.Base] + (c.Gpr[RegisterIndex.Rax] & 0xFF)) & op.AddressMask;
        if (!Read(c, ref m, op.Segment, offset, 1, out ulong value))
        {
            return false;
        }

        SetRegister(c, RegisterIndex.Rax, 1, value);
        return true;
    }
}
