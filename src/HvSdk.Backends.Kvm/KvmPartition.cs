using System.Runtime.InteropServices;
using HvSdk.Backends.Kvm.Interop;
using Microsoft.Win32.SafeHandles;

namespace HvSdk.Backends.Kvm;

/// <summary>A KVM virtual machine.</summary>
/// <remarks>
/// The interrupt chip is made when it is first needed, which is when the first vCPU is created at the latest: memory slots that are set after
/// it exist cost an RCU grace period each, milliseconds, and before it next to nothing.
/// </remarks>
internal sealed partial class KvmPartition : PartitionBackend
{
    /// <summary>
    /// Three pages for the task state and one for the identity map, which Intel processors without unrestricted guests need. Below 4 GiB less
    /// 16 MiB, so that firmware of that size fits above.
    /// </summary>
    private static readonly nint s_taskStateAddress = unchecked((nint)0xFEFF_D000);
    private const ulong IdentityMapAddress = 0xFEFF_C000;

    /// <summary>KVM_HC_MAP_GPA_RANGE (linux/kvm_para.h): the one hypercall that KVM lets go.</summary>
    private const ulong MapGpaRangeHypercall = 1UL << 12;

    private readonly SafeFd _partition;
    private readonly KvmHost _host;
    private readonly PartitionOptions _options;
    private readonly byte[] _cpuid;
    private readonly KvmMemory _memory;
    private readonly KvmDirtyRings? _dirtyRings;
    private readonly KvmInterruptRouting _routing;
    private readonly object _chipGate = new();
    private bool _chipExists;

    private KvmPartition(SafeFd partition, KvmHost host, PartitionOptions options, byte[] cpuid)
    {
        _partition = partition;
        _host = host;
        _options = options;
        _cpuid = cpuid;
        int ringEntries = host.Options.DirtyRingEntries;
        bool clearsManually = ringEntries == 0 && host.HasManualDirtyLogProtect;
        _memory = new KvmMemory(partition, clearsManually, ringEntries > 0, host.Options.EmulateFailedInstructions);
        _dirtyRings = ringEntries > 0 ? new KvmDirtyRings(partition, _memory, ringEntries) : null;
        _routing = new KvmInterruptRouting(partition, options.InterruptController);
        Configure(clearsManually, ringEntries);
    }

    internal KvmHost Host => _host;

    internal PartitionOptions Options => _options;

    internal KvmMemory Memory => _memory;

    internal KvmDirtyRings? DirtyRings => _dirtyRings;

    /// <summary>Bytes of a vCPU's XSAVE area, or 0 where the kernel knows only the 4 KiB form.</summary>
    /// <remarks>Asked when it is needed: the process can ask the kernel for larger features until the first vCPU exists.</remarks>
    internal int XsaveSize => _partition.CheckExtension(KVM.KVM_CAP_XSAVE2);

    internal bool HasLocalApic => _options.InterruptController != InterruptControllerMode.None;

    internal static KvmPartition Create(SafeFd device, KvmHost host, PartitionOptions options)
    {
        byte[] cpuid = CreateCpuid(host, options);
        SafeFd partition = SafeFd.Take(device.Control(KVM.KVM_CREATE_VM, 0, nameof(KVM.KVM_CREATE_VM)), nameof(KVM.KVM_CREATE_VM));
        try
        {
            return new KvmPartition(partition, host, options, cpuid);
        }
        catch
        {
            partition.Dispose();
            throw;
        }
    }

    public override VcpuBackend CreateVcpu(int index)
    {
        EnsureChip();
        SafeFd vcpu = SafeFd.Take(_partition.Control(KVM.KVM_CREATE_VCPU, index, nameof(KVM.KVM_CREATE_VCPU)), nameof(KVM.KVM_CREATE_VCPU));
        try
        {
            KvmCpuid.Write(vcpu, _cpuid, (uint)index);
            if (_options.X64.TscFrequency is { } frequency)
            {
                vcpu.Control(KVM.KVM_SET_TSC_KHZ, (nint)(frequency / 1000), nameof(KVM.KVM_SET_TSC_KHZ));
            }

            return new KvmVcpu(this, vcpu);
        }
        catch
        {
            vcpu.Dispose();
            throw;
        }
    }

    public override SafeBuffer AllocateMemory(ulong size, MemoryRegionOptions options) => KvmMemoryAllocation.Allocate(size, options);

    public override SafeFileHandle? DuplicateHandle(SafeBuffer block) => ((SafeMapping)block).Descriptor?.Duplicate();

    public override ulong GetDiscardUnit(SafeBuffer block) => ((SafeMapping)block).DiscardUnit;

    public override bool DiscardMemory(SafeBuffer block, ulong offset, ulong size) => ((SafeMapping)block).TryDiscard(offset, size);

    public override object MapMemory(ulong address, SafeBuffer block, ulong offset, ulong size, MemoryAccess access, bool trackDirtyPages) =>
        _memory.Map(address, (SafeMapping)block, offset, size, access, trackDirtyPages);

    public override void UnmapMemory(object mapping)
    {
        _memory.Unmap((KvmSlot)mapping);

        // What the rings still say of this slot must not be said of the next one with its number.
        _dirtyRings?.Harvest();
    }

    public override void SetDirtyTracking(object mapping, bool enabled)
    {
        // What was written before tracking starts is not of its time, though it may still lie in the rings.
        _dirtyRings?.Harvest();
        _memory.SetDirtyTracking((KvmSlot)mapping, enabled);
    }

    public override void CollectDirtyPages(object mapping, Span<ulong> bitmap)
    {
        if (_dirtyRings is not null)
        {
            _dirtyRings.Collect((KvmSlot)mapping, bitmap);
        }
        else
        {
            _memory.ReadDirtyLog((KvmSlot)mapping, bitmap);
        }

        _memory.CollectEmulatedPages((KvmSlot)mapping, bitmap);
    }

    public override HostEvent? CreateDoorbell(DoorbellLocation location)
    {
        if (!_host.Capabilities.Supports(HypervisorFeatures.HostDoorbells) || (location.Size == 0 && !_host.HasAnyLengthDoorbells))
        {
            return null;
        }

        var doorbell = new EventFd { Unregister = e => SetDoorbell(e, location, KVM.KVM_IOEVENTFD_FLAG_DEASSIGN) };
        try
        {
            SetDoorbell(doorbell, location, 0);
            return doorbell;
        }
        catch
        {
            doorbell.Unregister = null;
            doorbell.Dispose();
            throw;
        }
    }

    public override PartitionState SaveState() => KvmPartitionState.Save(_partition, ChipOrNull());

    public override void LoadState(PartitionState state) => KvmPartitionState.Load(_partition, ChipOrNull(), state);

    public override IReadOnlyList<HostStatistic> ReadStatistics() =>
        _host.Capabilities.Supports(HypervisorFeatures.HostStatistics) ? KvmStatistics.Read(_partition) : [];

    public override void Dispose() => _partition.Dispose();

    private static byte[] CreateCpuid(KvmHost host, PartitionOptions options)
    {
        if (options.X64.ConfigureCpuid is not { } configure)
        {
            return options.InterruptController == InterruptControllerMode.None ? host.X64Host.NativeCpuidWithoutLocalApic : host.X64Host.NativeCpuid;
        }

        X64CpuidTable table = host.X64Host.GetSupportedCpuid();
        configure(table);
        return KvmCpuid.ToNative(table);
    }

    private void Configure(bool clearsManually, int ringEntries)
    {
        if (clearsManually)
        {
            _partition.EnableCapability(
                KVM.KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, KVM.KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE, nameof(KVM.KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2));
        }

        if (ringEntries > 0)
        {
            uint capability = _host.HasDirtyLogRing ? KVM.KVM_CAP_DIRTY_LOG_RING : KVM.KVM_CAP_DIRTY_LOG_RING_ACQ_REL;
            _partition.EnableCapability(capability, (ulong)(ringEntries * KvmDirtyRing.EntrySize), nameof(KVM.KVM_CAP_DIRTY_LOG_RING));
        }

        if (_host.HasExceptionPayload)
        {
            _partition.EnableCapability(KVM.KVM_CAP_EXCEPTION_PAYLOAD, 1, nameof(KVM.KVM_CAP_EXCEPTION_PAYLOAD));
        }

        if (_options.ExitOnHypercall)
        {
            _partition.EnableCapability(KVM.KVM_CAP_EXIT_HYPERCALL, MapGpaRangeHypercall, nameof(KVM.KVM_CAP_EXIT_HYPERCALL));
        }

        KvmMsrFilter.Apply(_partition, _options.X64);
    }

    private void SetDoorbell(EventFd doorbell, DoorbellLocation location, uint flags)
    {
        kvm_ioeventfd register = new()
        {
            datamatch = location.Value ?? 0,
            addr = location.Address,
            len = (uint)location.Size,
            fd = doorbell.Descriptor.Number,
            flags = flags
                | (location.Space == BusSpace.Ports ? KVM.KVM_IOEVENTFD_FLAG_PIO : 0)
                | (location.Value is null ? 0 : KVM.KVM_IOEVENTFD_FLAG_DATAMATCH),
        };
        _partition.Control(KVM.KVM_IOEVENTFD, ref register, nameof(KVM.KVM_IOEVENTFD));
    }
}
