using System.Runtime.InteropServices;
using HvSdk.Backends.Kvm.Interop;
using HvSdk.Backends.Kvm.Interop.Arm64;
using kvm_run = HvSdk.Backends.Kvm.Interop.Arm64.kvm_run;

namespace HvSdk.Backends.Kvm;

/// <summary>What only a vCPU can tell about its host: a partition is made for it, asked, and let go.</summary>
internal sealed unsafe class KvmArm64Survey
{
    /// <summary>A guest that reads the frequency of its counter and stores it where no memory is: the kernel tells it to nobody else.</summary>
    private static readonly uint[] s_guest =
    [
        0xD53B_E000, // mrs x0, cntfrq_el0
        0xD2A8_0001, // movz x1, #0x4000, lsl #16
        0xF900_0020, // str x0, [x1]
    ];

    private const ulong StoreAddress = 0x4000_0000;

    /// <summary>How often the run may end for a signal of the runtime's.</summary>
    private const int MaxInterruptions = 1000;

    private static readonly Arm64SystemRegister[] s_features =
    [
        Arm64SystemRegister.IdAa64Pfr0El1, Arm64SystemRegister.IdAa64Pfr1El1, Arm64SystemRegister.IdAa64Zfr0El1, Arm64SystemRegister.IdAa64Dfr0El1,
        Arm64SystemRegister.IdAa64Dfr1El1, Arm64SystemRegister.IdAa64Isar0El1, Arm64SystemRegister.IdAa64Isar1El1, Arm64SystemRegister.IdAa64Isar2El1,
        Arm64SystemRegister.IdAa64Mmfr0El1, Arm64SystemRegister.IdAa64Mmfr1El1, Arm64SystemRegister.IdAa64Mmfr2El1,
    ];

    internal required Arm64SystemRegisterValue[] FeatureRegisters { get; init; }

    /// <summary>Those that hold state of a vCPU, without the GIC's CPU interface.</summary>
    internal required Arm64SystemRegister[] StateRegisters { get; init; }

    internal required bool HasGic { get; init; }

    internal required bool HasCallFilter { get; init; }

    internal required long CounterFrequency { get; init; }

    internal static KvmArm64Survey Make(SafeFd device, uint features, int mappingSize)
    {
        using SafeFd partition = device.Open(KVM.KVM_CREATE_VM, KvmProbe.PartitionType(device), nameof(KVM.KVM_CREATE_VM));
        using SafeFd vcpu = partition.Open(KVM.KVM_CREATE_VCPU, 0, nameof(KVM.KVM_CREATE_VCPU));
        Initialize(partition, vcpu, features);
        var registers = new KvmArm64Registers(vcpu, null, 0);
        return new()
        {
            FeatureRegisters = [.. ReadFeatures(registers)],
            StateRegisters = ReadState(registers),
            HasGic = device.CheckExtension(KVM_ARM64.KVM_CAP_DEVICE_CTRL) > 0 && KvmGic.IsOffered(partition),
            HasCallFilter = KvmCallFilter.IsOffered(partition),
            CounterFrequency = ReadFrequency(partition, vcpu, mappingSize),
        };
    }

    /// <summary>Gives a new vCPU the processor that the host prefers, with features.</summary>
    internal static void Initialize(SafeFd partition, SafeFd vcpu, uint features)
    {
        kvm_vcpu_init init = default;
        partition.Control(KVM_ARM64.KVM_ARM_PREFERRED_TARGET, ref init, nameof(KVM_ARM64.KVM_ARM_PREFERRED_TARGET));
        init.features[0] |= features;
        vcpu.Control(KVM_ARM64.KVM_ARM_VCPU_INIT, ref init, nameof(KVM_ARM64.KVM_ARM_VCPU_INIT));
    }

    private static IEnumerable<Arm64SystemRegisterValue> ReadFeatures(KvmArm64Registers registers)
    {
        foreach (Arm64SystemRegister register in s_features)
        {
            if (registers.TryGet(register, out ulong value, out _))
            {
                yield return new(register, value);
            }
        }
    }

    private static Arm64SystemRegister[] ReadState(KvmArm64Registers registers)
    {
        List<Arm64SystemRegister> state = [.. KvmArm64RegisterIds.CoreRegisters];
        foreach (ulong id in registers.List())
        {
            if (KvmArm64RegisterIds.TryGetSystemRegister(id, out Arm64SystemRegister register) && KvmArm64RegisterIds.IsState(register))
            {
                state.Add(register);
            }
        }

        return [.. state];
    }

    private static long ReadFrequency(SafeFd partition, SafeFd vcpu, int mappingSize)
    {
        using var memory = SafeMapping.Anonymous((nuint)partition.PageSize, 0);

        // SAFETY: the mapping is a page, and nothing else has it.
        MemoryMarshal.AsBytes(s_guest.AsSpan()).CopyTo(new Span<byte>(memory.Pointer, partition.PageSize));
        kvm_userspace_memory_region region = new() { memory_size = (ulong)partition.PageSize, userspace_addr = (ulong)memory.Pointer };
        partition.Control(KVM.KVM_SET_USER_MEMORY_REGION, ref region, nameof(KVM.KVM_SET_USER_MEMORY_REGION));
        using var mapping = SafeMapping.Map(vcpu, (nuint)mappingSize, 0, LibC.MAP_SHARED, "mmap of a vCPU");
        var run = (kvm_run*)mapping.Pointer; // SAFETY: as long as the mapping
        int result = 0;
        for (int i = 0; i < MaxInterruptions; i++)
        {
            result = vcpu.Run();
            if (result is not (-LibC.EINTR or -LibC.EAGAIN))
            {
                break;
            }
        }

        if (result < 0)
        {
            throw KvmError.FromErrno(nameof(KVM.KVM_RUN), -result);
        }

        if (run->exit_reason != KVM.KVM_EXIT_MMIO || run->mmio.phys_addr != StoreAddress || run->mmio.is_write == 0 || run->mmio.len != sizeof(ulong))
        {
            throw KvmError.Create(nameof(KVM.KVM_RUN), 0, $"a guest of three instructions left with exit {run->exit_reason} and not with its store.");
        }

        return MemoryMarshal.Read<long>(run->mmio.data);
    }
}
