namespace HvSdk;

/// <summary>What the opened hypervisor offers, asked of the host when it was opened and constant from then on.</summary>
public sealed record HypervisorCapabilities
{
    /// <summary>Name of the backend, for people: "KVM".</summary>
    public required string BackendName { get; init; }

    /// <summary>The hypervisor under the backend, for people: its module, its version.</summary>
    public required string HostDescription { get; init; }

    /// <summary>The guests' architecture.</summary>
    public required GuestArchitecture Architecture { get; init; }

    /// <summary>What it can do.</summary>
    public required HypervisorFeatures Features { get; init; }

    /// <summary>Most vCPUs in one partition.</summary>
    public required int MaxVcpus { get; init; }

    /// <summary>Most memory regions mapped at once in one partition.</summary>
    public required int MaxMemoryRegions { get; init; }

    /// <summary>Most bytes in one memory region.</summary>
    public ulong MaxMemoryRegionSize { get; init; } = ulong.MaxValue;

    /// <summary>Guest pages in bytes: what regions are aligned to and dirty tracking counts in.</summary>
    public required int PageSize { get; init; }

    /// <summary>Bits of a GPA: RAM must lie below 2 to this power.</summary>
    public required int GuestPhysicalAddressBits { get; init; }

    /// <summary>Hardware breakpoints per vCPU.</summary>
    public required int MaxHardwareBreakpoints { get; init; }

    /// <summary>Interrupt lines of the full interrupt controller; 0 where there is none.</summary>
    public required int InterruptLineCount { get; init; }

    /// <summary>Tells whether all the given features are there.</summary>
    /// <param name="features">The features.</param>
    public bool Supports(HypervisorFeatures features) => (Features & features) == features;

    /// <summary>Refuses features that are not there.</summary>
    /// <param name="features">The features.</param>
    /// <exception cref="NotSupportedException">One of them is absent; the text names it.</exception>
    public void Require(HypervisorFeatures features)
    {
        HypervisorFeatures missing = features & ~Features;
        if (missing != HypervisorFeatures.None)
        {
            throw new NotSupportedException(
                $"{BackendName} on this machine ({HostDescription}) does not offer {missing}. " +
                $"Ask {nameof(HypervisorCapabilities)}.{nameof(Supports)} before, and do without it where it is absent.");
        }
    }
}

/// <summary>The instruction set that a guest runs.</summary>
public enum GuestArchitecture
{
    /// <summary>x86-64, with its 16- and 32-bit modes.</summary>
    X64,

    /// <summary>AArch64.</summary>
    Arm64,
}
