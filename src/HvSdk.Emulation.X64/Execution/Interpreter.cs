namespace HvSdk.Emulation;

/// <summary>Executes an instruction.</summary>
/// <typeparam name="TMachine">The machine: a struct, so that its methods are compiled into the handlers.</typeparam>
/// <param name="core">The processor.</param>
/// <param name="machine">Its machine.</param>
/// <param name="op">The instruction.</param>
/// <returns>True where it was done; false where <see cref="Core.Outcome"/> says why not.</returns>
internal delegate bool Handler<TMachine>(Core core, ref TMachine machine, in Op op)
    where TMachine : IX64Machine, allows ref struct;

/// <summary>The loop, and in other files the handlers by group.</summary>
/// <typeparam name="TMachine">The machine.</typeparam>
internal static partial class Interpreter<TMachine>
    where TMachine : IX64Machine, allows ref struct
{
    private static readonly Handler<TMachine>[] s_handlers = HandlerTable<TMachine>.Create();

    /// <summary>Executes up to so many instructions; <paramref name="limit"/> is then what is left of it.</summary>
    internal static X64EmulationResult Run(Core c, ref TMachine m, ref long limit)
    {
        X64EmulationResult result;
        if (c.PhysicalAddressBits == 0)
        {
            c.PhysicalAddressBits = FindAddressBits(c, ref m);
        }

        if (c.State.IsHalted)
        {
            return X64EmulationResult.Halted;
        }

        c.State.Modified |= X64StateGroups.Registers | X64StateGroups.Events;
        if (c.IsSuspended)
        {
            if (!Resume(c, ref m, out result))
            {
                return result;
            }

            limit--;
        }

        while (limit > 0)
        {
            c.Outcome = Outcome.None;
            if (!Fetch(c, ref m, out int index, out int end))
            {
                if (!Settle(c, ref m, out result))
                {
                    return result;
                }

                limit--;
                continue;
            }

            if ((c.State.Flags & (FlagBits.T | FlagBits.Rf)) != 0 || c.State.InterruptShadow != 0)
            {
                c.Pending = c.Cache.Ops[index];
                c.NoteInstruction(c.Pending.Length);
                if (!StepCarefully(c, ref m, out result))
                {
                    return result;
                }

                limit--;
                continue;
            }

            if (end - index > limit)
            {
                end = index + (int)limit;
            }

            if (!RunBlock(c, ref m, index, end, ref limit) && !Settle(c, ref m, out result))
            {
                return result;
            }
        }

        return X64EmulationResult.LimitReached;
    }

    /// <summary>Executes the instructions of a block until one fails, or asks for attention.</summary>
    private static bool RunBlock(Core c, ref TMachine m, int index, int end, ref long limit)
    {
        Op[] ops = c.Cache.Ops;
        Handler<TMachine>[] handlers = s_handlers;
        ulong[] gpr = c.Gpr;
        int start = index;
        bool done = true;
        do
        {
            ref readonly Op op = ref ops[index];
            c.NextRip = (gpr[RegisterIndex.Rip] + op.Length) & c.IpMask;
            if (!handlers[op.Handler](c, ref m, in op))
            {
                c.Pending = op;
                c.NoteInstruction(op.Length);
                done = false;
                break;
            }

            gpr[RegisterIndex.Rip] = c.NextRip;
            index++;
        }
        while (index < end && !c.Attention);

        // An instruction that failed counts as well: its exception was delivered, or it is the last of this run.
        limit -= index - start + (done ? 0 : 1);
        if (c.Attention && done)
        {
            c.Attention = false;
            c.ClearLog();
        }

        return done;
    }

    /// <summary>One instruction under TF, RF or an interrupt shadow: <see cref="Core.Pending"/>.</summary>
    private static bool StepCarefully(Core c, ref TMachine m, out X64EmulationResult result)
    {
        X64CpuState s = c.State;
        ulong flags = s.Flags;
        X64InterruptShadow shadow = s.InterruptShadow;

        // Both last for this instruction alone, unless it sets them anew.
        s.Flags &= ~FlagBits.Rf;
        s.InterruptShadow = X64InterruptShadow.None;
        c.NoTrap = false;
        c.NextRip = (c.Gpr[RegisterIndex.Rip] + c.Pending.Length) & c.IpMask;
        if (!s_handlers[c.Pending.Handler](c, ref m, in c.Pending))
        {
            if (c.Outcome is Outcome.Access or Outcome.Unsupported)
            {
                s.Flags |= flags & FlagBits.Rf;
                s.InterruptShadow = shadow;
            }

            return Settle(c, ref m, out result);
        }

        Complete(c);
        if ((flags & FlagBits.T) != 0 && !c.NoTrap && (s.InterruptShadow & X64InterruptShadow.MovSs) == 0)
        {
            return Trap(c, ref m, FlagBits.Dr6SingleStep, out result);
        }

        result = default;
        return true;
    }

    private static void Complete(Core c)
    {
        c.Gpr[RegisterIndex.Rip] = c.NextRip;
        c.Attention = false;
        c.ClearLog();
    }

    /// <summary>Goes on with the instruction, or the exception behind it, whose access the caller has done.</summary>
    private static bool Resume(Core c, ref TMachine m, out X64EmulationResult result)
    {
        c.CompleteAccess();
        c.Outcome = Outcome.None;
        if (c.HasPendingTrap)
        {
            return Deliver(c, ref m, out result);
        }

        return StepCarefully(c, ref m, out result);
    }

    /// <summary>Deals with an instruction that was not completed. True where the loop may go on.</summary>
    private static bool Settle(Core c, ref TMachine m, out X64EmulationResult result)
    {
        c.Attention = false;
        switch (c.Outcome)
        {
            case Outcome.Fault:
                if (c.Exception.IsTrap)
                {
                    Complete(c);
                    c.HasPendingTrap = true;
                }

                return Deliver(c, ref m, out result);

            case Outcome.Access:
                c.IsSuspended = true;
                c.SuspendedRip = c.Gpr[RegisterIndex.Rip];
                result = X64EmulationResult.Access;
                return false;

            case Outcome.Halt:
                Complete(c);
                c.State.IsHalted = true;
                result = X64EmulationResult.Halted;
                return false;

            case Outcome.Hypercall:
                Complete(c);
                result = X64EmulationResult.Hypercall;
                return false;

            case Outcome.Shutdown:
                c.ClearLog();
                result = X64EmulationResult.Shutdown;
                return false;

            default:
                c.Cancel();
                result = X64EmulationResult.Unsupported;
                return false;
        }
    }

    private static int FindAddressBits(Core c, ref TMachine m)
    {
        int bits = c.Options.PhysicalAddressBits;
        if (bits == 0)
        {
            m.Cpuid(0x8000_0000, 0, out uint highest, out _, out _, out _);
            if (highest >= 0x8000_0008)
            {
                m.Cpuid(0x8000_0008, 0, out uint widths, out _, out _, out _);
                bits = (int)(widths & 0xFF);
            }
        }

        return bits is >= 32 and <= 52 ? bits : 36;
    }
}
