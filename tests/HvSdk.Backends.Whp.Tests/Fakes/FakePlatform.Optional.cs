using System.Runtime.InteropServices;
using HvSdk.Backends.Whp.Interop;
using Microsoft.Win32.SafeHandles;

namespace HvSdk.Backends.Whp.Tests.Fakes;

/// <content>What newer versions of Windows have.</content>
internal sealed unsafe partial class FakePlatform
{
    /// <summary>Interrupts that were requested.</summary>
    internal List<WHV_INTERRUPT_CONTROL> Interrupts { get; } = [];

    /// <summary>Doorbells that are registered, and their events.</summary>
    internal List<(WHV_DOORBELL_MATCH_DATA Match, nint Event)> Doorbells { get; } = [];

    /// <summary>Pages that the guest has written, for the next query.</summary>
    internal ulong DirtyPages { get; set; }

    /// <summary>Ranges that were asked to be populated.</summary>
    internal List<ulong> Populated { get; } = [];

    /// <summary>The XSAVE area of every processor, in the platform's format.</summary>
    internal byte[] Xsave { get; set; } = new byte[WhpXsave.HeaderEnd];

    /// <summary>Rings a doorbell as the platform does.</summary>
    internal static void Ring(nint handle)
    {
        using var waitable = new EventWaitHandle(false, EventResetMode.AutoReset);
        waitable.SafeWaitHandle.Dispose();
        waitable.SafeWaitHandle = new SafeWaitHandle(handle, ownsHandle: false);
        waitable.Set();
    }

    private static nint FindOptional(string name) => name switch
    {
        nameof(WhvFunctions.WHvSuspendPartitionTime) => (nint)(delegate* unmanaged<nint, int>)&SuspendPartitionTime,
        nameof(WhvFunctions.WHvRequestInterrupt) => (nint)(delegate* unmanaged<nint, WHV_INTERRUPT_CONTROL*, uint, int>)&RequestInterrupt,
        nameof(WhvFunctions.WHvQueryGpaRangeDirtyBitmap) => (nint)(delegate* unmanaged<nint, ulong, ulong, ulong*, uint, int>)&QueryGpaRangeDirtyBitmap,
        nameof(WhvFunctions.WHvGetVirtualProcessorXsaveState) => (nint)(delegate* unmanaged<nint, uint, void*, uint, uint*, int>)&GetXsaveState,
        nameof(WhvFunctions.WHvSetVirtualProcessorXsaveState) => (nint)(delegate* unmanaged<nint, uint, void*, uint, int>)&SetXsaveState,
        nameof(WhvFunctions.WHvGetPartitionCounters) =>
            (nint)(delegate* unmanaged<nint, WHV_PARTITION_COUNTER_SET, void*, uint, uint*, int>)&GetPartitionCounters,
        nameof(WhvFunctions.WHvGetVirtualProcessorCounters) =>
            (nint)(delegate* unmanaged<nint, uint, WHV_PROCESSOR_COUNTER_SET, void*, uint, uint*, int>)&GetProcessorCounters,
        nameof(WhvFunctions.WHvGetVirtualProcessorInterruptControllerState2) => (nint)(delegate* unmanaged<nint, uint, void*, uint, uint*, int>)&GetApicState,
        nameof(WhvFunctions.WHvSetVirtualProcessorInterruptControllerState2) => (nint)(delegate* unmanaged<nint, uint, void*, uint, int>)&SetApicState,
        nameof(WhvFunctions.WHvRegisterPartitionDoorbellEvent) => (nint)(delegate* unmanaged<nint, WHV_DOORBELL_MATCH_DATA*, nint, int>)&RegisterDoorbell,
        nameof(WhvFunctions.WHvUnregisterPartitionDoorbellEvent) => (nint)(delegate* unmanaged<nint, WHV_DOORBELL_MATCH_DATA*, int>)&UnregisterDoorbell,
        nameof(WhvFunctions.WHvAdviseGpaRange) =>
            (nint)(delegate* unmanaged<nint, WHV_MEMORY_RANGE_ENTRY*, uint, WHV_ADVISE_GPA_RANGE_CODE, void*, uint, int>)&AdviseGpaRange,
        nameof(WhvFunctions.WHvGetVirtualProcessorCpuidOutput) => (nint)(delegate* unmanaged<nint, uint, uint, uint, WHV_CPUID_OUTPUT*, int>)&GetCpuidOutput,
        nameof(WhvFunctions.WHvGetInterruptTargetVpSet) =>
            (nint)(delegate* unmanaged<nint, ulong, WHV_INTERRUPT_DESTINATION_MODE, uint*, uint, uint*, int>)&GetInterruptTargetVpSet,
        _ => 0,
    };

    [UnmanagedCallersOnly]
    private static int SuspendPartitionTime(nint handle) => Enter(nameof(WhvFunctions.WHvSuspendPartitionTime), out int result) ? result : 0;

    [UnmanagedCallersOnly]
    private static int RequestInterrupt(nint handle, WHV_INTERRUPT_CONTROL* control, uint size)
    {
        if (Enter(nameof(WhvFunctions.WHvRequestInterrupt), out int result))
        {
            return result;
        }

        if (size != sizeof(WHV_INTERRUPT_CONTROL) || control->Bits >> 16 != 0)
        {
            return Fault("an interrupt of another size, or with reserved bits");
        }

        Current.Interrupts.Add(*control);
        return control->Type <= 1 && control->Vector < 16 ? HRESULTS.ERROR_HV_INVALID_PARAMETER : 0;
    }

    [UnmanagedCallersOnly]
    private static int QueryGpaRangeDirtyBitmap(nint handle, ulong address, ulong size, ulong* bitmap, uint bytes)
    {
        if (Enter(nameof(WhvFunctions.WHvQueryGpaRangeDirtyBitmap), out int result))
        {
            return result;
        }

        if (!FindPartition(handle)!.Mapped.TryGetValue(address, out (ulong Size, WHV_MAP_GPA_RANGE_FLAGS Flags) mapped)
            || !mapped.Flags.HasFlag(WHV_MAP_GPA_RANGE_FLAGS.WHvMapGpaRangeFlagTrackDirtyPages) || (nint)bitmap % 8 != 0)
        {
            return HRESULTS.WHV_E_GPA_RANGE_NOT_FOUND;
        }

        if (bitmap is not null)
        {
            if (bytes < (((size / 4096) + 63) / 64) * 8)
            {
                return HRESULTS.WHV_E_INSUFFICIENT_BUFFER;
            }

            bitmap[0] = Current.DirtyPages;
        }

        Current.DirtyPages = 0;
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int GetXsaveState(nint handle, uint index, void* buffer, uint size, uint* written)
    {
        if (Enter(nameof(WhvFunctions.WHvGetVirtualProcessorXsaveState), out int result))
        {
            return result;
        }

        *written = (uint)Current.Xsave.Length;
        if (buffer is null || size < Current.Xsave.Length)
        {
            return HRESULTS.WHV_E_INSUFFICIENT_BUFFER;
        }

        Current.Xsave.CopyTo(new Span<byte>(buffer, (int)size));
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int SetXsaveState(nint handle, uint index, void* buffer, uint size)
    {
        Current.Xsave = new ReadOnlySpan<byte>(buffer, (int)size).ToArray();
        return Enter(nameof(WhvFunctions.WHvSetVirtualProcessorXsaveState), out int result) ? result : 0;
    }

    [UnmanagedCallersOnly]
    private static int GetPartitionCounters(nint handle, WHV_PARTITION_COUNTER_SET set, void* buffer, uint size, uint* written) =>
        Enter(nameof(WhvFunctions.WHvGetPartitionCounters), out int result) ? result : Count((ulong*)buffer, written, 3);

    [UnmanagedCallersOnly]
    private static int GetProcessorCounters(nint handle, uint index, WHV_PROCESSOR_COUNTER_SET set, void* buffer, uint size, uint* written) =>
        Enter(nameof(WhvFunctions.WHvGetVirtualProcessorCounters), out int result) ? result : set switch
        {
            WHV_PROCESSOR_COUNTER_SET.WHvProcessorCounterSetRuntime => Count((ulong*)buffer, written, 2),
            WHV_PROCESSOR_COUNTER_SET.WHvProcessorCounterSetEvents => Count((ulong*)buffer, written, 3),
            _ => HRESULTS.E_INVALIDARG, // as where this Windows knows fewer sets
        };

    private static int Count(ulong* buffer, uint* written, uint count)
    {
        for (uint i = 0; i < count; i++)
        {
            buffer[i] = 100 + i;
        }

        *written = count * sizeof(ulong);
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int GetApicState(nint handle, uint index, void* buffer, uint size, uint* written)
    {
        byte[] page = FindProcessor(handle, index)!.ApicPage;
        page.CopyTo(new Span<byte>(buffer, (int)size));
        *written = (uint)page.Length;
        return Enter(nameof(WhvFunctions.WHvGetVirtualProcessorInterruptControllerState2), out int result) ? result : 0;
    }

    [UnmanagedCallersOnly]
    private static int SetApicState(nint handle, uint index, void* buffer, uint size)
    {
        new ReadOnlySpan<byte>(buffer, (int)size).CopyTo(FindProcessor(handle, index)!.ApicPage);
        return Enter(nameof(WhvFunctions.WHvSetVirtualProcessorInterruptControllerState2), out int result) ? result : 0;
    }

    [UnmanagedCallersOnly]
    private static int RegisterDoorbell(nint handle, WHV_DOORBELL_MATCH_DATA* match, nint waitable)
    {
        if (Enter(nameof(WhvFunctions.WHvRegisterPartitionDoorbellEvent), out int result))
        {
            return result;
        }

        Current.Doorbells.Add((*match, waitable));
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int UnregisterDoorbell(nint handle, WHV_DOORBELL_MATCH_DATA* match)
    {
        WHV_DOORBELL_MATCH_DATA wanted = *match;
        Enter(nameof(WhvFunctions.WHvUnregisterPartitionDoorbellEvent), out _);
        return Current.Doorbells.RemoveAll(doorbell => doorbell.Match.Equals(wanted)) == 1 ? 0 : Fault("unregistered a doorbell that does not exist");
    }

    [UnmanagedCallersOnly]
    private static int AdviseGpaRange(nint handle, WHV_MEMORY_RANGE_ENTRY* ranges, uint count, WHV_ADVISE_GPA_RANGE_CODE advice, void* buffer, uint size)
    {
        if (Enter(nameof(WhvFunctions.WHvAdviseGpaRange), out int result))
        {
            return result;
        }

        Current.Populated.Add(ranges[0].GuestAddress);
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int GetCpuidOutput(nint handle, uint index, uint leaf, uint subleaf, WHV_CPUID_OUTPUT* output)
    {
        // Leaf 0 tells of one more; the other answers name what was asked.
        *output = leaf switch
        {
            0 => new() { Eax = 1, Ebx = 0x756E_6547 },
            0x8000_0000 => new() { Eax = 0x8000_0001 },
            _ => new() { Eax = leaf, Ebx = (index << 24) | 0x800, Ecx = subleaf, Edx = 1 },
        };
        return Enter(nameof(WhvFunctions.WHvGetVirtualProcessorCpuidOutput), out int result) ? result : 0;
    }

    [UnmanagedCallersOnly]
    private static int GetInterruptTargetVpSet(nint handle, ulong destination, WHV_INTERRUPT_DESTINATION_MODE mode, uint* targets, uint size, uint* count)
    {
        *count = FindPartition(handle)!.Processors.ContainsKey((uint)destination) ? 1U : 0;
        return Enter(nameof(WhvFunctions.WHvGetInterruptTargetVpSet), out int result) ? result : 0;
    }
}
