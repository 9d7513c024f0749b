using HvSdk.Backends;

namespace HvSdk;

/// <summary>What the opened hypervisor offers to x86-64 guests. Any thread may call.</summary>
public sealed class X64Host
{
    private readonly X64HostBackend _backend;

    internal X64Host(X64HostBackend backend) => _backend = backend;

    /// <summary>The CPUID answers that the host can offer: what a partition gets where nothing else is said.</summary>
    /// <returns>A table of the caller's own.</returns>
    public X64CpuidTable GetSupportedCpuid() => _backend.GetSupportedCpuid();

    /// <summary>Indexes of the model-specific registers that hold state of a vCPU on this host.</summary>
    public IReadOnlyList<uint> GetMsrIndexes() => _backend.GetMsrIndexes();
}
