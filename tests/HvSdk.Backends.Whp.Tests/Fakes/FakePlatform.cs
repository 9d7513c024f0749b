using System.Runtime.InteropServices;
using HvSdk.Backends.Whp.Interop;

namespace HvSdk.Backends.Whp.Tests.Fakes;

/// <summary>What a scripted run does: it fills the exit block, as the platform would.</summary>
internal unsafe delegate void ScriptedExit(FakeProcessor processor, WHV_RUN_VP_EXIT_CONTEXT* exit);

/// <summary>The functions of WinHvPlatform.dll, scripted: no guest runs; each run takes the next exit of the script.</summary>
/// <remarks>One at a time in the process, as the library itself is. It is strict: alignment, order of calls, one partition with memory.</remarks>
internal sealed unsafe partial class FakePlatform : IDisposable
{
    private static FakePlatform? s_current;

    private readonly Dictionary<nint, FakePartition> _partitions = [];
    private nint _lastHandle = 0x1000;

    internal FakePlatform()
    {
        Assert.Null(Interlocked.CompareExchange(ref s_current, this, null));
        Capabilities = new()
        {
            [WHV_CAPABILITY_CODE.WHvCapabilityCodeHypervisorPresent] = 1,
            [WHV_CAPABILITY_CODE.WHvCapabilityCodeFeatures] = (ulong)(WHV_CAPABILITY_FEATURES.PartialUnmap | WHV_CAPABILITY_FEATURES.LocalApicEmulation
                | WHV_CAPABILITY_FEATURES.Xsave | WHV_CAPABILITY_FEATURES.DirtyPageTracking),
            [WHV_CAPABILITY_CODE.WHvCapabilityCodeExtendedVmExits] = (ulong)(WHV_EXTENDED_VM_EXITS.X64CpuidExit | WHV_EXTENDED_VM_EXITS.X64MsrExit
                | WHV_EXTENDED_VM_EXITS.ExceptionExit | WHV_EXTENDED_VM_EXITS.HypercallExit),
            [WHV_CAPABILITY_CODE.WHvCapabilityCodeExceptionExitBitmap] = 0xFFFF_FFFF,
            [WHV_CAPABILITY_CODE.WHvCapabilityCodeX64MsrExitBitmap] = 1,
            [WHV_CAPABILITY_CODE.WHvCapabilityCodeProcessorClockFrequency] = 2_000_000_000,
        };
    }

    internal static FakePlatform Current => s_current ?? throw new InvalidOperationException("There is no fake platform.");

    internal Dictionary<WHV_CAPABILITY_CODE, ulong> Capabilities { get; }

    /// <summary>Exports that this library lacks.</summary>
    internal HashSet<string> Missing { get; } = [];

    /// <summary>Results that functions give instead of doing anything.</summary>
    internal Dictionary<string, int> Results { get; } = [];

    /// <summary>One call that gives a result instead of doing anything, by its place among all calls.</summary>
    internal (int Index, int Result)? FailingCall { get; set; }

    /// <summary>Properties that this Windows does not know.</summary>
    internal HashSet<WHV_PARTITION_PROPERTY_CODE> UnknownProperties { get; } = [];

    /// <summary>Registers that this Windows does not know.</summary>
    internal HashSet<WHV_REGISTER_NAME> UnknownRegisters { get; } = [];

    /// <summary>Functions called, in order.</summary>
    internal List<string> Calls { get; } = [];

    /// <summary>What was wrong with a call: nothing may be here at the end.</summary>
    internal List<string> Faults { get; } = [];

    internal IReadOnlyCollection<FakePartition> Partitions => _partitions.Values;

    /// <summary>The partition that was made last.</summary>
    internal FakePartition Partition => _partitions.Values.MaxBy(static partition => partition.Handle)!;

    internal WhpBackend CreateBackend(WhpBackendOptions? options = null) => new(CreateFunctions(), options);

    internal WhvFunctions CreateFunctions() => new(Find);

    public void Dispose()
    {
        s_current = null;
        Assert.Empty(Faults);
    }

    private nint Find(string name) => Missing.Contains(name) ? 0 : name switch
    {
        nameof(WhvFunctions.WHvGetCapability) => (nint)(delegate* unmanaged<WHV_CAPABILITY_CODE, void*, uint, uint*, int>)&GetCapability,
        nameof(WhvFunctions.WHvCreatePartition) => (nint)(delegate* unmanaged<nint*, int>)&CreatePartition,
        nameof(WhvFunctions.WHvSetupPartition) => (nint)(delegate* unmanaged<nint, int>)&SetupPartition,
        nameof(WhvFunctions.WHvDeletePartition) => (nint)(delegate* unmanaged<nint, int>)&DeletePartition,
        nameof(WhvFunctions.WHvSetPartitionProperty) => (nint)(delegate* unmanaged<nint, WHV_PARTITION_PROPERTY_CODE, void*, uint, int>)&SetPartitionProperty,
        nameof(WhvFunctions.WHvMapGpaRange) => (nint)(delegate* unmanaged<nint, void*, ulong, ulong, WHV_MAP_GPA_RANGE_FLAGS, int>)&MapGpaRange,
        nameof(WhvFunctions.WHvUnmapGpaRange) => (nint)(delegate* unmanaged<nint, ulong, ulong, int>)&UnmapGpaRange,
        nameof(WhvFunctions.WHvCreateVirtualProcessor) => (nint)(delegate* unmanaged<nint, uint, uint, int>)&CreateVirtualProcessor,
        nameof(WhvFunctions.WHvDeleteVirtualProcessor) => (nint)(delegate* unmanaged<nint, uint, int>)&DeleteVirtualProcessor,
        nameof(WhvFunctions.WHvRunVirtualProcessor) => (nint)(delegate* unmanaged<nint, uint, void*, uint, int>)&RunVirtualProcessor,
        nameof(WhvFunctions.WHvCancelRunVirtualProcessor) => (nint)(delegate* unmanaged<nint, uint, uint, int>)&CancelRunVirtualProcessor,
        nameof(WhvFunctions.WHvGetVirtualProcessorRegisters) =>
            (nint)(delegate* unmanaged<nint, uint, WHV_REGISTER_NAME*, uint, WHV_REGISTER_VALUE*, int>)&GetVirtualProcessorRegisters,
        nameof(WhvFunctions.WHvSetVirtualProcessorRegisters) =>
            (nint)(delegate* unmanaged<nint, uint, WHV_REGISTER_NAME*, uint, WHV_REGISTER_VALUE*, int>)&SetVirtualProcessorRegisters,
        _ => FindOptional(name),
    };

    /// <summary>Notes a call; a result that the test has set ends it.</summary>
    private static bool Enter(string name, out int result)
    {
        lock (Current.Calls)
        {
            Current.Calls.Add(name);
            if (Current.FailingCall is { } failing && failing.Index == Current.Calls.Count - 1)
            {
                result = failing.Result;
                return true;
            }
        }

        return Current.Results.TryGetValue(name, out result);
    }

    private static FakePartition? FindPartition(nint handle) => Current._partitions.GetValueOrDefault(handle);

    private static FakeProcessor? FindProcessor(nint handle, uint index) => FindPartition(handle)?.Processors.GetValueOrDefault(index);

    private static int Fault(string what)
    {
        Current.Faults.Add(what);
        return HRESULTS.E_INVALIDARG;
    }

    [UnmanagedCallersOnly]
    private static int GetCapability(WHV_CAPABILITY_CODE code, void* buffer, uint size, uint* written)
    {
        if (Enter(nameof(WhvFunctions.WHvGetCapability), out int result))
        {
            return result;
        }

        if (!Current.Capabilities.TryGetValue(code, out ulong value))
        {
            return HRESULTS.WHV_E_UNKNOWN_CAPABILITY;
        }

        // Of the numbers, HypervisorPresent is a BOOL and the others have 8 bytes.
        uint needed = code == WHV_CAPABILITY_CODE.WHvCapabilityCodeHypervisorPresent || (uint)code == 0x1011 ? 4U : 8;
        *written = needed;
        if (size < needed)
        {
            return HRESULTS.WHV_E_INSUFFICIENT_BUFFER;
        }

        new ReadOnlySpan<byte>(&value, (int)needed).CopyTo(new Span<byte>(buffer, (int)size));
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int CreatePartition(nint* handle)
    {
        if (Enter(nameof(WhvFunctions.WHvCreatePartition), out int result))
        {
            return result;
        }

        *handle = ++Current._lastHandle;
        Current._partitions.Add(*handle, new FakePartition(*handle));
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int SetupPartition(nint handle)
    {
        if (Enter(nameof(WhvFunctions.WHvSetupPartition), out int result))
        {
            return result;
        }

        FakePartition partition = FindPartition(handle)!;
        if (partition.IsSetUp || !partition.Properties.ContainsKey(WHV_PARTITION_PROPERTY_CODE.WHvPartitionPropertyCodeProcessorCount))
        {
            return Fault("set up twice, or without a number of processors");
        }

        partition.IsSetUp = true;
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int DeletePartition(nint handle)
    {
        Enter(nameof(WhvFunctions.WHvDeletePartition), out _);
        return Current._partitions.Remove(handle) ? 0 : Fault("deleted a partition that does not exist");
    }

    [UnmanagedCallersOnly]
    private static int SetPartitionProperty(nint handle, WHV_PARTITION_PROPERTY_CODE code, void* buffer, uint size)
    {
        if (Enter(nameof(WhvFunctions.WHvSetPartitionProperty), out int result))
        {
            return result;
        }

        FakePartition partition = FindPartition(handle)!;
        bool isLate = code is WHV_PARTITION_PROPERTY_CODE.WHvPartitionPropertyCodeExtendedVmExits
            or WHV_PARTITION_PROPERTY_CODE.WHvPartitionPropertyCodeExceptionExitBitmap
            or WHV_PARTITION_PROPERTY_CODE.WHvPartitionPropertyCodeX64MsrExitBitmap
            or WHV_PARTITION_PROPERTY_CODE.WHvPartitionPropertyCodeCpuidExitList;
        if (Current.UnknownProperties.Contains(code))
        {
            return HRESULTS.WHV_E_UNKNOWN_PROPERTY;
        }

        if (partition.IsSetUp && !isLate)
        {
            return Fault($"{code} after the setup");
        }

        if (code == WHV_PARTITION_PROPERTY_CODE.WHvPartitionPropertyCodeProcessorCount && *(uint*)buffer > 64)
        {
            return HRESULTS.E_INVALIDARG;
        }

        partition.Properties[code] = new ReadOnlySpan<byte>(buffer, (int)size).ToArray();
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int MapGpaRange(nint handle, void* source, ulong address, ulong size, WHV_MAP_GPA_RANGE_FLAGS flags)
    {
        if (Enter(nameof(WhvFunctions.WHvMapGpaRange), out int result))
        {
            return result;
        }

        FakePartition partition = FindPartition(handle)!;
        if (!partition.IsSetUp || (((ulong)source | address | size) & 0xFFF) != 0)
        {
            return Fault("mapped before the setup, or off page boundaries");
        }

        if (Current._partitions.Values.Any(other => other != partition && other.Mapped.Count > 0))
        {
            return HRESULTS.ERROR_HV_OPERATION_DENIED;
        }

        partition.Mapped[address] = (size, flags);
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int UnmapGpaRange(nint handle, ulong address, ulong size)
    {
        if (Enter(nameof(WhvFunctions.WHvUnmapGpaRange), out int result))
        {
            return result;
        }

        FakePartition partition = FindPartition(handle)!;
        return partition.Mapped.Remove(address, out (ulong Size, WHV_MAP_GPA_RANGE_FLAGS Flags) mapped) && mapped.Size == size
            ? 0
            : Fault("unmapped what is not mapped");
    }
}
