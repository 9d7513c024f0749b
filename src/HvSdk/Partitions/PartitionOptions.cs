namespace HvSdk;

/// <summary>How a <see cref="Partition"/> is made.</summary>
public sealed class PartitionOptions
{
    /// <summary>A name for people, in logs, metrics and activities.</summary>
    public string Name { get; set; } = "partition";

    /// <summary>Most vCPUs that the partition will have, 1 to <see cref="HypervisorCapabilities.MaxVcpus"/>. Default 1.</summary>
    public int MaxVcpus { get; set; } = 1;

    /// <summary>How much of the interrupt controller the host keeps. Default: nothing.</summary>
    public InterruptControllerMode InterruptController { get; set; }

    /// <summary>
    /// Hypercalls leave the guest, as far as the host lets them go (KVM on x64: KVM_HC_MAP_GPA_RANGE alone). Off: the host answers them.
    /// </summary>
    public bool ExitOnHypercall { get; set; }

    /// <summary>What only x86-64 guests have; left alone on other hosts.</summary>
    public X64PartitionOptions X64 { get; private init; } = new();

    /// <summary>What only AArch64 guests have; left alone on other hosts.</summary>
    public Arm64PartitionOptions Arm64 { get; private init; } = new();

    internal PartitionOptions Copy() => new()
    {
        Name = Name,
        MaxVcpus = MaxVcpus,
        InterruptController = InterruptController,
        ExitOnHypercall = ExitOnHypercall,
        X64 = X64.Copy(),
        Arm64 = Arm64.Copy(),
    };

    internal void Validate(HypervisorCapabilities capabilities)
    {
        ArgumentNullException.ThrowIfNull(Name);
        if (MaxVcpus < 1 || MaxVcpus > capabilities.MaxVcpus)
        {
            throw new ArgumentOutOfRangeException(
                nameof(MaxVcpus), MaxVcpus, $"A partition has 1 to {capabilities.MaxVcpus} vCPUs on {capabilities.BackendName}, and {MaxVcpus} were asked for. Set a number of these.");
        }

        switch (InterruptController)
        {
            case InterruptControllerMode.None:
                break;
            case InterruptControllerMode.PerVcpu:
                capabilities.Require(HypervisorFeatures.PerVcpuInterruptController);
                break;
            case InterruptControllerMode.Full:
                capabilities.Require(HypervisorFeatures.FullInterruptController);
                break;
            default:
                throw new ArgumentOutOfRangeException(
                    nameof(InterruptController), InterruptController, $"{InterruptController} is not a member of {nameof(InterruptControllerMode)}. Use None, PerVcpu or Full.");
        }

        if (ExitOnHypercall)
        {
            capabilities.Require(HypervisorFeatures.HypercallExits);
        }

        if (capabilities.Architecture == GuestArchitecture.X64)
        {
            X64.Validate(capabilities, InterruptController);
        }
        else
        {
            Arm64.Validate(capabilities, InterruptController, MaxVcpus);
        }
    }
}
