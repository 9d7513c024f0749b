using System.Runtime.InteropServices;

namespace HvSdk.Backends.Whp.Interop;

/// <summary>The functions of WinHvPlatform.dll (winhvplatform.h, mingw-w64 10.0.0), under their own names.</summary>
/// <remarks>
/// Windows has added to them from version to version, so each is looked up: a missing optional one is null, and what needs it is a feature that
/// is absent; a missing required one is named by <see cref="MissingRequired"/>. The library stays loaded as long as the process lives.
/// Optional, with the first Windows that has it: 1809 interrupts, dirty pages, XSAVE state and counters; 1903 suspended time; 2004 doorbells and
/// the state of the local APIC; 20H2 advice about memory, CPUID answers and interrupt targets.
/// </remarks>
internal sealed unsafe class WhvFunctions
{
    private readonly Func<string, nint> _find;

    /// <param name="find">Gives the address of a function, or 0.</param>
    internal WhvFunctions(Func<string, nint> find)
    {
        _find = find;
        WHvGetCapability = (delegate* unmanaged<WHV_CAPABILITY_CODE, void*, uint, uint*, int>)Require(nameof(WHvGetCapability));
        WHvCreatePartition = (delegate* unmanaged<nint*, int>)Require(nameof(WHvCreatePartition));
        WHvSetupPartition = (delegate* unmanaged<nint, int>)Require(nameof(WHvSetupPartition));
        WHvDeletePartition = (delegate* unmanaged<nint, int>)Require(nameof(WHvDeletePartition));
        WHvSetPartitionProperty = (delegate* unmanaged<nint, WHV_PARTITION_PROPERTY_CODE, void*, uint, int>)Require(nameof(WHvSetPartitionProperty));
        WHvMapGpaRange = (delegate* unmanaged<nint, void*, ulong, ulong, WHV_MAP_GPA_RANGE_FLAGS, int>)Require(nameof(WHvMapGpaRange));
        WHvUnmapGpaRange = (delegate* unmanaged<nint, ulong, ulong, int>)Require(nameof(WHvUnmapGpaRange));
        WHvCreateVirtualProcessor = (delegate* unmanaged<nint, uint, uint, int>)Require(nameof(WHvCreateVirtualProcessor));
        WHvDeleteVirtualProcessor = (delegate* unmanaged<nint, uint, int>)Require(nameof(WHvDeleteVirtualProcessor));
        WHvRunVirtualProcessor = (delegate* unmanaged<nint, uint, void*, uint, int>)Require(nameof(WHvRunVirtualProcessor));
        WHvCancelRunVirtualProcessor = (delegate* unmanaged<nint, uint, uint, int>)Require(nameof(WHvCancelRunVirtualProcessor));
        WHvGetVirtualProcessorRegisters =
            (delegate* unmanaged<nint, uint, WHV_REGISTER_NAME*, uint, WHV_REGISTER_VALUE*, int>)Require(nameof(WHvGetVirtualProcessorRegisters));
        WHvSetVirtualProcessorRegisters =
            (delegate* unmanaged<nint, uint, WHV_REGISTER_NAME*, uint, WHV_REGISTER_VALUE*, int>)Require(nameof(WHvSetVirtualProcessorRegisters));

        WHvSuspendPartitionTime = (delegate* unmanaged<nint, int>)find(nameof(WHvSuspendPartitionTime));
        WHvRequestInterrupt = (delegate* unmanaged<nint, WHV_INTERRUPT_CONTROL*, uint, int>)find(nameof(WHvRequestInterrupt));
        WHvQueryGpaRangeDirtyBitmap = (delegate* unmanaged<nint, ulong, ulong, ulong*, uint, int>)find(nameof(WHvQueryGpaRangeDirtyBitmap));
        WHvGetVirtualProcessorXsaveState =
            (delegate* unmanaged<nint, uint, void*, uint, uint*, int>)find(nameof(WHvGetVirtualProcessorXsaveState));
        WHvSetVirtualProcessorXsaveState = (delegate* unmanaged<nint, uint, void*, uint, int>)find(nameof(WHvSetVirtualProcessorXsaveState));
        WHvGetPartitionCounters = (delegate* unmanaged<nint, WHV_PARTITION_COUNTER_SET, void*, uint, uint*, int>)find(nameof(WHvGetPartitionCounters));
        WHvGetVirtualProcessorCounters =
            (delegate* unmanaged<nint, uint, WHV_PROCESSOR_COUNTER_SET, void*, uint, uint*, int>)find(nameof(WHvGetVirtualProcessorCounters));
        WHvGetVirtualProcessorInterruptControllerState2 =
            (delegate* unmanaged<nint, uint, void*, uint, uint*, int>)find(nameof(WHvGetVirtualProcessorInterruptControllerState2));
        WHvSetVirtualProcessorInterruptControllerState2 =
            (delegate* unmanaged<nint, uint, void*, uint, int>)find(nameof(WHvSetVirtualProcessorInterruptControllerState2));
        WHvRegisterPartitionDoorbellEvent =
            (delegate* unmanaged<nint, WHV_DOORBELL_MATCH_DATA*, nint, int>)find(nameof(WHvRegisterPartitionDoorbellEvent));
        WHvUnregisterPartitionDoorbellEvent =
            (delegate* unmanaged<nint, WHV_DOORBELL_MATCH_DATA*, int>)find(nameof(WHvUnregisterPartitionDoorbellEvent));
        WHvAdviseGpaRange =
            (delegate* unmanaged<nint, WHV_MEMORY_RANGE_ENTRY*, uint, WHV_ADVISE_GPA_RANGE_CODE, void*, uint, int>)find(nameof(WHvAdviseGpaRange));
        WHvGetVirtualProcessorCpuidOutput =
            (delegate* unmanaged<nint, uint, uint, uint, WHV_CPUID_OUTPUT*, int>)find(nameof(WHvGetVirtualProcessorCpuidOutput));
        WHvGetInterruptTargetVpSet =
            (delegate* unmanaged<nint, ulong, WHV_INTERRUPT_DESTINATION_MODE, uint*, uint, uint*, int>)find(nameof(WHvGetInterruptTargetVpSet));
    }

    /// <summary>Required functions that the library lacks.</summary>
    internal List<string> MissingRequired { get; } = [];

    // Required: Windows 10 1803.
    internal delegate* unmanaged<WHV_CAPABILITY_CODE, void*, uint, uint*, int> WHvGetCapability { get; }

    internal delegate* unmanaged<nint*, int> WHvCreatePartition { get; }

    internal delegate* unmanaged<nint, int> WHvSetupPartition { get; }

    internal delegate* unmanaged<nint, int> WHvDeletePartition { get; }

    internal delegate* unmanaged<nint, WHV_PARTITION_PROPERTY_CODE, void*, uint, int> WHvSetPartitionProperty { get; }

    internal delegate* unmanaged<nint, void*, ulong, ulong, WHV_MAP_GPA_RANGE_FLAGS, int> WHvMapGpaRange { get; }

    internal delegate* unmanaged<nint, ulong, ulong, int> WHvUnmapGpaRange { get; }

    internal delegate* unmanaged<nint, uint, uint, int> WHvCreateVirtualProcessor { get; }

    internal delegate* unmanaged<nint, uint, int> WHvDeleteVirtualProcessor { get; }

    internal delegate* unmanaged<nint, uint, void*, uint, int> WHvRunVirtualProcessor { get; }

    internal delegate* unmanaged<nint, uint, uint, int> WHvCancelRunVirtualProcessor { get; }

    internal delegate* unmanaged<nint, uint, WHV_REGISTER_NAME*, uint, WHV_REGISTER_VALUE*, int> WHvGetVirtualProcessorRegisters { get; }

    internal delegate* unmanaged<nint, uint, WHV_REGISTER_NAME*, uint, WHV_REGISTER_VALUE*, int> WHvSetVirtualProcessorRegisters { get; }

    // Optional.
    internal delegate* unmanaged<nint, int> WHvSuspendPartitionTime { get; }

    internal delegate* unmanaged<nint, WHV_INTERRUPT_CONTROL*, uint, int> WHvRequestInterrupt { get; }

    internal delegate* unmanaged<nint, ulong, ulong, ulong*, uint, int> WHvQueryGpaRangeDirtyBitmap { get; }

    internal delegate* unmanaged<nint, uint, void*, uint, uint*, int> WHvGetVirtualProcessorXsaveState { get; }

    internal delegate* unmanaged<nint, uint, void*, uint, int> WHvSetVirtualProcessorXsaveState { get; }

    internal delegate* unmanaged<nint, WHV_PARTITION_COUNTER_SET, void*, uint, uint*, int> WHvGetPartitionCounters { get; }

    internal delegate* unmanaged<nint, uint, WHV_PROCESSOR_COUNTER_SET, void*, uint, uint*, int> WHvGetVirtualProcessorCounters { get; }

    internal delegate* unmanaged<nint, uint, void*, uint, uint*, int> WHvGetVirtualProcessorInterruptControllerState2 { get; }

    internal delegate* unmanaged<nint, uint, void*, uint, int> WHvSetVirtualProcessorInterruptControllerState2 { get; }

    internal delegate* unmanaged<nint, WHV_DOORBELL_MATCH_DATA*, nint, int> WHvRegisterPartitionDoorbellEvent { get; }

    internal delegate* unmanaged<nint, WHV_DOORBELL_MATCH_DATA*, int> WHvUnregisterPartitionDoorbellEvent { get; }

    internal delegate* unmanaged<nint, WHV_MEMORY_RANGE_ENTRY*, uint, WHV_ADVISE_GPA_RANGE_CODE, void*, uint, int> WHvAdviseGpaRange { get; }

    internal delegate* unmanaged<nint, uint, uint, uint, WHV_CPUID_OUTPUT*, int> WHvGetVirtualProcessorCpuidOutput { get; }

    internal delegate* unmanaged<nint, ulong, WHV_INTERRUPT_DESTINATION_MODE, uint*, uint, uint*, int> WHvGetInterruptTargetVpSet { get; }

    /// <summary>Loads a library and looks its functions up.</summary>
    /// <param name="library">Name or path.</param>
    /// <param name="failure">Why it cannot be loaded, in the system's words.</param>
    internal static WhvFunctions? TryLoad(string library, out string failure)
    {
        nint handle;
        try
        {
            handle = NativeLibrary.Load(library);
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            failure = e.Message;
            return null;
        }

        failure = "";
        return new WhvFunctions(name => NativeLibrary.TryGetExport(handle, name, out nint address) ? address : 0);
    }

    private nint Require(string name)
    {
        nint address = _find(name);
        if (address == 0)
        {
            MissingRequired.Add(name);
        }

        return address;
    }
}
