namespace HvSdk.Emulation;

/// <summary>INT n, INT3, INTO and INT1 (Intel SDM vol. 3A, 6.4.4; vol. 2A, INT n).</summary>
internal static partial class Interpreter<TMachine>
{
    /// <summary>INT n: virtual-8086 code needs IOPL 3.</summary>
    internal static bool SoftwareInterrupt(Core c, ref TMachine m, in Op op) =>
        c.IsVirtual8086 && c.IoPrivilege < 3
            ? c.GeneralProtection()
            : SoftwareVector(c, ref m, (int)op.Immediate & 0xFF);

    internal static bool BreakpointInterrupt(Core c, ref TMachine m, in Op op) => SoftwareException(c, ref m, Vectors.Breakpoint);

    internal static bool OverflowInterrupt(Core c, ref TMachine m, in Op op) =>
        (c.State.Flags & FlagBits.O) == 0 || SoftwareException(c, ref m, Vectors.Overflow);

    /// <summary>INT1: a debug exception that no DR6 bit explains.</summary>
    internal static bool DebugInterrupt(Core c, ref TMachine m, in Op op)
    {
        if (!c.Options.DeliverExceptions)
        {
            c.Exception = new(Vectors.Debug, false, 0, 0, IsTrap: true);
            c.Outcome = Outcome.Fault;
            return false;
        }

        return Interrupt(c, ref m, Vectors.Debug, false, 0, isSoftware: false, c.NextRip, c.State.Flags);
    }

    private static bool SoftwareException(Core c, ref TMachine m, int vector)
    {
        if (!c.Options.DeliverExceptions)
        {
            c.Exception = new((byte)vector, false, 0, 0, IsTrap: true);
            c.Outcome = Outcome.Fault;
            return false;
        }

        return SoftwareVector(c, ref m, vector);
    }

    private static bool SoftwareVector(Core c, ref TMachine m, int vector) =>
        Interrupt(c, ref m, vector, false, 0, isSoftware: true, c.NextRip, c.State.Flags);
}
