using HvSdk.Backends.Kvm.Interop;
using HvSdk.Emulation;

namespace HvSdk.Backends.Kvm;

/// <summary>The guest's machine as the emulator sees it: the memory slots, and the rest by way of the kernel.</summary>
/// <remarks>The caller holds <see cref="KvmMemory.Gate"/> while the emulator runs: what the slots show stays there.</remarks>
internal readonly struct KvmEmulatedMachine(KvmX64Partition partition, SafeFd vcpu, KvmX64Vcpu x64) : IX64Machine
{
    private const uint Cpuid0D = 0xD;

    public bool TryRead(ulong gpa, scoped Span<byte> data)
    {
        if (!partition.Memory.TryTranslate(gpa, data.Length, write: false, out Span<byte> bytes, out _))
        {
            return false;
        }

        bytes.CopyTo(data);
        return true;
    }

    public bool TryWrite(ulong gpa, scoped ReadOnlySpan<byte> data)
    {
        if (!partition.Memory.TryTranslate(gpa, data.Length, write: true, out Span<byte> bytes, out KvmSlot? slot))
        {
            return false;
        }

        GuestBytes.Write(bytes, data);
        slot!.MarkEmulatedPage(gpa);
        return true;
    }

    public bool TryCompareExchange(ulong gpa, int size, UInt128 expected, UInt128 desired, out UInt128 found)
    {
        found = 0;
        if (!partition.Memory.TryTranslate(gpa, size, write: true, out Span<byte> bytes, out KvmSlot? slot))
        {
            return false;
        }

        found = GuestBytes.CompareExchange(bytes, expected, desired);
        slot!.MarkEmulatedPage(gpa);
        return true;
    }

    public bool TryReadMsr(uint index, out ulong value)
    {
        value = 0;
        return KvmMsrs.Read(vcpu, [index], new Span<ulong>(ref value)) == 1;
    }

    public bool TryWriteMsr(uint index, ulong value) => KvmMsrs.Write(vcpu, [new X64MsrValue(index, value)]) == 1;

    public void Cpuid(uint leaf, uint subleaf, out uint eax, out uint ebx, out uint ecx, out uint edx)
    {
        X64CpuidTable table = x64.GetCpuid();
        bool isThere = table.TryGet(leaf, subleaf, out X64CpuidEntry entry) || (leaf != Cpuid0D && table.TryGet(leaf, 0, out entry));
        (eax, ebx, ecx, edx) = isThere ? (entry.Eax, entry.Ebx, entry.Ecx, entry.Edx) : (0, 0, 0, 0);
    }

    public ulong ReadTimeStampCounter() => TryReadMsr(X64MsrIndex.TimeStampCounter, out ulong value) ? value : 0;

    public void LoadVectorState(X64CpuState state)
    {
        byte[] xsave = x64.GetXsave();
        xsave.AsSpan(0, int.Min(xsave.Length, state.Xsave.Length)).CopyTo(state.Xsave);
        foreach (X64XcrValue xcr in x64.GetXcrs())
        {
            if (xcr.Index == 0)
            {
                state.Xcr0 = xcr.Value;
            }
        }
    }
}
