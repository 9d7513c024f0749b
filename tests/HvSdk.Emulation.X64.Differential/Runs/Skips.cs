using Iced.Intel;

namespace HvSdk.Emulation.Differential;

/// <summary>Cases that cannot be compared.</summary>
internal static class Skips
{
    /// <summary>Why a case is not compared although each engine ran it; null: it is.</summary>
    public static string? ReasonOf(TestCase test, Outcome expected, Outcome actual, string hypervisor)
    {
        if (Errata.ReasonOf(test, expected, actual, hypervisor) is { } erratum)
        {
            return $"{hypervisor}: {erratum}";
        }

        // A #GP at privilege level 3 may be a privileged instruction of the guest's, so KVM_PVM hands it to KVM's instruction emulator: that raises #UD where it does not
        // know the instruction, and #SS for overrides of the stack segment, which mean nothing in 64-bit mode.
        bool wasEmulated = hypervisor == "kvm_pvm" && expected is { End: EndKind.Handler, Vector: 6 or 12 } && actual is { End: EndKind.Handler, Vector: 13 };
        if (wasEmulated)
        {
            return "#GP that the host's emulator made #UD or #SS of";
        }

        // That emulator also knows FXSAVE and FXRSTOR, and does not ask how their operand lies.
        if (hypervisor == "kvm_pvm" && actual is { End: EndKind.Handler, Vector: 13 } && FaultFrame.Faulting(test, actual).Mnemonic is Mnemonic.Fxsave or Mnemonic.Fxsave64 or Mnemonic.Fxrstor or Mnemonic.Fxrstor64)
        {
            return "#GP of FXSAVE and FXRSTOR that the host's emulator does without";
        }

        return expected.End == EndKind.Handler && actual.End == EndKind.Handler ? ReasonOfFault(FaultFrame.Faulting(test, expected)) : null;
    }

    // Makes of processors differ in what these leave behind where they fault.
    private static string? ReasonOfFault(in Instruction faulting) => faulting.Mnemonic switch
    {
        // Which of its operands CMPS reads first is left open. With REP, Intel's processors put RFLAGS back to what it was before (SDM vol. 2B, REP), and AMD's keep
        // the last comparison.
        Mnemonic.Cmpsb or Mnemonic.Cmpsw or Mnemonic.Cmpsd or Mnemonic.Cmpsq => "CMPS that faults",
        Mnemonic.Scasb or Mnemonic.Scasw or Mnemonic.Scasd or Mnemonic.Scasq => "SCAS that faults",

        // The return address below a stack pointer that did not move: Intel's processors write it before they look at the target, AMD's do not.
        Mnemonic.Call when faulting.FlowControl == FlowControl.IndirectCall => "CALL that faults",
        _ => null,
    };

    /// <summary>Why a case is not compared; null: it is.</summary>
    public static string? ReasonOf(TestCase test, Outcome outcome, string engine)
    {
        if (test.Instructions.Any(static item => item.Instruction.HasRepPrefix || item.Instruction.HasRepnePrefix) && !IsCodeWhole(test, outcome))
        {
            // Whether it sees that before its end depends on how many bytes a processor moves at once.
            return "repeated moves over the code";
        }

        switch (outcome.End)
        {
            case EndKind.Timeout:
                return $"do not end ({engine})";
            case EndKind.Unsupported:
                return $"unsupported by the {engine}";
            case EndKind.Handler when outcome.Vector == 1 && test.System is null:
                // KVM_PVM: the host handles the trap flag of code that runs natively, and QEMU's DR6 is its own.
                return "single-stepped";
            default:
                return null;
        }
    }

    private static bool IsCodeWhole(TestCase test, Outcome outcome) =>
        outcome.Memory.AsSpan((int)test.CodeAddress, test.Code.Length).SequenceEqual(test.Code);
}
