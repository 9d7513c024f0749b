namespace HvSdk;

/// <summary>A system register of AArch64, by the fields that MRS and MSR encode (Arm ARM, C5.1.2).</summary>
/// <remarks>
/// The set is open: each processor has registers of its own, and each backend reaches some. <see cref="Encoding"/> is what
/// <see cref="VcpuExit.RegisterIndex"/> holds at an exit, and bits 20 to 5 of the instruction.
/// </remarks>
public readonly partial record struct Arm64SystemRegister
{
    private const int Op0Shift = 14;
    private const int Op1Shift = 11;
    private const int CrnShift = 7;
    private const int CrmShift = 3;

    /// <summary>The register of an encoding.</summary>
    /// <param name="encoding">op0:op1:CRn:CRm:op2 in 2, 3, 4, 4 and 3 bits, op0 on top.</param>
    public Arm64SystemRegister(ushort encoding) => Encoding = encoding;

    /// <summary>op0:op1:CRn:CRm:op2 in 2, 3, 4, 4 and 3 bits, op0 on top.</summary>
    public ushort Encoding { get; init; }

    /// <summary>op0, 0 to 3.</summary>
    public int Op0 => Encoding >> Op0Shift;

    /// <summary>op1, 0 to 7.</summary>
    public int Op1 => (Encoding >> Op1Shift) & 7;

    /// <summary>CRn, 0 to 15.</summary>
    public int Crn => (Encoding >> CrnShift) & 15;

    /// <summary>CRm, 0 to 15.</summary>
    public int Crm => (Encoding >> CrmShift) & 15;

    /// <summary>op2, 0 to 7.</summary>
    public int Op2 => Encoding & 7;

    /// <summary>The register of five fields.</summary>
    /// <param name="op0">op0, 0 to 3.</param>
    /// <param name="op1">op1, 0 to 7.</param>
    /// <param name="crn">CRn, 0 to 15.</param>
    /// <param name="crm">CRm, 0 to 15.</param>
    /// <param name="op2">op2, 0 to 7.</param>
    /// <exception cref="ArgumentOutOfRangeException">A field does not fit its bits.</exception>
    public static Arm64SystemRegister Create(int op0, int op1, int crn, int crm, int op2)
    {
        RequireFits(op0, 3, nameof(op0));
        RequireFits(op1, 7, nameof(op1));
        RequireFits(crn, 15, nameof(crn));
        RequireFits(crm, 15, nameof(crm));
        RequireFits(op2, 7, nameof(op2));
        return Of(op0, op1, crn, crm, op2);
    }

    /// <summary>The architecture's name where HvSdk has it, else the generic one of the assemblers: "S3_0_C15_C2_1".</summary>
    public override string ToString() => ArchitecturalName ?? $"S{Op0}_{Op1}_C{Crn}_C{Crm}_{Op2}";

    private static Arm64SystemRegister Of(int op0, int op1, int crn, int crm, int op2) =>
        new((ushort)((op0 << Op0Shift) | (op1 << Op1Shift) | (crn << CrnShift) | (crm << CrmShift) | op2));

    private static void RequireFits(int value, int max, string name)
    {
        if ((uint)value > (uint)max)
        {
            throw new ArgumentOutOfRangeException(name, value, $"{name} of a system register is 0 to {max}, and this is {value}.");
        }
    }
}

/// <summary>A system register and its value.</summary>
/// <param name="Register">The register.</param>
/// <param name="Value">The value.</param>
public readonly record struct Arm64SystemRegisterValue(Arm64SystemRegister Register, ulong Value);
