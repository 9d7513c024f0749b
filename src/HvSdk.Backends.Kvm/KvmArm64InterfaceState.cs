namespace HvSdk.Backends.Kvm;

/// <summary>Which system registers are saved of a vCPU: its own, and where the kernel keeps the GIC those of its CPU interface.</summary>
internal static class KvmArm64InterfaceState
{
    private const int MaxActivePriorities = 4;

    /// <summary>In the order in which they are loaded: access by system registers comes first.</summary>
    private static readonly Arm64SystemRegister[] s_interface =
    [
        Arm64SystemRegister.IccSreEl1, Arm64SystemRegister.IccCtlrEl1, Arm64SystemRegister.IccPmrEl1, Arm64SystemRegister.IccBpr0El1, Arm64SystemRegister.IccBpr1El1,
        Arm64SystemRegister.IccIgrpen0El1, Arm64SystemRegister.IccIgrpen1El1,
    ];

    internal static IEnumerable<Arm64SystemRegisterValue> ReadAll(KvmArm64Registers registers, IReadOnlyList<Arm64SystemRegister> own, bool hasGic)
    {
        foreach (Arm64SystemRegister register in own)
        {
            yield return new(register, registers.Get(register));
        }

        if (!hasGic)
        {
            yield break;
        }

        foreach (Arm64SystemRegister register in s_interface)
        {
            yield return new(register, registers.Get(register));
        }

        // ICC_AP0R0_EL1 to ICC_AP0R3_EL1 and ICC_AP1R0_EL1 to ICC_AP1R3_EL1: as many as the processor has bits of priority for (GICv3 architecture, 12.2.1).
        for (int i = 0; i < MaxActivePriorities * 2; i++)
        {
            bool isGroup1 = i >= MaxActivePriorities;
            Arm64SystemRegister register = Arm64SystemRegister.Create(3, 0, 12, isGroup1 ? 9 : 8, (isGroup1 ? 0 : 4) + (i % MaxActivePriorities));
            if (registers.TryGet(register, out ulong value, out _))
            {
                yield return new(register, value);
            }
        }
    }
}
