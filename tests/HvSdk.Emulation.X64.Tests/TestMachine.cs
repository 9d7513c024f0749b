using System.Buffers.Binary;

namespace HvSdk.Emulation.Tests;

/// <summary>RAM from address 0 on, some of it read-only if wanted; all else leaves as MMIO. Model-specific registers are a dictionary.</summary>
internal readonly struct TestMachine(TestBoard board) : IX64Machine
{
    public bool TryRead(ulong gpa, Span<byte> data)
    {
        Check(gpa, data.Length);
        if (gpa + (ulong)data.Length > (ulong)board.Ram.Length)
        {
            return false;
        }

        board.Ram.AsSpan((int)gpa, data.Length).CopyTo(data);
        return true;
    }

    public bool TryWrite(ulong gpa, ReadOnlySpan<byte> data)
    {
        Check(gpa, data.Length);
        if (gpa + (ulong)data.Length > (ulong)board.Ram.Length || gpa / 0x1000 == board.ReadOnlyPage)
        {
            return false;
        }

        data.CopyTo(board.Ram.AsSpan((int)gpa));
        return true;
    }

    public bool TryCompareExchange(ulong gpa, int size, UInt128 expected, UInt128 desired, out UInt128 found)
    {
        found = 0;
        Span<byte> now = stackalloc byte[16];
        now.Clear();
        if (!TryRead(gpa, now[..size]) || gpa / 0x1000 == board.ReadOnlyPage)
        {
            return false;
        }

        found = BinaryPrimitives.ReadUInt128LittleEndian(now);
        board.BeforeCompareExchange?.Invoke();
        if (found == expected)
        {
            BinaryPrimitives.WriteUInt128LittleEndian(now, desired);
            now[..size].CopyTo(board.Ram.AsSpan((int)gpa));
        }

        return true;
    }

    public bool TryReadMsr(uint index, out ulong value) => board.Msrs.TryGetValue(index, out value);

    public bool TryWriteMsr(uint index, ulong value)
    {
        if (!board.Msrs.ContainsKey(index))
        {
            return false;
        }

        board.Msrs[index] = value;
        return true;
    }

    public void Cpuid(uint leaf, uint subleaf, out uint eax, out uint ebx, out uint ecx, out uint edx) =>
        (eax, ebx, ecx, edx) = board.Cpuid is { } answer ? answer(leaf, subleaf) : leaf switch
        {
            0x8000_0000 => (0x8000_0008U, 0U, 0U, 0U),
            0x8000_0008 => (0x3028U, 0U, 0U, 0U),
            _ => (leaf, subleaf, 0x1234U, 0x5678U),
        };

    public ulong ReadTimeStampCounter() => 0x1_0000_0002;

    public void LoadVectorState(X64CpuState state) => board.VectorLoads++;

    private void Check(ulong gpa, int length)
    {
        board.MachineCalls++;
        if (length <= 0 || (gpa & 0xFFF) + (ulong)length > 0x1000 || gpa >> 52 != 0)
        {
            Assert.Fail($"An access at 0x{gpa:X} of {length} bytes crosses a page, or lies beyond all physical addresses.");
        }
    }
}
