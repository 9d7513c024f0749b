using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using HvSdk.Backends.Kvm.Interop;

namespace HvSdk.Backends.Kvm;

/// <summary>What KVM tells about x86-64 guests.</summary>
internal sealed class KvmX64Host : X64HostBackend
{
    private const int MaxMsrs = 4096;
    private const uint FeaturesLeaf = 0x4000_0001; // KVM_CPUID_FEATURES
    private const uint ClockSource = 1U << 0; // KVM_FEATURE_CLOCKSOURCE
    private const uint ClockSource2 = 1U << 3; // KVM_FEATURE_CLOCKSOURCE2

    private readonly X64CpuidEntry[] _cpuid;
    private readonly uint[] _msrIndexes;

    internal KvmX64Host(SafeFd device)
    {
        // All at once: partitions outlive the open device.
        _cpuid = KvmCpuid.Read(device, KVM.KVM_GET_SUPPORTED_CPUID, nameof(KVM.KVM_GET_SUPPORTED_CPUID));
        _msrIndexes = ReadMsrIndexes(device);

        // Which of the two holds is not in the table: older kernels never set the bit, newer ones always do (Documentation/virt/kvm/api.rst, 4.46).
        KvmCpuid.SetTscDeadlineTimer(_cpuid, false);
        NativeCpuidWithoutLocalApic = KvmCpuid.ToNative(new(_cpuid));
        KvmCpuid.SetTscDeadlineTimer(_cpuid, device.CheckExtension(KVM.KVM_CAP_TSC_DEADLINE_TIMER) > 0);
        NativeCpuid = KvmCpuid.ToNative(GetSupportedCpuid());
    }

    public override X64CpuidTable GetSupportedCpuid() => new(_cpuid);

    /// <summary>The same in the kernel's form, for partitions that change nothing: shared, not to be written to.</summary>
    internal byte[] NativeCpuid { get; }

    /// <summary>The same for partitions whose local APIC is the caller's: without the timer mode that only the kernel's has.</summary>
    internal byte[] NativeCpuidWithoutLocalApic { get; }

    /// <summary>The leaf of KVM's features names its clock, in either of its forms (Documentation/virt/kvm/x86/cpuid.rst).</summary>
    internal bool HasClock => GetSupportedCpuid().TryGet(FeaturesLeaf, 0, out X64CpuidEntry features) && (features.Eax & (ClockSource | ClockSource2)) != 0;

    public override IReadOnlyList<uint> GetMsrIndexes() => _msrIndexes;

    private static uint[] ReadMsrIndexes(SafeFd device)
    {
        int header = Unsafe.SizeOf<kvm_msr_list>();
        byte[] buffer = new byte[header + (MaxMsrs * sizeof(uint))];
        MemoryMarshal.Write(buffer, new kvm_msr_list { nmsrs = MaxMsrs });
        device.Control(KVM.KVM_GET_MSR_INDEX_LIST, buffer, nameof(KVM.KVM_GET_MSR_INDEX_LIST));
        int count = (int)MemoryMarshal.Read<kvm_msr_list>(buffer).nmsrs;
        return MemoryMarshal.Cast<byte, uint>(buffer.AsSpan(header))[..count].ToArray();
    }
}
