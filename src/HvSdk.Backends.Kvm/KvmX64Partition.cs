using HvSdk.Backends.Kvm.Interop;

namespace HvSdk.Backends.Kvm;

/// <summary>A KVM virtual machine of x86-64.</summary>
/// <remarks>
/// The interrupt chip is made when it is first needed, which is when the first vCPU is created at the latest: memory slots that are set after
/// it exist cost an RCU grace period each, milliseconds, and before it next to nothing.
/// </remarks>
internal sealed partial class KvmX64Partition : KvmPartition
{
    /// <summary>
    /// Three pages for the task state and one for the identity map, which Intel processors without unrestricted guests need. Below 4 GiB less
    /// 16 MiB, so that firmware of that size fits above.
    /// </summary>
    private static readonly nint s_taskStateAddress = unchecked((nint)0xFEFF_D000);
    private const ulong IdentityMapAddress = 0xFEFF_C000;

    /// <summary>KVM_HC_MAP_GPA_RANGE (linux/kvm_para.h): the one hypercall that KVM lets go.</summary>
    private const ulong MapGpaRangeHypercall = 1UL << 12;

    private readonly KvmX64Platform _host;
    private readonly byte[] _cpuid;

    private KvmX64Partition(SafeFd partition, KvmX64Platform host, PartitionOptions options, byte[] cpuid)
        : base(partition, host, options, new KvmInterruptRouting(partition, options.InterruptController))
    {
        _host = host;
        _cpuid = cpuid;
        Configure();
    }

    internal KvmX64Platform Platform => _host;

    /// <summary>Bytes of a vCPU's XSAVE area, or 0 where the kernel knows only the 4 KiB form.</summary>
    /// <remarks>Asked when it is needed: the process can ask the kernel for larger features until the first vCPU exists.</remarks>
    internal int XsaveSize => Descriptor.CheckExtension(KVM.KVM_CAP_XSAVE2);

    internal bool HasLocalApic => Options.InterruptController != InterruptControllerMode.None;

    internal static KvmX64Partition Create(SafeFd device, KvmX64Platform host, PartitionOptions options)
    {
        byte[] cpuid = CreateCpuid(host, options);
        SafeFd partition = device.Open(KVM.KVM_CREATE_VM, 0, nameof(KVM.KVM_CREATE_VM));
        try
        {
            return new KvmX64Partition(partition, host, options, cpuid);
        }
        catch
        {
            partition.Dispose();
            throw;
        }
    }

    /// <summary>Entries of the vCPUs' tables.</summary>
    internal int CpuidCount => KvmCpuid.Count(_cpuid);

    public override VcpuBackend CreateVcpu(int index)
    {
        EnsureChip();
        SafeFd vcpu = Descriptor.Open(KVM.KVM_CREATE_VCPU, index, nameof(KVM.KVM_CREATE_VCPU));
        try
        {
            KvmCpuid.Write(vcpu, _cpuid, (uint)index);
            if (Options.X64.TscFrequency is { } frequency)
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

    public override PartitionState SaveState() => KvmPartitionState.Save(Descriptor, ChipOrNull());

    public override void LoadState(PartitionState state) => KvmPartitionState.Load(Descriptor, ChipOrNull(), state);

    private static byte[] CreateCpuid(KvmX64Platform host, PartitionOptions options)
    {
        if (options.X64.ConfigureCpuid is not { } configure)
        {
            return options.InterruptController == InterruptControllerMode.None ? host.X64Host.NativeCpuidWithoutLocalApic : host.X64Host.NativeCpuid;
        }

        X64CpuidTable table = host.X64Host.GetSupportedCpuid();
        configure(table);
        return KvmCpuid.ToNative(table);
    }

    private void Configure()
    {
        if (_host.HasExceptionPayload)
        {
            Descriptor.EnableCapability(KVM.KVM_CAP_EXCEPTION_PAYLOAD, 1, nameof(KVM.KVM_CAP_EXCEPTION_PAYLOAD));
        }

        if (Options.ExitOnHypercall)
        {
            Descriptor.EnableCapability(KVM.KVM_CAP_EXIT_HYPERCALL, MapGpaRangeHypercall, nameof(KVM.KVM_CAP_EXIT_HYPERCALL));
        }

        KvmMsrFilter.Apply(Descriptor, Options.X64);
    }
}
