using System.Runtime.InteropServices;
using HvSdk.Backends;
using HvSdk.Backends.Kvm;
using HvSdk.Backends.Kvm.Interop;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace HvSdk.Benchmarks;

/// <summary>A hypervisor whose guests leave at once, always for the same reason: what is left of an exit's time is managed code.</summary>
internal sealed class CannedBackend(CannedVcpu vcpu) : HypervisorBackend
{
    public override string Name => "canned";

    public override BackendProbe Probe() => BackendProbe.Available(Name, "exits without a guest");

    public override HypervisorHost Open(ILoggerFactory loggerFactory) => new Host(vcpu);

    private sealed class Host(CannedVcpu vcpu) : HypervisorHost
    {
        public override HypervisorCapabilities Capabilities { get; } = new()
        {
            BackendName = "canned",
            HostDescription = "",
            Architecture = GuestArchitecture.X64,
            Features = HypervisorFeatures.None,
            MaxVcpus = 1,
            MaxMemoryRegions = 1,
            PageSize = 4096,
            GuestPhysicalAddressBits = 36,
            MaxHardwareBreakpoints = 0,
            InterruptLineCount = 0,
        };

        public override PartitionBackend CreatePartition(PartitionOptions options) => new CannedPartition(vcpu);

        public override void Dispose()
        {
        }
    }

    private sealed class CannedPartition(CannedVcpu vcpu) : PartitionBackend
    {
        public override VcpuBackend CreateVcpu(int index) => vcpu;

        public override SafeBuffer AllocateMemory(ulong size, MemoryRegionOptions options) => throw new NotSupportedException();

        public override SafeFileHandle? DuplicateHandle(SafeBuffer block) => null;

        public override object MapMemory(ulong address, SafeBuffer block, ulong offset, ulong size, MemoryAccess access, bool trackDirtyPages) =>
            throw new NotSupportedException();

        public override void UnmapMemory(object mapping) => throw new NotSupportedException();

        public override void SetDirtyTracking(object mapping, bool enabled) => throw new NotSupportedException();

        public override void CollectDirtyPages(object mapping, Span<ulong> bitmap) => throw new NotSupportedException();

        public override HostEvent? CreateDoorbell(DoorbellLocation location) => null;

        public override void SetInterruptLine(int line, bool asserted) => throw new NotSupportedException();

        public override bool SendMsi(MsiMessage message) => throw new NotSupportedException();

        public override void SetInterruptRoutes(ReadOnlySpan<InterruptRoute> routes) => throw new NotSupportedException();

        public override HostEvent CreateLineTrigger(int line, bool levelTriggered, out HostEvent? acknowledged) => throw new NotSupportedException();

        public override HostEvent CreateMsiTrigger(MsiMessage message) => throw new NotSupportedException();

        public override void UpdateTrigger(HostEvent trigger, MsiMessage message) => throw new NotSupportedException();

        public override PartitionState SaveState() => throw new NotSupportedException();

        public override void LoadState(PartitionState state) => throw new NotSupportedException();

        public override void Dispose()
        {
        }
    }
}

/// <summary>A vCPU that leaves with one exit so many times and then halts. Exits are decoded from a real exit block by the KVM backend's own decoder.</summary>
internal sealed unsafe class CannedVcpu : VcpuBackend
{
    private const int BlockSize = 3 * 4096;

    // SAFETY: the block is the exit block of a vCPU and the page behind it, which port data lie in; freed by Dispose, which the core calls last.
    private readonly kvm_run* _run = (kvm_run*)NativeMemory.AllocZeroed(BlockSize);
    private uint _left;

    internal void SetPortExit(ushort port)
    {
        _run->exit_reason = KVM.KVM_EXIT_IO;
        _run->io = new kvm_run.Io { direction = (byte)KVM.KVM_EXIT_IO_OUT, size = 1, port = port, count = 1, data_offset = 4096 };
    }

    internal void SetMmioExit(ulong address)
    {
        _run->exit_reason = KVM.KVM_EXIT_MMIO;
        _run->mmio = new kvm_run.Mmio { phys_addr = address, len = 1, is_write = 1 };
    }

    internal void SetCount(int exits) => _left = (uint)exits;

    public override void Enter(out VcpuExit exit)
    {
        if (_left-- == 0)
        {
            exit = ExitFactory.Plain(VcpuExitKind.Halt);
            return;
        }

        KvmExits.Decode(_run, 0, out exit);
    }

    public override void AnswerAccess(ReadOnlySpan<byte> data, bool isFaulted)
    {
    }

    public override void Kick()
    {
    }

    public override void SetDebug(VcpuDebugOptions options)
    {
    }

    public override void Dispose() => NativeMemory.Free(_run);
}
