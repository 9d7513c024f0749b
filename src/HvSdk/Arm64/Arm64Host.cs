using HvSdk.Backends;

namespace HvSdk;

/// <summary>What the opened hypervisor offers to AArch64 guests. Any thread may call.</summary>
public sealed class Arm64Host
{
    private readonly Arm64HostBackend _backend;

    internal Arm64Host(Arm64HostBackend backend) => _backend = backend;

    /// <summary>Frequency of the guests' counters in hertz (CNTFRQ_EL0).</summary>
    public long CounterFrequency => _backend.CounterFrequency;

    /// <summary>The identification registers that guests see, with their values: what their processor can do.</summary>
    public IReadOnlyList<Arm64SystemRegisterValue> GetFeatureRegisters() => _backend.GetFeatureRegisters();

    /// <summary>The system registers that hold state of a vCPU on this host: what <see cref="Arm64Vcpu.SaveState"/> carries.</summary>
    public IReadOnlyList<Arm64SystemRegister> GetStateRegisters() => _backend.GetStateRegisters();
}
