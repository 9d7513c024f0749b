namespace HvSdk;

/// <summary>What a host's hypervisor can do. What is absent is refused with a <see cref="NotSupportedException"/>, never silently left out.</summary>
[Flags]
public enum HypervisorFeatures
{
    /// <summary>Nothing beyond partitions, vCPUs, RAM and exits.</summary>
    None = 0,

    /// <summary>Memory that the guest can read and not write.</summary>
    ReadOnlyMemory = 1 << 0,

    /// <summary>Knowing which pages the guest has written.</summary>
    DirtyTracking = 1 << 1,

    /// <summary>Memory backed by huge pages that were set aside (<see cref="HvSdk.HugePages.Size2MiB"/>, <see cref="HvSdk.HugePages.Size1GiB"/>).</summary>
    HugePages = 1 << 2,

    /// <summary>More than one partition at a time in one process.</summary>
    ManyPartitions = 1 << 3,

    /// <summary>The host keeps the whole interrupt controller (<see cref="InterruptControllerMode.Full"/>).</summary>
    FullInterruptController = 1 << 4,

    /// <summary>The host keeps each vCPU's own interrupt controller (<see cref="InterruptControllerMode.PerVcpu"/>).</summary>
    PerVcpuInterruptController = 1 << 5,

    /// <summary>Message-signalled interrupts.</summary>
    Msi = 1 << 6,

    /// <summary>Interrupts raised through a waitable, without a call into the partition (<see cref="InterruptTrigger"/>).</summary>
    InterruptTriggers = 1 << 7,

    /// <summary>Doorbells served by the host; without it the bus serves them, at the cost of an exit each.</summary>
    HostDoorbells = 1 << 8,

    /// <summary>A timer chip kept by the host (x64: 8254).</summary>
    TimerChip = 1 << 9,

    /// <summary>Leaving the guest after each instruction.</summary>
    SingleStep = 1 << 10,

    /// <summary>Leaving the guest at breakpoint instructions.</summary>
    SoftwareBreakpoints = 1 << 11,

    /// <summary>Breakpoints in the processor's own registers.</summary>
    HardwareBreakpoints = 1 << 12,

    /// <summary>Leaving the guest at accesses to chosen system registers.</summary>
    RegisterExits = 1 << 13,

    /// <summary>Leaving the guest at hypercalls.</summary>
    HypercallExits = 1 << 14,

    /// <summary>Saving and loading all state.</summary>
    StateTransfer = 1 << 15,

    /// <summary>Counters kept by the host.</summary>
    HostStatistics = 1 << 16,

    /// <summary>A frequency of the counter that guests take the time from, chosen by the caller (x86-64: the time-stamp counter).</summary>
    CounterFrequencyControl = 1 << 17,

    /// <summary>Giving pages of RAM back to the host while the guest has them (<see cref="GuestMemory.TryDiscard"/>).</summary>
    MemoryDiscard = 1 << 18,

    /// <summary>
    /// A clock of the host that guests find by themselves and that tells them the frequency of their time-stamp counter (x64: kvm-clock, in CPUID leaf 0x40000001).
    /// A guest without one measures the frequency against a timer chip.
    /// </summary>
    ParavirtualClock = 1 << 19,
}
