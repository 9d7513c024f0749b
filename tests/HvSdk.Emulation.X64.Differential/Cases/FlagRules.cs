using Iced.Intel;

namespace HvSdk.Emulation.Differential;

/// <summary>
/// Which flags nobody may compare or depend on. Iced's table says what each instruction leaves undefined (it follows the
/// instruction pages of Intel's SDM vol. 2); this adds what depends on operands.
/// </summary>
internal static class FlagRules
{
    private const RflagsBits Arithmetic = RflagsBits.CF | RflagsBits.PF | RflagsBits.AF | RflagsBits.ZF | RflagsBits.SF | RflagsBits.OF;

    /// <summary>The flags that are undefined once the instructions have run, whichever way the branches went; bits of RFLAGS.</summary>
    /// <param name="instructions">The instructions.</param>
    /// <param name="isAnywhere">Also those that were undefined on the way: the case may have stopped there.</param>
    public static ulong Undefined(IReadOnlyList<CaseInstruction> instructions, bool isAnywhere)
    {
        RflagsBits undefined = 0;
        RflagsBits any = 0;
        bool hasBranch = false;
        foreach (CaseInstruction item in instructions)
        {
            hasBranch |= item.Target != CaseInstruction.NoTarget;
            undefined = After(item.Instruction, undefined, hasBranch);
            any |= undefined;
        }

        return ToRflags(isAnywhere ? any : undefined);
    }

    /// <summary>The undefined flags after an instruction.</summary>
    /// <param name="instruction">The instruction.</param>
    /// <param name="before">Those before it.</param>
    /// <param name="hasBranch">A branch may have skipped it, so that what it defines may stay undefined.</param>
    public static RflagsBits After(in Instruction instruction, RflagsBits before, bool hasBranch)
    {
        RflagsBits undefined = Undefined(instruction);
        RflagsBits defined = hasBranch || MayLeaveFlags(instruction)
            ? 0
            : instruction.RflagsWritten | instruction.RflagsCleared | instruction.RflagsSet;
        return ((before & ~defined) | undefined) & Arithmetic;
    }

    /// <summary>A loop may go back over the instructions: none reads what a later one leaves undefined.</summary>
    public static bool CanRepeat(IReadOnlyList<CaseInstruction> instructions)
    {
        RflagsBits undefined = 0;
        foreach (CaseInstruction item in instructions)
        {
            undefined |= Undefined(item.Instruction) & Arithmetic;
        }

        return !instructions.Any(item => ReadsUndefined(item.Instruction, undefined));
    }

    /// <summary>The instruction's result depends on flags that are undefined.</summary>
    public static bool ReadsUndefined(in Instruction instruction, RflagsBits undefined) =>
        (instruction.RflagsRead & undefined) != 0
        || (undefined != 0 && instruction.Mnemonic is Mnemonic.Pushf or Mnemonic.Pushfd or Mnemonic.Pushfq or Mnemonic.Lahf
            or Mnemonic.Int3 or Mnemonic.Into or Mnemonic.Int or Mnemonic.Int1 or Mnemonic.Syscall);

    // CMPS and SCAS with REP and a count of 0 leave all flags; shifts by CL do with 0.
    private static bool MayLeaveFlags(in Instruction instruction) =>
        instruction.HasRepPrefix || instruction.HasRepnePrefix || IsShift(instruction.Mnemonic);

    private static RflagsBits Undefined(in Instruction instruction)
    {
        RflagsBits undefined = instruction.RflagsUndefined;
        switch (instruction.Mnemonic)
        {
            // OF is defined for a count of 1 alone, CF of a shift for counts up to the operand's size. (SDM vol. 2B, SAL/SAR/SHL/SHR)
            case Mnemonic.Shl or Mnemonic.Sal or Mnemonic.Shr or Mnemonic.Sar:
                undefined |= RflagsBits.AF;
                undefined |= IsByOne(instruction) ? 0 : RflagsBits.OF;
                undefined |= IsNarrow(instruction) && !IsByOne(instruction) && instruction.Mnemonic != Mnemonic.Sar ? RflagsBits.CF : 0;
                break;
            case Mnemonic.Rol or Mnemonic.Ror or Mnemonic.Rcl or Mnemonic.Rcr:
                undefined |= IsByOne(instruction) ? 0 : RflagsBits.OF;
                break;
            case Mnemonic.Shld or Mnemonic.Shrd:
                undefined |= RflagsBits.AF | RflagsBits.OF;
                break;
        }

        return undefined;
    }

    private static bool IsShift(Mnemonic mnemonic) => mnemonic is Mnemonic.Shl or Mnemonic.Sal or Mnemonic.Shr or Mnemonic.Sar
        or Mnemonic.Rol or Mnemonic.Ror or Mnemonic.Rcl or Mnemonic.Rcr or Mnemonic.Shld or Mnemonic.Shrd;

    private static bool IsByOne(in Instruction instruction) =>
        instruction.Op1Kind == OpKind.Immediate8 && (instruction.Immediate8 & 0x1F) == 1;

    private static bool IsNarrow(in Instruction instruction) => instruction.Op0Kind == OpKind.Register
        ? instruction.Op0Register.GetSize() < 4
        : instruction.MemorySize.GetSize() < 4;

    private static ulong ToRflags(RflagsBits bits)
    {
        ulong flags = 0;
        flags |= bits.HasFlag(RflagsBits.CF) ? X64Flags.Carry : 0;
        flags |= bits.HasFlag(RflagsBits.PF) ? X64Flags.Parity : 0;
        flags |= bits.HasFlag(RflagsBits.AF) ? X64Flags.Auxiliary : 0;
        flags |= bits.HasFlag(RflagsBits.ZF) ? X64Flags.Zero : 0;
        flags |= bits.HasFlag(RflagsBits.SF) ? X64Flags.Sign : 0;
        flags |= bits.HasFlag(RflagsBits.OF) ? X64Flags.Overflow : 0;
        return flags;
    }
}
