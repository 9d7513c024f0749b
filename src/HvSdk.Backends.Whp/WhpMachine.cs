using HvSdk.Backends.Whp.Interop;
using HvSdk.Emulation;

namespace HvSdk.Backends.Whp;

/// <summary>The guest's machine as the emulator sees it: the mapped memory, and the rest by way of the platform.</summary>
internal readonly unsafe struct WhpMachine(WhpPartition partition, WhpRegisterFile registers, WhpX64Vcpu x64) : IX64Machine
{
    private const int MaxInstruction = 15;

    private readonly byte[] _instruction = new byte[MaxInstruction];

    public bool TryRead(ulong gpa, Span<byte> data)
    {
        byte* source = partition.Memory.Translate(gpa, data.Length, write: false, out _);
        if (source is null)
        {
            return false;
        }

        // SAFETY: the mapping holds the bytes, and the emulator's gate keeps it.
        new ReadOnlySpan<byte>(source, data.Length).CopyTo(data);
        return true;
    }

    public bool TryWrite(ulong gpa, ReadOnlySpan<byte> data)
    {
        byte* target = partition.Memory.Translate(gpa, data.Length, write: true, out WhpMapping? mapping);
        if (target is null)
        {
            return false;
        }

        // SAFETY: as above.
        GuestBytes.Write(new Span<byte>(target, data.Length), data);
        mapping!.MarkWritten(gpa - mapping.Address);
        return true;
    }

    public bool TryCompareExchange(ulong gpa, int size, UInt128 expected, UInt128 desired, out UInt128 found)
    {
        byte* target = partition.Memory.Translate(gpa, size, write: true, out WhpMapping? mapping);
        if (target is null)
        {
            found = default;
            return false;
        }

        // SAFETY: as above.
        found = GuestBytes.CompareExchange(new Span<byte>(target, size), expected, desired);
        if (found == expected)
        {
            mapping!.MarkWritten(gpa - mapping.Address);
        }

        return true;
    }

    public bool TryReadMsr(uint index, out ulong value) => registers.TryGetMsr(index, out value);

    public bool TryWriteMsr(uint index, ulong value) => registers.TrySetMsr(index, value) >= 0;

    public void Cpuid(uint leaf, uint subleaf, out uint eax, out uint ebx, out uint ecx, out uint edx)
    {
        WHV_CPUID_OUTPUT output = x64.AskCpuid(leaf, subleaf);
        (eax, ebx, ecx, edx) = (output.Eax, output.Ebx, output.Ecx, output.Edx);
    }

    public ulong ReadTimeStampCounter() => registers.TryGetMsr(WhpMsrs.TscIndex, out ulong value) ? value : 0;

    public void LoadVectorState(X64CpuState state)
    {
        byte[] xsave = x64.GetXsave();
        xsave.AsSpan(0, int.Min(xsave.Length, state.Xsave.Length)).CopyTo(state.Xsave);
        state.Xcr0 = registers.Get64(WHV_REGISTER_NAME.WHvX64RegisterXCr0);
    }

    /// <summary>Bytes that an exit can point to.</summary>
    internal Span<byte> CopyInstruction(ReadOnlySpan<byte> instruction)
    {
        int length = int.Min(instruction.Length, MaxInstruction);
        instruction[..length].CopyTo(_instruction);
        return _instruction.AsSpan(0, length);
    }
}
