using HvSdk.Backends.Kvm.Interop;
using HvSdk.Backends.Kvm.Interop.Arm64;

namespace HvSdk.Backends.Kvm;

/// <summary>Says which calls of a guest (HVC, SMC) leave it: all but those that the kernel answers itself (Documentation/virt/kvm/devices/vm.rst, 6).</summary>
internal static class KvmCallFilter
{
    // Function identifiers (Arm DEN 0028, 2.5): bit 31 fast, bit 30 64-bit arguments, bits 29 to 24 the owner.
    private const uint ArchitectureCalls = 0x8000_0000;
    private const uint ArchitectureCalls64 = 0xC000_0000;
    private const uint ArchitectureCount = 0x1_0000; // the kernel lets nobody filter these
    private const uint Psci = 0x8400_0000;
    private const uint Psci64 = 0xC400_0000;
    private const uint PsciCount = 0x20;

    internal static bool IsOffered(SafeFd partition) => partition.HasAttribute(KVM_ARM64.KVM_ARM_VM_SMCCC_CTRL, KVM_ARM64.KVM_ARM_VM_SMCCC_FILTER);

    /// <summary>Lets calls leave. Before the first vCPU runs.</summary>
    /// <param name="partition">The partition.</param>
    /// <param name="keepPsci">Those of PSCI stay the kernel's.</param>
    internal static void Apply(SafeFd partition, bool keepPsci)
    {
        Forward(partition, 0, ArchitectureCalls);
        Forward(partition, ArchitectureCalls + ArchitectureCount, Psci);
        Forward(partition, Psci + PsciCount, ArchitectureCalls64);
        Forward(partition, ArchitectureCalls64 + ArchitectureCount, Psci64);
        Forward(partition, Psci64 + PsciCount, 0);
        if (!keepPsci)
        {
            Forward(partition, Psci, Psci + PsciCount);
            Forward(partition, Psci64, Psci64 + PsciCount);
        }
    }

    private static void Forward(SafeFd partition, uint first, uint end) => partition.SetAttribute(
        KVM_ARM64.KVM_ARM_VM_SMCCC_CTRL,
        KVM_ARM64.KVM_ARM_VM_SMCCC_FILTER,
        new kvm_smccc_filter { @base = first, nr_functions = unchecked(end - first), action = KVM_ARM64.KVM_SMCCC_FILTER_FWD_TO_USER },
        nameof(KVM_ARM64.KVM_ARM_VM_SMCCC_FILTER));
}
