namespace HvSdk.Emulation.Differential;

/// <summary>Cases that cannot be compared.</summary>
internal static class Skips
{
    /// <summary>Why a case is not compared; null: it is.</summary>
    public static string? ReasonOf(TestCase test, Outcome outcome, string engine)
    {
        switch (outcome.End)
        {
            case EndKind.Timeout:
                return $"do not end ({engine})";
            case EndKind.Unsupported:
                return $"unsupported by the {engine}";
            case EndKind.Handler when outcome.Vector == 1:
                // KVM_PVM: the host handles the trap flag of code that runs natively, and QEMU's DR6 is its own.
                return "single-stepped";
            default:
                return null;
        }
    }
}
