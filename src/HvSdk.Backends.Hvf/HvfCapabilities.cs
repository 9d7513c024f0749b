using HvSdk.Backends.Hvf.Interop;

namespace HvSdk.Backends.Hvf;

/// <summary>What this macOS on this machine offers.</summary>
internal sealed unsafe class HvfCapabilities
{
    /// <summary>What hv_vm_map wants, of addresses and sizes; macOS 26 can be asked for less.</summary>
    internal const int PageSize = 16384;

    /// <summary>The size of guest addresses where nothing else can be had.</summary>
    private const int DefaultAddressBits = 36;

    /// <summary>The framework tells no limit.</summary>
    private const int MaxRegions = 512;

    private const int FirstSharedInterrupt = 32;

    /// <summary>ID_AA64DFR0_EL1: breakpoints and watchpoints, each less one (Arm ARM, D19.2.59).</summary>
    private const int BreakpointsShift = 12;
    private const int WatchpointsShift = 20;

    private readonly HvFunctions _functions;

    internal HvfCapabilities(HvFunctions functions)
    {
        _functions = functions;
        AddressBits = ReadAddressBits();
        CounterFrequency = ReadCounterFrequency();
        ulong debug = Array.Find(HvfArm64Host.ReadFeatures(functions), static feature => feature.Register == Arm64SystemRegister.IdAa64Dfr0El1).Value;
        Breakpoints = (int)(debug >> BreakpointsShift & 0xF) + 1;
        Watchpoints = (int)(debug >> WatchpointsShift & 0xF) + 1;
    }

    /// <summary>Bits of guest addresses that a VM is made with.</summary>
    internal int AddressBits { get; }

    /// <summary>Ticks of the counter in a second.</summary>
    internal long CounterFrequency { get; }

    internal int Breakpoints { get; }

    internal int Watchpoints { get; }

    internal HypervisorCapabilities ToPortable(string description) => new()
    {
        BackendName = HvfError.BackendName,
        HostDescription = description,
        Architecture = GuestArchitecture.Arm64,
        Features = Features(),
        MaxVcpus = ReadMaxVcpus(),
        MaxMemoryRegions = MaxRegions,
        PageSize = PageSize,
        GuestPhysicalAddressBits = AddressBits,
        MaxHardwareBreakpoints = int.Min(Breakpoints, Watchpoints),
        InterruptLineCount = _functions.HasGic ? ReadLineCount() : 0,
    };

    private HypervisorFeatures Features()
    {
        HypervisorFeatures features = HypervisorFeatures.ReadOnlyMemory | HypervisorFeatures.DirtyTracking | HypervisorFeatures.SingleStep
            | HypervisorFeatures.SoftwareBreakpoints | HypervisorFeatures.HardwareBreakpoints | HypervisorFeatures.RegisterExits | HypervisorFeatures.HypercallExits
            | HypervisorFeatures.StateTransfer | HypervisorFeatures.HostStatistics;
        features |= _functions.HasGic ? HypervisorFeatures.FullInterruptController | HypervisorFeatures.InterruptTriggers : 0;
        return features | (_functions.HasMsi ? HypervisorFeatures.Msi : 0);
    }

    private int ReadMaxVcpus()
    {
        uint count = 0;
        HvfError.Check(_functions.hv_vm_get_max_vcpu_count(&count), nameof(HvFunctions.hv_vm_get_max_vcpu_count));
        return (int)count;
    }

    private int ReadAddressBits()
    {
        if (!_functions.HasAddressSize)
        {
            return DefaultAddressBits;
        }

        uint bits = 0;
        HvfError.Check(_functions.hv_vm_config_get_max_ipa_size(&bits), nameof(HvFunctions.hv_vm_config_get_max_ipa_size));
        return (int)bits;
    }

    private long ReadCounterFrequency()
    {
        if (_functions.TryReadSystemNumber("hw.tbfrequency", out long frequency) && frequency > 0)
        {
            return frequency;
        }

        MachTimebaseInfo timebase = default;
        _functions.mach_timebase_info(&timebase);
        return timebase.Numerator == 0 ? 0 : 1_000_000_000L * timebase.Denominator / timebase.Numerator;
    }

    private int ReadLineCount()
    {
        uint first = 0;
        uint count = 0;
        HvfError.Check(_functions.hv_gic_get_spi_interrupt_range(&first, &count), nameof(HvFunctions.hv_gic_get_spi_interrupt_range));
        return (int)(first + count) - FirstSharedInterrupt;
    }
}
