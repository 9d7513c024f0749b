namespace HvSdk.Backends.Whp.Interop;

// The enumerations of winhvplatformdefs.h (mingw-w64 10.0.0) under their own names. HvSdk.Backends.Whp.Tests compares every name and number
// with the header.

/// <summary>What WHvGetCapability can be asked (winhvplatformdefs.h).</summary>
internal enum WHV_CAPABILITY_CODE : uint
{
    WHvCapabilityCodeHypervisorPresent = 0x00000000,
    WHvCapabilityCodeFeatures = 0x00000001,
    WHvCapabilityCodeExtendedVmExits = 0x00000002,
    WHvCapabilityCodeExceptionExitBitmap = 0x00000003,
    WHvCapabilityCodeX64MsrExitBitmap = 0x00000004,
    WHvCapabilityCodeGpaRangePopulateFlags = 0x00000005,
    WHvCapabilityCodeSchedulerFeatures = 0x00000006,
    WHvCapabilityCodeProcessorVendor = 0x00001000,
    WHvCapabilityCodeProcessorFeatures = 0x00001001,
    WHvCapabilityCodeProcessorClFlushSize = 0x00001002,
    WHvCapabilityCodeProcessorXsaveFeatures = 0x00001003,
    WHvCapabilityCodeProcessorClockFrequency = 0x00001004,
    WHvCapabilityCodeInterruptClockFrequency = 0x00001005,
    WHvCapabilityCodeProcessorFeaturesBanks = 0x00001006,
    WHvCapabilityCodeProcessorFrequencyCap = 0x00001007,
    WHvCapabilityCodeSyntheticProcessorFeaturesBanks = 0x00001008,
    WHvCapabilityCodeProcessorPerfmonFeatures = 0x00001009,
}

/// <summary>Properties of a partition (winhvplatformdefs.h).</summary>
internal enum WHV_PARTITION_PROPERTY_CODE : uint
{
    WHvPartitionPropertyCodeExtendedVmExits = 0x00000001,
    WHvPartitionPropertyCodeExceptionExitBitmap = 0x00000002,
    WHvPartitionPropertyCodeSeparateSecurityDomain = 0x00000003,
    WHvPartitionPropertyCodeNestedVirtualization = 0x00000004,
    WHvPartitionPropertyCodeX64MsrExitBitmap = 0x00000005,
    WHvPartitionPropertyCodePrimaryNumaNode = 0x00000006,
    WHvPartitionPropertyCodeCpuReserve = 0x00000007,
    WHvPartitionPropertyCodeCpuCap = 0x00000008,
    WHvPartitionPropertyCodeCpuWeight = 0x00000009,
    WHvPartitionPropertyCodeCpuGroupId = 0x0000000A,
    WHvPartitionPropertyCodeProcessorFrequencyCap = 0x0000000B,
    WHvPartitionPropertyCodeAllowDeviceAssignment = 0x0000000C,
    WHvPartitionPropertyCodeDisableSmt = 0x0000000D,
    WHvPartitionPropertyCodeProcessorFeatures = 0x00001001,
    WHvPartitionPropertyCodeProcessorClFlushSize = 0x00001002,
    WHvPartitionPropertyCodeCpuidExitList = 0x00001003,
    WHvPartitionPropertyCodeCpuidResultList = 0x00001004,
    WHvPartitionPropertyCodeLocalApicEmulationMode = 0x00001005,
    WHvPartitionPropertyCodeProcessorXsaveFeatures = 0x00001006,
    WHvPartitionPropertyCodeProcessorClockFrequency = 0x00001007,
    WHvPartitionPropertyCodeInterruptClockFrequency = 0x00001008,
    WHvPartitionPropertyCodeApicRemoteReadSupport = 0x00001009,
    WHvPartitionPropertyCodeProcessorFeaturesBanks = 0x0000100A,
    WHvPartitionPropertyCodeReferenceTime = 0x0000100B,
    WHvPartitionPropertyCodeSyntheticProcessorFeaturesBanks = 0x0000100C,
    WHvPartitionPropertyCodeCpuidResultList2 = 0x0000100D,
    WHvPartitionPropertyCodeProcessorPerfmonFeatures = 0x0000100E,
    WHvPartitionPropertyCodeMsrActionList = 0x0000100F,
    WHvPartitionPropertyCodeUnimplementedMsrAction = 0x00001010,
    WHvPartitionPropertyCodeProcessorCount = 0x00001FFF,
}

/// <summary>Who keeps the local APIC.</summary>
internal enum WHV_X64_LOCAL_APIC_EMULATION_MODE : uint
{
    WHvX64LocalApicEmulationModeNone = 0,
    WHvX64LocalApicEmulationModeXApic = 1,
    WHvX64LocalApicEmulationModeX2Apic = 2,
}

/// <summary>What the guest may do with a range.</summary>
[Flags]
internal enum WHV_MAP_GPA_RANGE_FLAGS : uint
{
    WHvMapGpaRangeFlagNone = 0x00000000,
    WHvMapGpaRangeFlagRead = 0x00000001,
    WHvMapGpaRangeFlagWrite = 0x00000002,
    WHvMapGpaRangeFlagExecute = 0x00000004,
    WHvMapGpaRangeFlagTrackDirtyPages = 0x00000008,
}

/// <summary>Why a virtual processor left the guest.</summary>
internal enum WHV_RUN_VP_EXIT_REASON : uint
{
    WHvRunVpExitReasonNone = 0x00000000,
    WHvRunVpExitReasonMemoryAccess = 0x00000001,
    WHvRunVpExitReasonX64IoPortAccess = 0x00000002,
    WHvRunVpExitReasonUnrecoverableException = 0x00000004,
    WHvRunVpExitReasonInvalidVpRegisterValue = 0x00000005,
    WHvRunVpExitReasonUnsupportedFeature = 0x00000006,
    WHvRunVpExitReasonX64InterruptWindow = 0x00000007,
    WHvRunVpExitReasonX64Halt = 0x00000008,
    WHvRunVpExitReasonX64ApicEoi = 0x00000009,
    WHvRunVpExitReasonSynicSintDeliverable = 0x0000000A,
    WHvRunVpExitReasonX64MsrAccess = 0x00001000,
    WHvRunVpExitReasonX64Cpuid = 0x00001001,
    WHvRunVpExitReasonException = 0x00001002,
    WHvRunVpExitReasonX64Rdtsc = 0x00001003,
    WHvRunVpExitReasonX64ApicSmiTrap = 0x00001004,
    WHvRunVpExitReasonHypercall = 0x00001005,
    WHvRunVpExitReasonX64ApicInitSipiTrap = 0x00001006,
    WHvRunVpExitReasonX64ApicWriteTrap = 0x00001007,
    WHvRunVpExitReasonCanceled = 0x00002001,
}

/// <summary>What the guest did to memory.</summary>
internal enum WHV_MEMORY_ACCESS_TYPE : uint
{
    WHvMemoryAccessRead = 0,
    WHvMemoryAccessWrite = 1,
    WHvMemoryAccessExecute = 2,
}

/// <summary>Vectors of exceptions.</summary>
internal enum WHV_EXCEPTION_TYPE : uint
{
    WHvX64ExceptionTypeDivideErrorFault = 0x00,
    WHvX64ExceptionTypeDebugTrapOrFault = 0x01,
    WHvX64ExceptionTypeBreakpointTrap = 0x03,
    WHvX64ExceptionTypeOverflowTrap = 0x04,
    WHvX64ExceptionTypeBoundRangeFault = 0x05,
    WHvX64ExceptionTypeInvalidOpcodeFault = 0x06,
    WHvX64ExceptionTypeDeviceNotAvailableFault = 0x07,
    WHvX64ExceptionTypeDoubleFaultAbort = 0x08,
    WHvX64ExceptionTypeInvalidTaskStateSegmentFault = 0x0A,
    WHvX64ExceptionTypeSegmentNotPresentFault = 0x0B,
    WHvX64ExceptionTypeStackFault = 0x0C,
    WHvX64ExceptionTypeGeneralProtectionFault = 0x0D,
    WHvX64ExceptionTypePageFault = 0x0E,
    WHvX64ExceptionTypeFloatingPointErrorFault = 0x10,
    WHvX64ExceptionTypeAlignmentCheckFault = 0x11,
    WHvX64ExceptionTypeMachineCheckAbort = 0x12,
    WHvX64ExceptionTypeSimdFloatingPointFault = 0x13,
}

/// <summary>Kinds of pending events.</summary>
internal enum WHV_X64_PENDING_EVENT_TYPE : uint
{
    WHvX64PendingEventException = 0,
    WHvX64PendingEventExtInt = 5,
}

/// <summary>Kinds of pending interruptions.</summary>
internal enum WHV_X64_PENDING_INTERRUPTION_TYPE : uint
{
    WHvX64PendingInterrupt = 0,
    WHvX64PendingNmi = 2,
    WHvX64PendingException = 3,
}

/// <summary>What the platform cannot do for the guest.</summary>
internal enum WHV_X64_UNSUPPORTED_FEATURE_CODE : uint
{
    WHvUnsupportedFeatureIntercept = 1,
    WHvUnsupportedFeatureTaskSwitchTss = 2,
}

/// <summary>Delivery modes of WHvRequestInterrupt.</summary>
internal enum WHV_INTERRUPT_TYPE : uint
{
    WHvX64InterruptTypeFixed = 0,
    WHvX64InterruptTypeLowestPriority = 1,
    WHvX64InterruptTypeNmi = 4,
    WHvX64InterruptTypeInit = 5,
    WHvX64InterruptTypeSipi = 6,
    WHvX64InterruptTypeLocalInt1 = 9,
}

/// <summary>How an interrupt names its destination.</summary>
internal enum WHV_INTERRUPT_DESTINATION_MODE : uint
{
    WHvX64InterruptDestinationModePhysical = 0,
    WHvX64InterruptDestinationModeLogical = 1,
}

/// <summary>Edge or level.</summary>
internal enum WHV_INTERRUPT_TRIGGER_MODE : uint
{
    WHvX64InterruptTriggerModeEdge = 0,
    WHvX64InterruptTriggerModeLevel = 1,
}

/// <summary>Which CPUID answers an entry of the list replaces.</summary>
[Flags]
internal enum WHV_X64_CPUID_RESULT2_FLAGS : uint
{
    WHvX64CpuidResult2FlagSubleafSpecific = 0x00000001,
    WHvX64CpuidResult2FlagVpSpecific = 0x00000002,
}

/// <summary>What an access to a model-specific register does.</summary>
internal enum WHV_MSR_ACTION : uint
{
    WHvMsrActionArchitectureDefault = 0,
    WHvMsrActionIgnoreWriteReadZero = 1,
    WHvMsrActionExit = 2,
}

/// <summary>Advice about memory.</summary>
internal enum WHV_ADVISE_GPA_RANGE_CODE : uint
{
    WHvAdviseGpaRangeCodePopulate = 0,
    WHvAdviseGpaRangeCodePin = 1,
    WHvAdviseGpaRangeCodeUnpin = 2,
}

/// <summary>Counters of a partition.</summary>
internal enum WHV_PARTITION_COUNTER_SET : uint
{
    WHvPartitionCounterSetMemory = 0,
}

/// <summary>Counters of a virtual processor.</summary>
internal enum WHV_PROCESSOR_COUNTER_SET : uint
{
    WHvProcessorCounterSetRuntime = 0,
    WHvProcessorCounterSetIntercepts = 1,
    WHvProcessorCounterSetEvents = 2,
    WHvProcessorCounterSetApic = 3,
    WHvProcessorCounterSetSyntheticFeatures = 4,
}
