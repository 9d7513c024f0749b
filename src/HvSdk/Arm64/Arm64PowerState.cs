namespace HvSdk;

/// <summary>Whether an AArch64 vCPU takes part (PSCI, DEN 0022, 5.1.5 to 5.1.7).</summary>
public enum Arm64PowerState
{
    /// <summary>It executes instructions, or waits for an interrupt.</summary>
    On,

    /// <summary>It is off: its runs wait for CPU_ON.</summary>
    Off,
}
