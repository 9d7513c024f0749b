using Iced.Intel;

namespace HvSdk.Emulation;

/// <summary>Near control transfer: JMP Jcc CALL RET LOOP JCXZ (Intel SDM vol. 1, 7.3.8).</summary>
internal static partial class Interpreter<TMachine>
{
    /// <summary>Goes to an offset in the code segment: canonical, or within the limit.</summary>
    internal static bool GoTo(Core c, ulong target)
    {
        if (c.Is64 ? !c.IsCanonical(target) : target > c.Segments[SegmentIndex.Cs].Limit)
        {
            return c.GeneralProtection();
        }

        c.NextRip = target;
        return true;
    }

    /// <summary>The target of a relative jump.</summary>
    internal static ulong BranchTarget(Core c, in Op op) => (c.Gpr[RegisterIndex.Rip] + op.Immediate) & op.Mask;

    internal static bool Jump(Core c, ref TMachine m, in Op op) => GoTo(c, BranchTarget(c, op));

    /// <summary>A condition of Jcc, SETcc and CMOVcc.</summary>
    internal interface ICondition
    {
        static abstract bool Holds(ulong flags);
    }

    internal static bool JumpIf<T>(Core c, ref TMachine m, in Op op)
        where T : struct, ICondition =>
        !T.Holds(c.State.Flags) || GoTo(c, BranchTarget(c, op));

    internal static bool SetIf<T>(Core c, ref TMachine m, in Op op)
        where T : struct, ICondition =>
        Store0(c, ref m, op, T.Holds(c.State.Flags) ? 1UL : 0);

    /// <summary>CMOVcc: the source is read, and a 32-bit destination cleared above, whether or not the condition holds.</summary>
    internal static bool MoveIf<T>(Core c, ref TMachine m, in Op op)
        where T : struct, ICondition
    {
        if (!Load1(c, ref m, op, out ulong value))
        {
            return false;
        }

        SetRegister0(c, op, T.Holds(c.State.Flags) ? value : Register0(c, op));
        return true;
    }

    internal readonly struct IfOverflow : ICondition
    {
        public static bool Holds(ulong flags) => (flags & FlagBits.O) != 0;
    }

    internal readonly struct IfCarry : ICondition
    {
        public static bool Holds(ulong flags) => (flags & FlagBits.C) != 0;
    }

    internal readonly struct IfZero : ICondition
    {
        public static bool Holds(ulong flags) => (flags & FlagBits.Z) != 0;
    }

    internal readonly struct IfCarryOrZero : ICondition
    {
        public static bool Holds(ulong flags) => (flags & (FlagBits.C | FlagBits.Z)) != 0;
    }

    internal readonly struct IfSign : ICondition
    {
        public static bool Holds(ulong flags) => (flags & FlagBits.S) != 0;
    }

    internal readonly struct IfParity : ICondition
    {
        public static bool Holds(ulong flags) => (flags & FlagBits.P) != 0;
    }

    internal readonly struct IfLess : ICondition
    {
        public static bool Holds(ulong flags) => (((flags >> 7) ^ (flags >> 11)) & 1) != 0;
    }

    internal readonly struct IfLessOrEqual : ICondition
    {
        public static bool Holds(ulong flags) => ((((flags >> 7) ^ (flags >> 11)) & 1) | (flags & FlagBits.Z)) != 0;
    }

    internal readonly struct Not<T> : ICondition
        where T : struct, ICondition
    {
        public static bool Holds(ulong flags) => !T.Holds(flags);
    }

    internal static bool Call(Core c, ref TMachine m, in Op op) => CallTo(c, ref m, op.Size, BranchTarget(c, op));

    internal static bool CallIndirect(Core c, ref TMachine m, in Op op) =>
        Load0(c, ref m, op, out ulong target) && CallTo(c, ref m, op.Size, target);

    private static bool CallTo(Core c, ref TMachine m, int size, ulong target)
    {
        ulong back = c.NextRip;

        // The target is checked before the return address goes to the stack; but where neither will do, the stack's fault is the one (AMD).
        if (!GoTo(c, target))
        {
            X64Exception fault = c.Exception;
            ulong top = (c.Gpr[RegisterIndex.Rsp] - (ulong)size) & c.StackMask;
            if (Probe(c, ref m, SegmentIndex.Ss, top, size))
            {
                c.Exception = fault;
            }

            return false;
        }

        return Push(c, ref m, size, back);
    }

    internal static bool JumpIndirect(Core c, ref TMachine m, in Op op) => Load0(c, ref m, op, out ulong target) && GoTo(c, target);

    internal static bool Return(Core c, ref TMachine m, in Op op)
    {
        int size = op.Kind0 == OperandKind.Immediate ? InstructionSet.StackSize(op.Code) : op.Size;
        if (!Peek(c, ref m, size, 0, out ulong target) || !GoTo(c, target))
        {
            return false;
        }

        MoveStack(c, size + (op.Kind0 == OperandKind.Immediate ? (ushort)op.Immediate : 0));
        return true;
    }

    /// <summary>LOOP, LOOPE, LOOPNE: the counter has the size of an address.</summary>
    internal static bool Loop(Core c, ref TMachine m, in Op op)
    {
        ulong counter = (c.Gpr[RegisterIndex.Rcx] - 1) & op.AddressMask;
        bool zero = (c.State.Flags & FlagBits.Z) != 0;
        bool jumps = counter != 0 && op.Code.Mnemonic() switch { Mnemonic.Loope => zero, Mnemonic.Loopne => !zero, _ => true };
        if (jumps && !GoTo(c, BranchTarget(c, op)))
        {
            return false;
        }

        SetRegister(c, RegisterIndex.Rcx, op.AddressSize, counter);
        return true;
    }

    internal static bool JumpIfCounterZero(Core c, ref TMachine m, in Op op) =>
        (c.Gpr[RegisterIndex.Rcx] & op.AddressMask) != 0 || GoTo(c, BranchTarget(c, op));
}
