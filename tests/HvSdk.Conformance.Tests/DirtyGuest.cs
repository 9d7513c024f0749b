using HvSdk.Backends;
using HvSdk.Live;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Conformance.Tests;

/// <summary>A guest that writes chosen pages, and what a test reads of them.</summary>
internal static class DirtyGuest
{
    /// <summary>Writes a byte to each page, says so at <see cref="Guest.DonePort"/>, and starts again when it is run again.</summary>
    public static TestMachine Writer(int level, ulong address, IReadOnlyList<int> pages, HypervisorBackend? backend = null)
    {
        // The numbers of the pages lie in the buffer, 4 bytes each:
        // for (;;) { for (i = 0; i < count; i++) [address + numbers[i] * 4096]++; out(done); }
        var machine = new TestMachine(
            Guest.Long(level, a =>
            {
                Iced.Intel.Label round = a.CreateLabel();
                Iced.Intel.Label next = a.CreateLabel();
                a.Label(ref round);
                a.xor(ecx, ecx);
                a.Label(ref next);
                a.mov(edi, __dword_ptr[rcx * 4 + (long)Guest.Buffer]);
                a.shl(rdi, 12);
                a.add(rdi, (int)address);
                a.inc(__byte_ptr[rdi]);
                a.inc(ecx);
                a.cmp(ecx, pages.Count);
                a.jb(next);
                a.Done();
                a.jmp(round);
            }),
            backend: backend);
        for (int i = 0; i < pages.Count; i++)
        {
            machine.Memory.Write(Guest.Buffer + ((ulong)i * sizeof(int)), pages[i]);
        }

        return machine;
    }

    /// <summary>Collects a region's dirty pages, and checks that their number is the one returned.</summary>
    public static List<int> Collect(MemoryRegion region)
    {
        ulong[] bitmap = new ulong[DirtyPageBitmap.WordsFor(region.Size, 0x1000) + 1];
        Array.Fill(bitmap, ulong.MaxValue);
        int count = region.CollectDirtyPages(bitmap);
        Assert.Equal(ulong.MaxValue, bitmap[^1]);
        List<int> pages = [.. Enumerable.Range(0, (int)(region.Size / 0x1000)).Where(page => DirtyPageBitmap.Contains(bitmap, page))];
        Assert.Equal(pages.Count, count);
        return pages;
    }
}
