namespace HvSdk.VirtualMachines;

/// <summary>The processors of a machine.</summary>
public sealed class ProcessorOptions
{
    /// <summary>How many, 1 to what the host gives; default 1. All start with the machine; the guest's kernel wakes the further ones.</summary>
    public int Count { get; set; } = 1;

    /// <summary>
    /// Edits the CPUID answers (x64), after the machine has set its topology: one package of <see cref="Count"/> cores. Take features away here.
    /// </summary>
    public Action<X64CpuidTable>? ConfigureCpuid { get; set; }

    /// <summary>Frequency of the time-stamp counter in hertz, or null for the host's own.</summary>
    public long? TscFrequency { get; set; }
}
