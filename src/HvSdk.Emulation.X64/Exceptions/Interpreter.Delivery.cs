namespace HvSdk.Emulation;

/// <summary>Exceptions on their way to the guest: which become double and triple faults (Intel SDM vol. 3A, 6.15, table 6-5).</summary>
internal static partial class Interpreter<TMachine>
{
    /// <summary>Delivers <see cref="Core.Exception"/>, or returns it where the options say so. True where the loop may go on.</summary>
    private static bool Deliver(Core c, ref TMachine m, out X64EmulationResult result)
    {
        if (!c.Options.DeliverExceptions && !c.IsExternal)
        {
            c.ClearLog();
            c.HasPendingTrap = false;
            result = X64EmulationResult.Exception;
            return false;
        }

        X64Exception first = c.Exception;
        X64Exception current = first;
        bool hasCheckedAlignment = first.Vector == Vectors.AlignmentCheck;
        while (true)
        {
            bool isTrap = current.IsTrap && c.HasPendingTrap;
            bool isExternal = c.IsExternal && isTrap;
            if (!isExternal)
            {
                Acknowledge(c, current);
            }

            ulong flags = c.State.Flags | (isTrap || current.Vector == Vectors.DoubleFault ? 0 : FlagBits.Rf);
            c.Begin();
            c.Outcome = Outcome.None;
            if (Interrupt(c, ref m, current.Vector, current.HasErrorCode, current.ErrorCode, isSoftware: false, c.Gpr[RegisterIndex.Rip], flags))
            {
                c.State.IsNmiBlocked |= isExternal && current.Vector == Vectors.NonMaskable;
                c.HasPendingTrap = false;
                c.IsExternal = false;
                c.ClearLog();
                c.Attention = false;
                result = default;
                return true;
            }

            c.Undo();
            if (c.Outcome != Outcome.Fault)
            {
                // The access or what cannot be done belongs to the first exception: that is what starts again.
                c.Exception = first;
                return Settle(c, ref m, out result);
            }

            // #AC makes no double fault. One whose delivery raises it again would be delivered forever, and a processor does so.
            bool repeats = hasCheckedAlignment && c.Exception.Vector == Vectors.AlignmentCheck;
            hasCheckedAlignment |= c.Exception.Vector == Vectors.AlignmentCheck;
            if (current.Vector == Vectors.DoubleFault || repeats)
            {
                c.HasPendingTrap = false;
                c.IsExternal = false;
                c.Outcome = Outcome.Shutdown;
                return Settle(c, ref m, out result);
            }

            current = !isExternal && MakesDoubleFault(current.Vector, c.Exception.Vector) ? new(Vectors.DoubleFault, true, 0, 0, false) : c.Exception;
        }
    }

    /// <summary>What the processor notes of an exception apart from the stack: CR2 and DR6.</summary>
    private static void Acknowledge(Core c, in X64Exception exception)
    {
        if (exception.Vector == Vectors.PageFault)
        {
            c.State.Cr2 = exception.Address;
            c.State.Modified |= X64StateGroups.SpecialRegisters;
        }
        else if (exception.Vector == Vectors.Debug)
        {
            c.Dr[6] |= exception.Address;
            c.Dr[7] &= ~FlagBits.Dr7GeneralDetect;
            c.State.Modified |= X64StateGroups.DebugRegisters;
        }
    }

    private static bool MakesDoubleFault(int first, int second)
    {
        bool secondContributes = Contributes(second);
        return first == Vectors.PageFault ? secondContributes || second == Vectors.PageFault : Contributes(first) && secondContributes;
    }

    private static bool Contributes(int vector) =>
        vector is Vectors.DivideError or Vectors.InvalidTss or Vectors.SegmentNotPresent or Vectors.StackFault or Vectors.GeneralProtection;

    /// <summary>An external interrupt between two instructions.</summary>
    internal static X64EmulationResult DeliverExternal(Core c, ref TMachine m, byte vector)
    {
        c.State.IsHalted = false;
        c.State.Modified |= X64StateGroups.Registers | X64StateGroups.Events | X64StateGroups.SpecialRegisters;
        c.PhysicalAddressBits = c.PhysicalAddressBits == 0 ? FindAddressBits(c, ref m) : c.PhysicalAddressBits;
        c.Exception = new(vector, false, 0, 0, IsTrap: true);
        c.HasPendingTrap = true;
        c.IsExternal = true;
        return Deliver(c, ref m, out X64EmulationResult result) ? X64EmulationResult.LimitReached : result;
    }

    /// <summary>A debug exception behind an instruction that was completed.</summary>
    private static bool Trap(Core c, ref TMachine m, ulong dr6, out X64EmulationResult result)
    {
        c.Exception = new(Vectors.Debug, false, 0, dr6, IsTrap: true);
        c.HasPendingTrap = true;
        return Deliver(c, ref m, out result);
    }
}
