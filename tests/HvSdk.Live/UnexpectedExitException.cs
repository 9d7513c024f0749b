using Xunit.Sdk;

namespace HvSdk.Live;

/// <summary>The guest left in another way than the test expects. Kept apart from other failures, since a host may be known to do that.</summary>
public sealed class UnexpectedExitException : XunitException
{
    private UnexpectedExitException(string message, VcpuExitKind kind, byte[] instructionBytes)
        : base(message)
    {
        Kind = kind;
        InstructionBytes = instructionBytes;
    }

    /// <summary>How it left.</summary>
    public VcpuExitKind Kind { get; }

    /// <summary>The instruction of an <see cref="VcpuExitKind.EmulationFailure"/>; empty for all other kinds.</summary>
    public IReadOnlyList<byte> InstructionBytes { get; }

    /// <summary>Fails unless the guest left in the expected way.</summary>
    /// <param name="expected">The way.</param>
    /// <param name="exit">The exit.</param>
    /// <param name="vcpu">The vCPU, for the message.</param>
    /// <param name="program">What it runs, for the message.</param>
    public static void ThrowUnless(VcpuExitKind expected, in VcpuExit exit, Vcpu vcpu, TestProgram? program)
    {
        if (exit.Kind == expected)
        {
            return;
        }

        ArgumentNullException.ThrowIfNull(vcpu);
        byte[] instruction = exit.Kind == VcpuExitKind.EmulationFailure ? exit.InstructionBytes.ToArray() : [];
        string message = $"""
            The guest should leave with {expected}, and left with: {exit.ToString()}
            {Describe(vcpu)}
            {program?.Disassemble()}
            """;
        throw new UnexpectedExitException(message, exit.Kind, instruction);
    }

    private static string Describe(Vcpu vcpu) => vcpu.Partition.Capabilities.Architecture == GuestArchitecture.X64
        ? $"{vcpu.X64.GetRegisters()}"
        : $"{vcpu.Arm64.GetRegisters()}{Environment.NewLine}last exception: ESR_EL1 0x{vcpu.Arm64.GetSystemRegister(Arm64SystemRegister.EsrEl1):X}, " +
          $"ELR_EL1 0x{vcpu.Arm64.GetSystemRegister(Arm64SystemRegister.ElrEl1):X}, FAR_EL1 0x{vcpu.Arm64.GetSystemRegister(Arm64SystemRegister.FarEl1):X}";
}
