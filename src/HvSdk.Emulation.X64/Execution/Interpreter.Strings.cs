namespace HvSdk.Emulation;

/// <summary>Strings: repetition with REP, REPE, REPNE, and what the instructions share; XLAT (Intel SDM vol. 1, 7.3.9; vol. 2B, REP).</summary>
internal static partial class Interpreter<TMachine>
{
    private const int MaxRounds = 4096;

    /// <summary>One round of a string instruction: it completes with its registers, or changes none.</summary>
    internal interface IString
    {
        /// <summary>The repetition ends by ZF too.</summary>
        static abstract bool Compares { get; }

        /// <summary>What a processor asks before it looks at the count: a repetition of no round may fault.</summary>
        static virtual bool MayBegin(Core c, ref TMachine m, in Op op) => true;

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
            return T.MayBegin(c, ref m, op);
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
