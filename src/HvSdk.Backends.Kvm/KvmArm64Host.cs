namespace HvSdk.Backends.Kvm;

/// <summary>What KVM tells about arm64 guests.</summary>
internal sealed class KvmArm64Host(KvmArm64Survey survey) : Arm64HostBackend
{
    public override long CounterFrequency => survey.CounterFrequency;

    public override IReadOnlyList<Arm64SystemRegisterValue> GetFeatureRegisters() => survey.FeatureRegisters;

    public override IReadOnlyList<Arm64SystemRegister> GetStateRegisters() => survey.StateRegisters;
}
