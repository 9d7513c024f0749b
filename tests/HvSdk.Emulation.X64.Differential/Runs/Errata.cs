using Iced.Intel;

namespace HvSdk.Emulation.Differential;

/// <summary>Where a processor that plays the truth is wrong: such a case is counted under its reason, and not compared.</summary>
/// <param name="Hypervisor">The processor: first word of the host's description.</param>
/// <param name="What">What it does otherwise than the manuals say.</param>
/// <param name="Matches">Whether a case is one of these.</param>
internal sealed record Errata(string Hypervisor, string What, Func<ErratumCase, bool> Matches)
{
    private const string Tcg = "kvm_amd@tcg"; // QEMU 7.2

    private const int StackFault = 12;
    private const int GeneralProtection = 13;
    private const int AlignmentCheck = 17;

    /// <summary>The table.</summary>
    public static IReadOnlyList<Errata> Table { get; } =
    [
        new(Tcg, "#SS of addresses that are not canonical is #GP", static c => c.Expected(GeneralProtection) && c.Actual(StackFault)),
        new(Tcg, "Jumps to addresses that are not canonical fault at their target", static c => c.IsLateJump),
        new(Tcg, "Alignment is not checked", static c => c.Actual(AlignmentCheck)),
        new(Tcg, "Vector operands need no alignment, and MXCSR takes any value", static c => c.Actual(GeneralProtection) && c.IsVectorFault),
        new(Tcg, "Accesses heed neither limits nor types of segments", static c =>
            !c.Is64 && (c.Actual(GeneralProtection) || c.Actual(StackFault)) && !c.IsSameEnd && c.IsOrdinaryAccess),
        new(Tcg, "INT n that faults counts entries of 8 bytes in long mode too", static c =>
            c.Machine.IsLong && c.Expected(GeneralProtection) && c.Actual(GeneralProtection) && c.Faulting.Mnemonic is Mnemonic.Int or Mnemonic.Int3 or Mnemonic.Into),
    ];

    /// <summary>The reason why a case is not compared; null: it is.</summary>
    public static string? ReasonOf(TestCase test, Outcome expected, Outcome actual, string hypervisor)
    {
        ErratumCase found = new(test, expected, actual);
        return Table.FirstOrDefault(line => line.Hypervisor == hypervisor && line.Matches(found))?.What;
    }
}

/// <summary>A case and its two outcomes, as <see cref="Errata"/> ask about them.</summary>
/// <param name="test">The case.</param>
/// <param name="expected">The processor's outcome.</param>
/// <param name="actual">The emulator's.</param>
internal sealed class ErratumCase(TestCase test, Outcome expected, Outcome actual)
{
    private Instruction? _faulting;

    public TestCase Test { get; } = test;

    public Machine Machine { get; } = Machine.Of(test.Mode);

    public bool Is64 => Machine.Bitness == 64;

    public bool IsSameEnd => expected.End == actual.End && expected.Vector == actual.Vector;

    /// <summary>The instruction that faulted on the emulator; the default where none did.</summary>
    public Instruction Faulting => _faulting ??= actual.End == EndKind.Handler ? FaultFrame.Faulting(Test, actual) : default;

    public bool IsVectorFault => Faulting.Code != Code.INVALID && InstructionPool.IsVector(Faulting.Code) && !IsSameEnd;

    /// <summary>It reads or writes memory or the stack, and does nothing with segments.</summary>
    public bool IsOrdinaryAccess => Faulting.Code != Code.INVALID && (Test.System is null || SystemPool.IsAccess(Faulting));

    /// <summary>A fault at an address that no jump may go to.</summary>
    public bool IsLateJump
    {
        get
        {
            ulong frame = expected.Registers.Rsp + 8;
            return Expected(13)
                && frame <= MachineMap.ComparedSize - 8
                && expected.SpecialRegisters.Cs.IsLong
                && (BitConverter.ToInt64(expected.Memory, (int)frame) >> 47) is not (0 or -1);
        }
    }

    public bool Expected(int vector) => expected.End == EndKind.Handler && expected.Vector == vector;

    public bool Actual(int vector) => actual.End == EndKind.Handler && actual.Vector == vector;
}
