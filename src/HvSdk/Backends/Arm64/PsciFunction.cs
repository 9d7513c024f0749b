namespace HvSdk.Backends;

/// <summary>Function identifiers of PSCI (Arm DEN 0022, 5.1) and of the SMC calling convention (Arm DEN 0028, 7). Bit 30 says that arguments have 64 bits.</summary>
internal static class PsciFunction
{
    internal const uint Is64Bit = 1U << 30;

    internal const uint SmcccVersion = 0x8000_0000;
    internal const uint SmcccArchFeatures = 0x8000_0001;
    internal const uint PsciVersion = 0x8400_0000;
    internal const uint CpuSuspend = 0x8400_0001;
    internal const uint CpuOff = 0x8400_0002;
    internal const uint CpuOn = 0x8400_0003;
    internal const uint AffinityInfo = 0x8400_0004;
    internal const uint MigrateInfoType = 0x8400_0006;
    internal const uint SystemOff = 0x8400_0008;
    internal const uint SystemReset = 0x8400_0009;
    internal const uint PsciFeatures = 0x8400_000A;
    internal const uint SystemReset2 = 0x8400_0012;

    /// <summary>First and last of PSCI's own range, in either width.</summary>
    internal const uint First = 0x8400_0000;
    internal const uint Last = 0x8400_001F;
}

/// <summary>What PSCI functions return (Arm DEN 0022, 5.2.2), and the SMC calling convention's answer to what it does not know.</summary>
internal static class PsciStatus
{
    internal const long Success = 0;
    internal const long NotSupported = -1;
    internal const long InvalidParameters = -2;
    internal const long AlreadyOn = -4;
    internal const long OnPending = -5;

    /// <summary>AFFINITY_INFO: on, off, about to be on (5.1.8).</summary>
    internal const long AffinityOn = 0;
    internal const long AffinityOff = 1;
    internal const long AffinityOnPending = 2;

    /// <summary>MIGRATE_INFO_TYPE: there is no trusted operating system that could migrate (5.1.10).</summary>
    internal const long NoTrustedOs = 2;
}
