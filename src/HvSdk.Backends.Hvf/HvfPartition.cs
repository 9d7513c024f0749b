using System.Runtime.InteropServices;
using HvSdk.Backends.Hvf.Interop;
using Microsoft.Win32.SafeHandles;

namespace HvSdk.Backends.Hvf;

/// <summary>The virtual machine of this process.</summary>
internal sealed unsafe partial class HvfPartition : PartitionBackend
{
    private readonly HvVm _vm;
    private readonly HvfHost _host;
    private readonly PartitionOptions _options;
    private readonly HvfMemory _memory;

    private HvfPartition(HvVm vm, HvfHost host, PartitionOptions options)
    {
        _vm = vm;
        _host = host;
        _options = options;
        _memory = new HvfMemory(host.Functions);
        Psci = new Arm64Psci(options.MaxVcpus);
        if (HasGic)
        {
            CreateGic(options.Arm64.Gic);
        }
    }

    internal HvfHost Host => _host;

    internal HvFunctions Functions => _host.Functions;

    internal PartitionOptions Options => _options;

    internal HvfMemory Memory => _memory;

    /// <summary>The guest's calls to start and stop, and the power switches of the vCPUs: the framework knows nothing of either.</summary>
    internal Arm64Psci Psci { get; }

    internal bool HasGic => _options.InterruptController == InterruptControllerMode.Full;

    internal static HvfPartition Create(HvfHost host, PartitionOptions options)
    {
        HvfLeftovers.Destroy(host.Functions);
        HvVm vm = HvVm.Create(host.Functions, host.Functions.HasAddressSize ? host.Platform.AddressBits : null);
        try
        {
            return new HvfPartition(vm, host, options);
        }
        catch
        {
            vm.Dispose();
            throw;
        }
    }

    public override VcpuBackend CreateVcpu(int index)
    {
        HvfLeftovers.Destroy(Functions);
        return HvfVcpu.Create(this, index);
    }

    public override SafeBuffer AllocateMemory(ulong size, MemoryRegionOptions options) => HvfMemoryBlock.Allocate(Functions, size, options);

    public override SafeFileHandle? DuplicateHandle(SafeBuffer block)
    {
        if (((HvfMemoryBlock)block).Shared is not { } shared)
        {
            return null;
        }

        // macOS names an open file under /dev/fd, and so does Linux.
        return File.OpenHandle($"/dev/fd/{shared.DangerousGetHandle()}", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
    }

    public override object MapMemory(ulong address, SafeBuffer block, ulong offset, ulong size, MemoryAccess access, bool trackDirtyPages) =>
        _memory.Map(address, (HvfMemoryBlock)block, offset, size, access, trackDirtyPages);

    public override void UnmapMemory(object mapping) => _memory.Unmap((HvfMapping)mapping);

    public override void SetDirtyTracking(object mapping, bool enabled) => _memory.SetDirtyTracking((HvfMapping)mapping, enabled);

    public override void CollectDirtyPages(object mapping, Span<ulong> bitmap) => _memory.CollectDirtyPages((HvfMapping)mapping, bitmap);

    /// <summary>The framework has none: the bus rings them.</summary>
    public override HostEvent? CreateDoorbell(DoorbellLocation location) => null;

    public override PartitionState SaveState() => new() { Arm64Gic = HasGic ? new Arm64GicState { Distributor = HvfGicRegisters.ReadDistributor(Functions, _host.Capabilities.InterruptLineCount) } : null };

    public override void LoadState(PartitionState state)
    {
        if ((state.Arm64Gic is not null) != HasGic)
        {
            throw new ArgumentException(
                $"The state {(state.Arm64Gic is null ? "holds no GIC and the partition keeps one" : "holds a GIC and the partition keeps none")}. " +
                $"Create the partition with the {nameof(PartitionOptions.InterruptController)} of the one that the state comes from.",
                nameof(state));
        }

        if (state.Arm64Gic is { } gic)
        {
            HvfGicRegisters.WriteDistributor(Functions, gic.Distributor);
        }
    }

    public override void Dispose()
    {
        _memory.Clear();

        // A vCPU of this thread that another one has disposed of would keep the machine.
        HvfLeftovers.Destroy(Functions);
        _vm.Dispose();
    }
}
