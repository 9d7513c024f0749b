namespace HvSdk;

/// <summary>How the AArch64 side of a <see cref="Partition"/> is made.</summary>
public sealed class Arm64PartitionOptions
{
    /// <summary>Where the GIC lies that the host keeps with <see cref="InterruptControllerMode.Full"/>; without meaning otherwise.</summary>
    public Arm64GicLayout Gic { get; set; } = new();

    /// <summary>
    /// The guest's PSCI calls (DEN 0022), by HVC and by SMC, start and stop its vCPUs and end it. Off: they are hypercalls as all others
    /// (<see cref="PartitionOptions.ExitOnHypercall"/>), and no vCPU but the first starts by itself.
    /// </summary>
    public bool Psci { get; set; } = true;

    /// <summary>What an access to a system register does that neither the host nor HvSdk knows. Anything but the default needs <see cref="HypervisorFeatures.RegisterExits"/>.</summary>
    public Arm64UnknownRegisterPolicy UnknownRegisters { get; set; }

    internal Arm64PartitionOptions Copy() => new()
    {
        Gic = Gic,
        Psci = Psci,
        UnknownRegisters = UnknownRegisters,
    };

    internal void Validate(HypervisorCapabilities capabilities, InterruptControllerMode mode, int maxVcpus)
    {
        if (!Enum.IsDefined(UnknownRegisters))
        {
            throw new ArgumentOutOfRangeException(
                nameof(UnknownRegisters), UnknownRegisters, $"{UnknownRegisters} is not a member of {nameof(Arm64UnknownRegisterPolicy)}. Use Undefined, ReadZero or Exit.");
        }

        if (UnknownRegisters != Arm64UnknownRegisterPolicy.Undefined)
        {
            capabilities.Require(HypervisorFeatures.RegisterExits);
        }

        ArgumentNullException.ThrowIfNull(Gic);
        if (mode == InterruptControllerMode.Full)
        {
            Gic.Validate(capabilities, maxVcpus);
        }
    }
}

/// <summary>What becomes of an access to a system register that nobody knows.</summary>
public enum Arm64UnknownRegisterPolicy
{
    /// <summary>The guest gets the exception of an undefined instruction, as on a processor without the register.</summary>
    Undefined,

    /// <summary>Reads give zero and writes vanish: for guests that touch what only newer or older processors have.</summary>
    ReadZero,

    /// <summary>It leaves with <see cref="VcpuExitKind.RegisterRead"/> or <see cref="VcpuExitKind.RegisterWrite"/>.</summary>
    Exit,
}
