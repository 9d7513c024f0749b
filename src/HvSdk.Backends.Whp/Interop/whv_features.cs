namespace HvSdk.Backends.Whp.Interop;

// The 64-bit masks of winhvplatformdefs.h (mingw-w64 10.0.0), which the header writes as bit fields. HvSdk.Backends.Whp.Tests compares every bit.

/// <summary>What the platform can do (WHvCapabilityCodeFeatures).</summary>
[Flags]
internal enum WHV_CAPABILITY_FEATURES : ulong
{
    None = 0,
    PartialUnmap = 1UL << 0,
    LocalApicEmulation = 1UL << 1,
    Xsave = 1UL << 2,
    DirtyPageTracking = 1UL << 3,
    SpeculationControl = 1UL << 4,
    ApicRemoteRead = 1UL << 5,
    IdleSuspend = 1UL << 6,
    VirtualPciDeviceSupport = 1UL << 7,
    IommuSupport = 1UL << 8,
    VpHotAddRemove = 1UL << 9,
}

/// <summary>Exits that can be chosen (WHvCapabilityCodeExtendedVmExits, WHvPartitionPropertyCodeExtendedVmExits).</summary>
[Flags]
internal enum WHV_EXTENDED_VM_EXITS : ulong
{
    None = 0,
    X64CpuidExit = 1UL << 0,
    X64MsrExit = 1UL << 1,
    ExceptionExit = 1UL << 2,
    X64RdtscExit = 1UL << 3,
    X64ApicSmiExitTrap = 1UL << 4,
    HypercallExit = 1UL << 5,
    X64ApicInitSipiExitTrap = 1UL << 6,
    X64ApicWriteLint0ExitTrap = 1UL << 7,
    X64ApicWriteLint1ExitTrap = 1UL << 8,
    X64ApicWriteSvrExitTrap = 1UL << 9,
    UnknownSynicConnection = 1UL << 10,
    RetargetUnknownVpciDevice = 1UL << 11,
    X64ApicWriteLdrExitTrap = 1UL << 12,
    X64ApicWriteDfrExitTrap = 1UL << 13,
    GpaAccessFaultExit = 1UL << 14,
}

/// <summary>Which accesses to model-specific registers leave (WHvPartitionPropertyCodeX64MsrExitBitmap).</summary>
[Flags]
internal enum WHV_X64_MSR_EXIT_BITMAP : ulong
{
    None = 0,
    UnhandledMsrs = 1UL << 0,
    TscMsrWrite = 1UL << 1,
    TscMsrRead = 1UL << 2,
    ApicBaseMsrWrite = 1UL << 3,
    MiscEnableMsrRead = 1UL << 4,
    McUpdatePatchLevelMsrRead = 1UL << 5,
}
