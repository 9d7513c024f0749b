using System.Runtime.InteropServices;
using HvSdk.Backends.Whp.Interop;
using Microsoft.Win32.SafeHandles;

namespace HvSdk.Backends.Whp;

/// <summary>A partition of the platform. All properties are known when it is made, so it is set up at once; memory and vCPUs follow.</summary>
internal sealed partial class WhpPartition : PartitionBackend
{
    private readonly WhvPartition _partition;
    private readonly WhpHost _host;
    private readonly PartitionOptions _options;
    private readonly X64CpuidTable? _cpuid;
    private readonly WhpMemory _memory;
    private readonly WhpInterruptLines _lines;
    private readonly object _debugGate = new();
    private readonly Dictionary<WhpVcpu, ulong> _debugged = [];
    private bool _hasRun;

    private WhpPartition(WhvPartition partition, WhpHost host, PartitionOptions options, X64CpuidTable? cpuid)
    {
        _partition = partition;
        _host = host;
        _options = options;
        _cpuid = cpuid;
        _memory = new WhpMemory(partition);
        _lines = new WhpInterruptLines(SendMsi);
        Configure();
        partition.Setup();
    }

    internal WhpHost Host => _host;

    internal PartitionOptions Options => _options;

    internal WhvPartition Native => _partition;

    internal WhpMemory Memory => _memory;

    internal WhpInterruptLines Lines => _lines;

    internal WhpPortDoorbells PortDoorbells { get; } = new();

    internal bool HasLocalApic => _options.InterruptController == InterruptControllerMode.PerVcpu;

    /// <summary>The caller's CPUID table, or null for the platform's own.</summary>
    internal X64CpuidTable? Cpuid => _cpuid;

    internal static WhpPartition Create(WhpHost host, PartitionOptions options)
    {
        X64CpuidTable? cpuid = null;
        if (options.X64.ConfigureCpuid is { } configure)
        {
            cpuid = host.X64Host.GetSupportedCpuid();
            configure(cpuid);
        }

        WhvPartition partition = WhvPartition.Create(host.Functions);
        try
        {
            return new WhpPartition(partition, host, options, cpuid);
        }
        catch
        {
            partition.Dispose();
            throw;
        }
    }

    public override unsafe VcpuBackend CreateVcpu(int index)
    {
        WhpError.Check(
            _host.Functions.WHvCreateVirtualProcessor(_partition.Number, (uint)index, 0), nameof(WhvFunctions.WHvCreateVirtualProcessor));
        try
        {
            return new WhpVcpu(this, (uint)index);
        }
        catch
        {
            _host.Functions.WHvDeleteVirtualProcessor(_partition.Number, (uint)index);
            throw;
        }
    }

    public override SafeBuffer AllocateMemory(ulong size, MemoryRegionOptions options) => WhpMemoryBlock.Allocate(size, options);

    public override SafeFileHandle? DuplicateHandle(SafeBuffer block) => ((WhpMemoryBlock)block).Section is { } section ? SectionHandle.Duplicate(section) : null;

    public override object MapMemory(ulong address, SafeBuffer block, ulong offset, ulong size, MemoryAccess access, bool trackDirtyPages) =>
        _memory.Map(address, (WhpMemoryBlock)block, offset, size, access, trackDirtyPages);

    public override void UnmapMemory(object mapping) => _memory.Unmap((WhpMapping)mapping);

    public override void SetDirtyTracking(object mapping, bool enabled) => _memory.SetDirtyTracking((WhpMapping)mapping, enabled);

    public override void CollectDirtyPages(object mapping, Span<ulong> bitmap) => _memory.CollectDirtyPages((WhpMapping)mapping, bitmap);

    /// <summary>The platform's doorbells are addresses of memory; those on ports are served here.</summary>
    public override HostEvent? CreateDoorbell(DoorbellLocation location)
    {
        if (!_host.Platform.HasDoorbells)
        {
            return null;
        }

        if (location.Space == BusSpace.Ports)
        {
            return PortDoorbells.Create(location);
        }

        return WhpEvent.CreateDoorbell(_partition, new WHV_DOORBELL_MATCH_DATA
        {
            GuestAddress = location.Address,
            Value = location.Value ?? 0,
            Length = (uint)location.Size,
            MatchOnLength = location.Size == 0 ? 0U : 1,
            MatchOnValue = location.Value is null ? 0U : 1,
        });
    }

    /// <summary>The platform keeps nothing beside vCPUs and memory.</summary>
    public override PartitionState SaveState() => new();

    public override void LoadState(PartitionState state)
    {
        if (state.X64InterruptController is not null)
        {
            throw new ArgumentException(
                "The state holds interrupt chips, and WHP keeps none. Create the partition that the state comes from without them.", nameof(state));
        }
    }

    public override IReadOnlyList<HostStatistic> ReadStatistics() => _host.Platform.HasCounters ? WhpStatistics.Read(_partition) : [];

    public override void Dispose()
    {
        _memory.Clear();
        _partition.Dispose();
    }

    /// <summary>The first entry of any vCPU: their time-stamp counters run from here on.</summary>
    internal void OnEntry() => _hasRun = true;

    internal bool HasRun => Volatile.Read(ref _hasRun);

    /// <summary>Chooses whose exceptions leave: the platform knows one choice for all vCPUs.</summary>
    internal void SetDebugExceptions(WhpVcpu vcpu, ulong exceptions)
    {
        lock (_debugGate)
        {
            ulong before = _debugged.Values.Aggregate(0UL, static (all, one) => all | one);
            if (exceptions == 0)
            {
                _debugged.Remove(vcpu);
            }
            else
            {
                _debugged[vcpu] = exceptions;
            }

            ulong after = _debugged.Values.Aggregate(0UL, static (all, one) => all | one);
            if (after != before)
            {
                _partition.Set(WHV_PARTITION_PROPERTY_CODE.WHvPartitionPropertyCodeExceptionExitBitmap, after);
            }
        }
    }

    internal static void SetLocalApic(WhvPartition partition, WhpBackendOptions options)
    {
        const WHV_PARTITION_PROPERTY_CODE code = WHV_PARTITION_PROPERTY_CODE.WHvPartitionPropertyCodeLocalApicEmulationMode;
        if (options.X2Apic != false)
        {
            int result = partition.TrySet(code, WHV_X64_LOCAL_APIC_EMULATION_MODE.WHvX64LocalApicEmulationModeX2Apic);
            if (result >= 0)
            {
                return;
            }

            if (options.X2Apic == true)
            {
                throw WhpError.Create(
                    nameof(WhvFunctions.WHvSetPartitionProperty), result, $"This Windows offers no x2APIC mode: {WhpError.Describe(result)}.");
            }
        }

        partition.Set(code, WHV_X64_LOCAL_APIC_EMULATION_MODE.WHvX64LocalApicEmulationModeXApic);
    }

    private void Configure()
    {
        _partition.Set(WHV_PARTITION_PROPERTY_CODE.WHvPartitionPropertyCodeProcessorCount, (uint)_options.MaxVcpus);
        if (HasLocalApic)
        {
            SetLocalApic(_partition, _host.Options);
        }

        WHV_EXTENDED_VM_EXITS exits = _host.Platform.HasDebugExits ? WHV_EXTENDED_VM_EXITS.ExceptionExit : WHV_EXTENDED_VM_EXITS.None;
        exits |= _options.ExitOnHypercall ? WHV_EXTENDED_VM_EXITS.HypercallExit : WHV_EXTENDED_VM_EXITS.None;
        if (_options.X64.ExitOnUnknownMsr || _options.X64.MsrExits.Count > 0)
        {
            exits |= WHV_EXTENDED_VM_EXITS.X64MsrExit;
        }

        if (_cpuid is not null
            && WhpCpuid.FindChanges(_cpuid, _host.X64Host.Cpuid) is { Count: > 0 } changes
            && WhpCpuid.Apply(_partition, changes, _host.Platform.HasCpuidExits))
        {
            exits |= WHV_EXTENDED_VM_EXITS.X64CpuidExit;
        }

        if (exits != WHV_EXTENDED_VM_EXITS.None)
        {
            _partition.Set(WHV_PARTITION_PROPERTY_CODE.WHvPartitionPropertyCodeExtendedVmExits, exits);
        }

        if (exits.HasFlag(WHV_EXTENDED_VM_EXITS.X64MsrExit))
        {
            _partition.Set(WHV_PARTITION_PROPERTY_CODE.WHvPartitionPropertyCodeX64MsrExitBitmap, WHV_X64_MSR_EXIT_BITMAP.UnhandledMsrs);
            WhpMsrExits.Apply(_partition, _options.X64.MsrExits);
        }
    }
}
