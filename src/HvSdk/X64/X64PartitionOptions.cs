namespace HvSdk;

/// <summary>How the x86-64 side of a <see cref="Partition"/> is made.</summary>
public sealed class X64PartitionOptions
{
    private const long MinTscFrequency = 1_000_000;
    private const int MaxMsrRanges = 16;
    private const int MaxMsrsPerRange = 0x3000;
    private const uint FirstX2ApicMsr = 0x800;
    private const uint LastX2ApicMsr = 0x8FF;

    /// <summary>
    /// Edits the CPUID answers of all vCPUs. Called once, by <see cref="Hypervisor.CreatePartition"/>, with a copy of
    /// <see cref="X64Host.GetSupportedCpuid"/>; null: that table as it is.
    /// </summary>
    public Action<X64CpuidTable>? ConfigureCpuid { get; set; }

    /// <summary>
    /// Model-specific registers whose accesses leave the guest, at most 16 ranges; they need not exist. The local APIC's own
    /// (0x800 to 0x8FF) cannot be chosen.
    /// </summary>
    public IList<X64MsrRange> MsrExits { get; } = [];

    /// <summary>Accesses to model-specific registers that the host does not know leave the guest. Off: the guest gets #GP.</summary>
    public bool ExitOnUnknownMsr { get; set; }

    /// <summary>The host keeps an 8254 timer at ports 0x40 to 0x43. Needs <see cref="InterruptControllerMode.Full"/>.</summary>
    public bool TimerChip { get; set; }

    /// <summary>Frequency of the time-stamp counter in hertz, or null for the host's own.</summary>
    public long? TscFrequency { get; set; }

    internal X64PartitionOptions Copy()
    {
        var copy = new X64PartitionOptions
        {
            ConfigureCpuid = ConfigureCpuid,
            ExitOnUnknownMsr = ExitOnUnknownMsr,
            TimerChip = TimerChip,
            TscFrequency = TscFrequency,
        };
        foreach (X64MsrRange range in MsrExits)
        {
            copy.MsrExits.Add(range);
        }

        return copy;
    }

    internal void Validate(HypervisorCapabilities capabilities, InterruptControllerMode mode)
    {
        if (MsrExits.Count > 0 || ExitOnUnknownMsr)
        {
            capabilities.Require(HypervisorFeatures.RegisterExits);
        }

        if (MsrExits.Count > MaxMsrRanges)
        {
            throw new ArgumentException($"{MsrExits.Count} ranges of MSRs were given, and {MaxMsrRanges} can be. Join some.", nameof(MsrExits));
        }

        foreach (X64MsrRange range in MsrExits)
        {
            Validate(range);
        }

        if (TimerChip)
        {
            if (mode != InterruptControllerMode.Full)
            {
                throw new ArgumentException(
                    $"The host's timer chip needs {nameof(InterruptControllerMode)}.{nameof(InterruptControllerMode.Full)}, and this is {mode}. Set {nameof(PartitionOptions)}.{nameof(PartitionOptions.InterruptController)}, or do without the chip.",
                    nameof(TimerChip));
            }

            capabilities.Require(HypervisorFeatures.TimerChip);
        }

        if (TscFrequency is { } frequency)
        {
            capabilities.Require(HypervisorFeatures.CounterFrequencyControl);
            if (frequency < MinTscFrequency)
            {
                throw new ArgumentOutOfRangeException(
                    nameof(TscFrequency), frequency, $"A time-stamp counter runs at {MinTscFrequency} Hz or more, and {frequency} were asked for. Set hertz, or null for the host's own.");
            }
        }
    }

    private static void Validate(X64MsrRange range)
    {
        if (range.Count is < 1 or > MaxMsrsPerRange || range.First + ((ulong)range.Count - 1) > uint.MaxValue)
        {
            throw new ArgumentException(
                $"A range of MSRs holds 1 to 0x{MaxMsrsPerRange:X} of them, and the one at 0x{range.First:X} holds {range.Count}. Split it, or set its count.", nameof(MsrExits));
        }

        if (range.Access is < X64MsrAccess.Read or > X64MsrAccess.ReadWrite)
        {
            throw new ArgumentException($"The range of MSRs at 0x{range.First:X} asks for no access. Use Read, Write or ReadWrite.", nameof(MsrExits));
        }

        if (range.First <= LastX2ApicMsr && range.First + (uint)range.Count - 1 >= FirstX2ApicMsr)
        {
            throw new ArgumentException(
                $"The range of MSRs at 0x{range.First:X} holds the local APIC's (0x{FirstX2ApicMsr:X} to 0x{LastX2ApicMsr:X}), which no host lets go. Leave them out.",
                nameof(MsrExits));
        }
    }
}
