namespace HvSdk.Backends;

/// <summary>An opened hypervisor of a backend. Any thread may call.</summary>
public abstract class HypervisorHost : IDisposable
{
    /// <summary>What it offers.</summary>
    public abstract HypervisorCapabilities Capabilities { get; }

    /// <summary>What it offers to x86-64 guests, or null for another architecture.</summary>
    public virtual X64HostBackend? X64 => null;

    /// <summary>What it offers to AArch64 guests, or null for another architecture.</summary>
    public virtual Arm64HostBackend? Arm64 => null;

    /// <summary>Makes a partition. The options are checked, and are the caller's no more.</summary>
    /// <param name="options">The options.</param>
    public abstract PartitionBackend CreatePartition(PartitionOptions options);

    /// <summary>Closes the hypervisor; partitions that exist go on.</summary>
    public abstract void Dispose();
}

/// <summary>What an opened hypervisor tells about x86-64 guests. Any thread may call.</summary>
public abstract class X64HostBackend
{
    /// <summary>The CPUID answers that the host can offer.</summary>
    public abstract X64CpuidTable GetSupportedCpuid();

    /// <summary>Indexes of the model-specific registers that hold state of a vCPU here.</summary>
    public abstract IReadOnlyList<uint> GetMsrIndexes();
}

/// <summary>What an opened hypervisor tells about AArch64 guests. Any thread may call.</summary>
public abstract class Arm64HostBackend
{
    /// <summary>Frequency of the guests' counters in hertz.</summary>
    public abstract long CounterFrequency { get; }

    /// <summary>The identification registers that guests see, with their values.</summary>
    public abstract IReadOnlyList<Arm64SystemRegisterValue> GetFeatureRegisters();

    /// <summary>The system registers that hold state of a vCPU here.</summary>
    public abstract IReadOnlyList<Arm64SystemRegister> GetStateRegisters();
}
