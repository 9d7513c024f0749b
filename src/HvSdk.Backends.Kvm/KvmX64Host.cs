using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using HvSdk.Backends.Kvm.Interop;

namespace HvSdk.Backends.Kvm;

/// <summary>What KVM tells about x86-64 guests.</summary>
internal sealed class KvmX64Host : X64HostBackend
{
    private const int MaxMsrs = 4096;

    private readonly SafeFd _device;
    private readonly Lazy<X64CpuidEntry[]> _cpuid;
    private readonly Lazy<uint[]> _msrIndexes;

    internal KvmX64Host(SafeFd device)
    {
        _device = device;
        _cpuid = new(() => KvmCpuid.Read(device, KVM.KVM_GET_SUPPORTED_CPUID, nameof(KVM.KVM_GET_SUPPORTED_CPUID)));
        _msrIndexes = new(ReadMsrIndexes);
    }

    /// <summary>Reads from the device all that partitions need later, when it may be closed.</summary>
    internal void ReadAhead()
    {
        _ = _cpuid.Value;
        _ = _msrIndexes.Value;
    }

    public override X64CpuidTable GetSupportedCpuid() => new(_cpuid.Value);

    public override IReadOnlyList<uint> GetMsrIndexes() => _msrIndexes.Value;

    private uint[] ReadMsrIndexes()
    {
        int header = Unsafe.SizeOf<kvm_msr_list>();
        byte[] buffer = new byte[header + (MaxMsrs * sizeof(uint))];
        MemoryMarshal.Write(buffer, new kvm_msr_list { nmsrs = MaxMsrs });
        _device.Control(KVM.KVM_GET_MSR_INDEX_LIST, buffer, nameof(KVM.KVM_GET_MSR_INDEX_LIST));
        int count = (int)MemoryMarshal.Read<kvm_msr_list>(buffer).nmsrs;
        return MemoryMarshal.Cast<byte, uint>(buffer.AsSpan(header))[..count].ToArray();
    }
}
