namespace HvSdk.Emulation;

/// <content>CMPS and SCAS (Intel SDM vol. 1, 7.3.9).</content>
internal static partial class Interpreter<TMachine>
{
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
}
