namespace HvSdk.Emulation.Differential;

/// <summary>What the CPUID of the processor says of what system instructions depend on. (SDM vol. 2A, CPUID; AMD64 APM vol. 3, appendix E)</summary>
internal static class GuestProcessor
{
    private const uint Features = 1;
    private const uint ExtendedFeatures = 7;
    private const uint AddressSizes = 0x8000_0008;
    private const uint IntelVendor = 0x756E_6547; // "Genu"

    private static readonly (X64EmulatorFeatures Feature, uint Leaf, Func<X64CpuidEntry, uint> Register, int Bit)[] s_bits =
    [
        (X64EmulatorFeatures.Pcid, Features, static entry => entry.Ecx, 17),
        (X64EmulatorFeatures.FsGsBase, ExtendedFeatures, static entry => entry.Ebx, 0),
        (X64EmulatorFeatures.Smep, ExtendedFeatures, static entry => entry.Ebx, 7),
        (X64EmulatorFeatures.Smap, ExtendedFeatures, static entry => entry.Ebx, 20),
        (X64EmulatorFeatures.Umip, ExtendedFeatures, static entry => entry.Ecx, 2),
        (X64EmulatorFeatures.FiveLevelPaging, ExtendedFeatures, static entry => entry.Ecx, 16),
    ];

    /// <summary>Options for an emulator that shall be like it.</summary>
    public static X64EmulatorOptions OptionsOf(X64CpuidTable cpuid, bool isQemu)
    {
        X64EmulatorFeatures features = X64EmulatorFeatures.All;
        foreach ((X64EmulatorFeatures feature, uint leaf, Func<X64CpuidEntry, uint> register, int bit) in s_bits)
        {
            if (!cpuid.TryGet(leaf, 0, out X64CpuidEntry entry) || ((register(entry) >> bit) & 1) == 0)
            {
                features &= ~feature;
            }
        }

        // QEMU's has the calls of both makes in all modes, but for one (Errata).
        bool isIntel = cpuid.TryGet(0, 0, out X64CpuidEntry vendor) && vendor.Ebx == IntelVendor;
        features &= isQemu ? X64EmulatorFeatures.All : ~(isIntel ? X64EmulatorFeatures.SyscallInProtectedMode : X64EmulatorFeatures.SysenterInLongMode);
        int bits = cpuid.TryGet(AddressSizes, 0, out X64CpuidEntry sizes) ? (int)(sizes.Eax & 0xFF) : 0;
        return new() { Features = features, PhysicalAddressBits = bits };
    }
}
