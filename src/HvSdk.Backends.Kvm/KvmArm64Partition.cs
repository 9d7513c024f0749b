using HvSdk.Backends.Kvm.Interop;
using HvSdk.Backends.Kvm.Interop.Arm64;

namespace HvSdk.Backends.Kvm;

/// <summary>A KVM virtual machine of arm64.</summary>
/// <remarks>
/// The kernel's GIC is complete when all vCPUs are made, and takes no more of them: so they are made together with it, each waiting for its <see cref="CreateVcpu"/>. PSCI is the
/// kernel's: it knows which vCPUs are off, lets their runs wait, and costs no exit; core's is for hosts without one.
/// </remarks>
internal sealed class KvmArm64Partition : KvmPartition
{
    private readonly KvmArm64Platform _host;
    private readonly SafeFd?[] _vcpus;
    private KvmGic? _gic;

    private KvmArm64Partition(SafeFd partition, KvmArm64Platform host, PartitionOptions options, KvmMsiFrame? frame)
        : base(partition, host, options, new KvmArm64Routing(partition, options.InterruptController, frame))
    {
        _host = host;
        _vcpus = new SafeFd?[options.MaxVcpus];
        Frame = frame;
        if (host.HasAccessesWithoutSyndrome)
        {
            partition.EnableCapability(KVM_ARM64.KVM_CAP_ARM_NISV_TO_USER, 0, nameof(KVM_ARM64.KVM_CAP_ARM_NISV_TO_USER));
        }

        if (options.ExitOnHypercall)
        {
            KvmCallFilter.Apply(partition, keepPsci: options.Arm64.Psci);
        }
    }

    internal KvmArm64Platform Platform => _host;

    /// <summary>The kernel's GIC, from the first vCPU on, or null where the interrupt controller is the caller's.</summary>
    internal KvmGic? Gic => _gic;

    internal bool HasGic => Options.InterruptController == InterruptControllerMode.Full;

    /// <summary>How far the guests' virtual counter is behind, where it was set or once measured; forgotten when the counter is set.</summary>
    internal ulong? CounterOffset { get; set; }

    /// <summary>The frame of messages, or null.</summary>
    internal KvmMsiFrame? Frame { get; }

    internal static KvmArm64Partition Create(SafeFd device, KvmArm64Platform host, PartitionOptions options)
    {
        bool hasFrame = options.InterruptController == InterruptControllerMode.Full && options.Arm64.Gic.MsiFrame is not null;
        SafeFd partition = device.Open(KVM.KVM_CREATE_VM, KvmProbe.PartitionType(device), nameof(KVM.KVM_CREATE_VM));
        try
        {
            return new KvmArm64Partition(partition, host, options, hasFrame ? new KvmMsiFrame(options.Arm64.Gic.MsiFrame!) : null);
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
        SafeFd vcpu = _vcpus[index] ?? OpenVcpu(index);
        _vcpus[index] = null;
        try
        {
            return new KvmArm64RunLoop(this, vcpu, index);
        }
        catch
        {
            vcpu.Dispose();
            throw;
        }
    }

    /// <summary>Ports are not of this architecture, and the kernel would never ring there.</summary>
    public override HostEvent? CreateDoorbell(DoorbellLocation location) => location.Space == BusSpace.Ports ? null : base.CreateDoorbell(location);

    public override void SetInterruptLine(int line, bool asserted)
    {
        EnsureChip();
        SetLine(KVM_ARM64.KVM_ARM_IRQ_TYPE_SPI, 0, (uint)(KvmGic.FirstSharedInterrupt + line), asserted);
    }

    /// <summary>The frame takes the messages that it was made for, each an edge of its line; any other reaches nobody.</summary>
    public override bool SendMsi(MsiMessage message)
    {
        if (Frame is null || !Frame.TryGetLine(message, out int line))
        {
            return false;
        }

        Pulse(line);
        return true;
    }

    public override PartitionState SaveState()
    {
        EnsureChip();
        return new() { Arm64Gic = _gic is null ? null : KvmGicState.ReadDistributor(_gic) };
    }

    public override void LoadState(PartitionState state)
    {
        EnsureChip();
        if ((state.Arm64Gic is not null) != HasGic)
        {
            throw new ArgumentException(
                $"The state {(state.Arm64Gic is null ? "holds no GIC and the partition keeps one" : "holds a GIC and the partition keeps none")}. " +
                $"Create the partition with the {nameof(PartitionOptions.InterruptController)} of the one that the state comes from.",
                nameof(state));
        }

        if (state.Arm64Gic is { } gic)
        {
            KvmGicState.WriteDistributor(_gic!, gic);
        }
    }

    public override void Dispose()
    {
        foreach (SafeFd? vcpu in _vcpus)
        {
            vcpu?.Dispose();
        }

        _gic?.Dispose();
        base.Dispose();
    }

    /// <summary>An edge: the line goes up and down.</summary>
    internal void Pulse(int line)
    {
        SetInterruptLine(line, true);
        SetInterruptLine(line, false);
    }

    /// <summary>Sets a line of the GIC, or an input of a vCPU (api.rst, 4.25).</summary>
    internal void SetLine(uint type, int vcpu, uint number, bool asserted)
    {
        kvm_irq_level level = new()
        {
            irq = (type << KVM_ARM64.KVM_ARM_IRQ_TYPE_SHIFT)
                | (((uint)vcpu & KVM_ARM64.KVM_ARM_IRQ_VCPU_MASK) << KVM_ARM64.KVM_ARM_IRQ_VCPU_SHIFT)
                | ((uint)vcpu >> 8 << KVM_ARM64.KVM_ARM_IRQ_VCPU2_SHIFT)
                | number,
            level = asserted ? 1u : 0,
        };
        Descriptor.Control(KVM.KVM_IRQ_LINE, ref level, nameof(KVM.KVM_IRQ_LINE));
    }

    private protected override void CreateChip()
    {
        if (!HasGic)
        {
            return;
        }

        _gic = KvmGic.Create(Descriptor, Options.Arm64.Gic, Options.MaxVcpus);
        for (int i = 0; i < _vcpus.Length; i++)
        {
            _vcpus[i] = OpenVcpu(i);
        }

        _gic.Initialize();
    }

    private SafeFd OpenVcpu(int index)
    {
        SafeFd vcpu = Descriptor.Open(KVM.KVM_CREATE_VCPU, index, nameof(KVM.KVM_CREATE_VCPU));
        try
        {
            uint features = _host.VcpuFeatures | (index > 0 ? 1U << KVM_ARM64.KVM_ARM_VCPU_POWER_OFF : 0);
            KvmArm64Survey.Initialize(Descriptor, vcpu, Options.Arm64.Psci ? features : features & ~(1U << KVM_ARM64.KVM_ARM_VCPU_PSCI_0_2));
            return vcpu;
        }
        catch
        {
            vcpu.Dispose();
            throw;
        }
    }
}
