using System.Security.Cryptography;

namespace HvSdk.Emulation;

/// <summary>RDMSR WRMSR RDTSC RDTSCP RDPMC RDPID CPUID RDRAND RDSEED and others that ask the machine (Intel SDM vol. 2).</summary>
internal static partial class Interpreter<TMachine>
{
    private const uint TscAux = 0xC000_0103;

    internal static bool ReadModelSpecific(Core c, ref TMachine m, in Op op)
    {
        if (c.Cpl != 0)
        {
            return c.GeneralProtection();
        }

        uint index = (uint)c.Gpr[RegisterIndex.Rcx];
        ulong value;
        switch (index)
        {
            case X64MsrIndex.Efer:
                value = c.State.Efer;
                break;
            case X64MsrIndex.FsBase:
                value = c.Segments[SegmentIndex.Fs].Base;
                break;
            case X64MsrIndex.GsBase:
                value = c.Segments[SegmentIndex.Gs].Base;
                break;
            default:
                if (!ReadMsr(c, ref m, index, out value))
                {
                    return false;
                }

                break;
        }

        SetPair(c, value);
        return true;
    }

    internal static bool WriteModelSpecific(Core c, ref TMachine m, in Op op)
    {
        if (c.Cpl != 0)
        {
            return c.GeneralProtection();
        }

        uint index = (uint)c.Gpr[RegisterIndex.Rcx];
        ulong value = Pair(c);
        switch (index)
        {
            case X64MsrIndex.Efer:
                return SetEfer(c, value);

            case X64MsrIndex.FsBase or X64MsrIndex.GsBase:
                if (!c.IsCanonical(value))
                {
                    return c.GeneralProtection();
                }

                SetSegmentBase(c, index == X64MsrIndex.FsBase ? SegmentIndex.Fs : SegmentIndex.Gs, value);
                return true;

            default:
                if (!m.TryWriteMsr(index, value))
                {
                    return c.GeneralProtection();
                }

                if (index == X64MsrIndex.ApicBase)
                {
                    c.State.ApicBase = value;
                    c.State.Modified |= X64StateGroups.SpecialRegisters;
                }

                return true;
        }
    }

    private static bool SetEfer(Core c, ulong value)
    {
        const ulong Known = X64Efer.SyscallEnable | X64Efer.LongModeEnable | X64Efer.LongModeActive | X64Efer.NoExecuteEnable;
        X64CpuState s = c.State;

        // LME stays while paging is on; LMA is the processor's own.
        if ((value & ~Known) != 0 || (c.IsPaging && ((s.Efer ^ value) & X64Efer.LongModeEnable) != 0))
        {
            return c.GeneralProtection();
        }

        s.Efer = (value & ~X64Efer.LongModeActive) | (s.Efer & X64Efer.LongModeActive);
        ChangeTranslation(c);
        return true;
    }

    internal static bool ReadTime(Core c, ref TMachine m, in Op op)
    {
        if (!MayReadTime(c))
        {
            return c.GeneralProtection();
        }

        SetPair(c, m.ReadTimeStampCounter());
        return true;
    }

    private static bool MayReadTime(Core c) => c.Cpl == 0 || (c.State.Cr4 & FlagBits.Cr4TimeStampDisable) == 0;

    internal static bool ReadTimeAndProcessor(Core c, ref TMachine m, in Op op)
    {
        if (!MayReadTime(c))
        {
            return c.GeneralProtection();
        }

        if (!ReadMsr(c, ref m, TscAux, out ulong aux))
        {
            return false;
        }

        SetPair(c, m.ReadTimeStampCounter());
        c.Gpr[RegisterIndex.Rcx] = (uint)aux;
        return true;
    }

    internal static bool ReadProcessor(Core c, ref TMachine m, in Op op)
    {
        if (!ReadMsr(c, ref m, TscAux, out ulong aux))
        {
            return false;
        }

        c.Gpr[op.Reg0] = (uint)aux;
        return true;
    }

    /// <summary>There are no performance counters.</summary>
    internal static bool ReadCounter(Core c, ref TMachine m, in Op op) => c.GeneralProtection();

    /// <summary>RDRAND and RDSEED: CF says that there was a number; there always is.</summary>
    internal static bool ReadRandom(Core c, ref TMachine m, in Op op)
    {
        ulong value = 0;
        RandomNumberGenerator.Fill(Bytes(ref value, op.Size));
        SetRegister0(c, op, value);
        SetFlags(c, FlagBits.C);
        return true;
    }

    internal static bool CheckBounds(Core c, ref TMachine m, in Op op)
    {
        ulong place = Offset(c, op);
        if (!Read(c, ref m, op.Segment, place, op.Size, out ulong low)
            || !Read(c, ref m, op.Segment, (place + op.Size) & op.AddressMask, op.Size, out ulong high))
        {
            return false;
        }

        long index = (long)Sizes.SignExtend(Register0(c, op), op.Size);
        return (index >= (long)Sizes.SignExtend(low, op.Size) && index <= (long)Sizes.SignExtend(high, op.Size)) || c.Raise(Vectors.BoundRange);
    }

    internal static bool UndefinedInstruction(Core c, ref TMachine m, in Op op) => c.Undefined();

    /// <summary>CLFLUSH and its kin: the address is checked as a read of a byte is.</summary>
    internal static bool FlushLine(Core c, ref TMachine m, in Op op) =>
        Linear(c, op.Segment, Offset(c, op), 1, AccessKind.Read, out ulong linear)
        && Translate(c, ref m, linear, AccessKind.Read, system: false, out _);
}
