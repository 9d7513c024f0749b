namespace HvSdk;

/// <summary>The interrupt inputs of an AArch64 vCPU (Arm ARM, D1.3.6).</summary>
public enum Arm64InterruptInput
{
    /// <summary>IRQ.</summary>
    Irq,

    /// <summary>FIQ.</summary>
    Fiq,
}
