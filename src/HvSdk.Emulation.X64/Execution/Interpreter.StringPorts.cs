namespace HvSdk.Emulation;

/// <content>INS and OUTS (Intel SDM vol. 1, 19.3).</content>
internal static partial class Interpreter<TMachine>
{
    internal readonly struct Ins : IString
    {
        public static bool Compares => false;

        public static bool MayBegin(Core c, ref TMachine m, in Op op) => CheckPort(c, ref m, c.Gpr[RegisterIndex.Rdx] & 0xFFFF, op.MemorySize);

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

        public static bool MayBegin(Core c, ref TMachine m, in Op op) => CheckPort(c, ref m, c.Gpr[RegisterIndex.Rdx] & 0xFFFF, op.MemorySize);

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
}
