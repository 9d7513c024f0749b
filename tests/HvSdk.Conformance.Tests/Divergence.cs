using HvSdk.Live;
using Xunit.Sdk;

namespace HvSdk.Conformance.Tests;

/// <summary>A line of the table: a behaviour that a hypervisor does not have, and what it does instead.</summary>
/// <param name="Behaviour">The behaviour's name, as given to <see cref="Divergences.Check"/>.</param>
/// <param name="Hypervisor">First word of the host descriptions that the line is about: "kvm_pvm"; or the family: "kvm" is all of kvm_amd, kvm_intel, kvm_pvm, kvm_arm64. "kvm_amd@tcg" is kvm_amd on a processor that QEMU emulates.</param>
/// <param name="Outcome">What happens instead; the test asserts it.</param>
/// <param name="Differs">The difference, for people.</param>
/// <param name="Why">Where it comes from, for people.</param>
internal sealed record Divergence(string Behaviour, string Hypervisor, DivergentOutcome Outcome, string Differs, string Why);

/// <summary>What a test meets on a host that does not have its behaviour.</summary>
internal abstract record DivergentOutcome
{
    /// <summary>The outcome is this one; else a text that says why not.</summary>
    public abstract string? FindMismatch(Exception failure);

    /// <summary>The guest leaves in another way than the behaviour's.</summary>
    public sealed record Exit(VcpuExitKind Kind) : DivergentOutcome
    {
        public override string? FindMismatch(Exception failure) =>
            failure is UnexpectedExitException exit && exit.Kind == Kind ? null : $"should be an exit {Kind}";
    }

    /// <summary>The guest does not leave where it should.</summary>
    public sealed record NoExit : DivergentOutcome
    {
        public override string? FindMismatch(Exception failure) => failure is TimeoutException ? null : "should be a guest that does not leave";
    }

    /// <summary>The host cannot emulate the instruction, and gives its bytes.</summary>
    /// <param name="Instruction">The instruction's first bytes, in hexadecimal.</param>
    public sealed record EmulationFailure(string Instruction) : DivergentOutcome
    {
        public override string? FindMismatch(Exception failure) =>
            failure is UnexpectedExitException { Kind: VcpuExitKind.EmulationFailure } exit
            && Convert.ToHexString([.. exit.InstructionBytes]).StartsWith(Instruction, StringComparison.Ordinal)
                ? null
                : $"should be an emulation failure at {Instruction}";
    }

    /// <summary>The guest or the host sees another value: the test's assertion fails.</summary>
    /// <param name="Text">A part of the assertion's message that tells this failure from others.</param>
    public sealed record Value(string Text) : DivergentOutcome
    {
        public override string? FindMismatch(Exception failure) =>
            failure is XunitException and not UnexpectedExitException && failure.Message.Contains(Text, StringComparison.Ordinal)
                ? null
                : $"should be a failed assertion whose message contains: {Text}";
    }

    /// <summary>The behaviour may be there or not: the test may pass, or end in one of the outcomes.</summary>
    public sealed record Unreliable(params IReadOnlyList<DivergentOutcome> Outcomes) : DivergentOutcome
    {
        public override string? FindMismatch(Exception failure) =>
            Outcomes.Any(outcome => outcome.FindMismatch(failure) is null)
                ? null
                : string.Join(", or ", Outcomes.Select(outcome => outcome.FindMismatch(failure)));
    }
}
