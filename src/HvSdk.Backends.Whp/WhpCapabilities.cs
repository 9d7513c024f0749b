using System.Runtime.Intrinsics.X86;
using HvSdk.Backends.Whp.Interop;

namespace HvSdk.Backends.Whp;

/// <summary>What this Windows offers: its capabilities and the functions that it has. A capability that it does not know is one that is absent.</summary>
internal sealed unsafe class WhpCapabilities
{
    /// <summary>WHvCapabilityCodePhysicalAddressWidth: newer than the headers of mingw-w64 10.0.0 (Microsoft's documentation, WHvGetCapability).</summary>
    private const WHV_CAPABILITY_CODE PhysicalAddressWidth = (WHV_CAPABILITY_CODE)0x1011;

    /// <summary>The least that a processor with long mode has.</summary>
    private const int MinAddressBits = 36;

    /// <summary>Inputs of the I/O APIC that a caller of <see cref="InterruptControllerMode.PerVcpu"/> would have (82093AA).</summary>
    private const int LineCount = 24;

    private const ulong DebugExceptions =
        (1UL << (int)WHV_EXCEPTION_TYPE.WHvX64ExceptionTypeDebugTrapOrFault) | (1UL << (int)WHV_EXCEPTION_TYPE.WHvX64ExceptionTypeBreakpointTrap);

    /// <summary>Numbers of processors that are tried, since no capability tells the most.</summary>
    private static readonly uint[] s_processorCounts = [2048, 1024, 512, 256, 240, 128, 64, 32, 16, 8, 4, 2];

    private readonly WhvFunctions _functions;

    internal WhpCapabilities(WhvFunctions functions)
    {
        _functions = functions;
        Features = (WHV_CAPABILITY_FEATURES)Get(WHV_CAPABILITY_CODE.WHvCapabilityCodeFeatures);
        Exits = (WHV_EXTENDED_VM_EXITS)Get(WHV_CAPABILITY_CODE.WHvCapabilityCodeExtendedVmExits);
        Exceptions = Get(WHV_CAPABILITY_CODE.WHvCapabilityCodeExceptionExitBitmap);
        MsrExits = (WHV_X64_MSR_EXIT_BITMAP)Get(WHV_CAPABILITY_CODE.WHvCapabilityCodeX64MsrExitBitmap);
        ClockFrequency = Get(WHV_CAPABILITY_CODE.WHvCapabilityCodeProcessorClockFrequency);
    }

    internal WHV_CAPABILITY_FEATURES Features { get; }

    internal WHV_EXTENDED_VM_EXITS Exits { get; }

    internal ulong Exceptions { get; }

    internal WHV_X64_MSR_EXIT_BITMAP MsrExits { get; }

    /// <summary>Of the time-stamp counter, in hertz; 0 where it is not told.</summary>
    internal ulong ClockFrequency { get; }

    internal bool HasMsrExits => Exits.HasFlag(WHV_EXTENDED_VM_EXITS.X64MsrExit) && MsrExits.HasFlag(WHV_X64_MSR_EXIT_BITMAP.UnhandledMsrs);

    internal bool HasCpuidExits => Exits.HasFlag(WHV_EXTENDED_VM_EXITS.X64CpuidExit);

    internal bool HasDebugExits => Exits.HasFlag(WHV_EXTENDED_VM_EXITS.ExceptionExit) && (Exceptions & DebugExceptions) == DebugExceptions;

    internal bool HasLocalApic => Features.HasFlag(WHV_CAPABILITY_FEATURES.LocalApicEmulation) && _functions.WHvRequestInterrupt is not null;

    internal bool HasLocalApicState =>
        _functions.WHvGetVirtualProcessorInterruptControllerState2 is not null && _functions.WHvSetVirtualProcessorInterruptControllerState2 is not null;

    internal bool HasXsave => Features.HasFlag(WHV_CAPABILITY_FEATURES.Xsave)
        && _functions.WHvGetVirtualProcessorXsaveState is not null && _functions.WHvSetVirtualProcessorXsaveState is not null;

    internal bool HasCounters => _functions.WHvGetPartitionCounters is not null && _functions.WHvGetVirtualProcessorCounters is not null;

    internal bool HasDoorbells => _functions.WHvRegisterPartitionDoorbellEvent is not null && _functions.WHvUnregisterPartitionDoorbellEvent is not null;

    internal bool HasDirtyTracking =>
        Features.HasFlag(WHV_CAPABILITY_FEATURES.DirtyPageTracking) && _functions.WHvQueryGpaRangeDirtyBitmap is not null;

    /// <summary>Asks for a capability of up to 8 bytes.</summary>
    internal static int TryGet<T>(WhvFunctions functions, WHV_CAPABILITY_CODE code, out T value)
        where T : unmanaged
    {
        T buffer = default;
        uint written = 0;
        int result = functions.WHvGetCapability(code, &buffer, (uint)sizeof(T), &written);
        value = result < 0 ? default : buffer;
        return result;
    }

    internal HypervisorCapabilities ToPortable(string description) => new()
    {
        BackendName = WhpError.BackendName,
        HostDescription = description,
        Architecture = GuestArchitecture.X64,
        Features = ReadFeatures(),
        MaxVcpus = FindMaxVcpus(),
        MaxMemoryRegions = int.MaxValue,
        PageSize = WhpMemory.PageSize,
        GuestPhysicalAddressBits = ReadAddressBits(),
        MaxHardwareBreakpoints = HasDebugExits ? WhpDebugger.HardwareBreakpoints : 0,
        InterruptLineCount = HasLocalApic ? LineCount : 0,
    };

    private ulong Get(WHV_CAPABILITY_CODE code) => TryGet(_functions, code, out ulong value) < 0 ? 0 : value;

    private HypervisorFeatures ReadFeatures()
    {
        HypervisorFeatures features = HypervisorFeatures.ReadOnlyMemory;
        Add(HypervisorFeatures.DirtyTracking, HasDirtyTracking);
        Add(HypervisorFeatures.PerVcpuInterruptController | HypervisorFeatures.Msi | HypervisorFeatures.InterruptTriggers, HasLocalApic);
        Add(HypervisorFeatures.HostDoorbells, HasDoorbells);
        Add(HypervisorFeatures.SingleStep | HypervisorFeatures.SoftwareBreakpoints | HypervisorFeatures.HardwareBreakpoints, HasDebugExits);
        Add(HypervisorFeatures.RegisterExits, HasMsrExits);
        Add(HypervisorFeatures.HypercallExits, Exits.HasFlag(WHV_EXTENDED_VM_EXITS.HypercallExit));
        Add(HypervisorFeatures.StateTransfer, !HasLocalApic || HasLocalApicState);
        Add(HypervisorFeatures.HostStatistics, HasCounters);
        return features;

        void Add(HypervisorFeatures feature, bool isOffered) => features |= isOffered ? feature : 0;
    }

    private int FindMaxVcpus()
    {
        using WhvPartition partition = WhvPartition.Create(_functions);
        foreach (uint count in s_processorCounts)
        {
            if (partition.TrySet(WHV_PARTITION_PROPERTY_CODE.WHvPartitionPropertyCodeProcessorCount, count) >= 0)
            {
                return (int)count;
            }
        }

        return 1;
    }

    private int ReadAddressBits()
    {
        if (TryGet(_functions, PhysicalAddressWidth, out uint width) >= 0 && width is >= MinAddressBits and <= 52)
        {
            return (int)width;
        }

        // The processor's own width, which partitions have on an older Windows (Intel SDM vol. 2A, CPUID leaf 0x80000008).
        return X86Base.IsSupported ? int.Clamp(X86Base.CpuId(unchecked((int)0x8000_0008), 0).Eax & 0xFF, MinAddressBits, 52) : MinAddressBits;
    }
}
