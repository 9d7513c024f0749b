using HvSdk.Backends.Hvf.Interop;

namespace HvSdk.Backends.Hvf;

/// <summary>What the framework tells about its guests' processors.</summary>
internal sealed unsafe class HvfArm64Host(HvfHost host) : Arm64HostBackend
{
    private static readonly (HvFeatureRegister Number, Arm64SystemRegister Register)[] s_features =
    [
        (HvFeatureRegister.HV_FEATURE_REG_ID_AA64DFR0_EL1, Arm64SystemRegister.IdAa64Dfr0El1),
        (HvFeatureRegister.HV_FEATURE_REG_ID_AA64DFR1_EL1, Arm64SystemRegister.IdAa64Dfr1El1),
        (HvFeatureRegister.HV_FEATURE_REG_ID_AA64ISAR0_EL1, Arm64SystemRegister.IdAa64Isar0El1),
        (HvFeatureRegister.HV_FEATURE_REG_ID_AA64ISAR1_EL1, Arm64SystemRegister.IdAa64Isar1El1),
        (HvFeatureRegister.HV_FEATURE_REG_ID_AA64MMFR0_EL1, Arm64SystemRegister.IdAa64Mmfr0El1),
        (HvFeatureRegister.HV_FEATURE_REG_ID_AA64MMFR1_EL1, Arm64SystemRegister.IdAa64Mmfr1El1),
        (HvFeatureRegister.HV_FEATURE_REG_ID_AA64MMFR2_EL1, Arm64SystemRegister.IdAa64Mmfr2El1),
        (HvFeatureRegister.HV_FEATURE_REG_ID_AA64PFR0_EL1, Arm64SystemRegister.IdAa64Pfr0El1),
        (HvFeatureRegister.HV_FEATURE_REG_ID_AA64PFR1_EL1, Arm64SystemRegister.IdAa64Pfr1El1),
    ];

    public override long CounterFrequency => host.Platform.CounterFrequency;

    public override IReadOnlyList<Arm64SystemRegisterValue> GetFeatureRegisters() => ReadFeatures(host.Functions);

    public override IReadOnlyList<Arm64SystemRegister> GetStateRegisters() => HvfRegisters.State;

    internal static Arm64SystemRegisterValue[] ReadFeatures(HvFunctions functions)
    {
        using HvObject config = HvObject.Take(functions, functions.hv_vcpu_config_create(), nameof(HvFunctions.hv_vcpu_config_create));
        var values = new Arm64SystemRegisterValue[s_features.Length];
        for (int i = 0; i < values.Length; i++)
        {
            ulong value = 0;
            HvfError.Check(
                functions.hv_vcpu_config_get_feature_reg(config.Pointer, s_features[i].Number, &value), nameof(HvFunctions.hv_vcpu_config_get_feature_reg));
            values[i] = new(s_features[i].Register, value);
        }

        return values;
    }
}
