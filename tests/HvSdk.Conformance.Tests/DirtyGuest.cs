using HvSdk.Backends;
using HvSdk.Live;

namespace HvSdk.Conformance.Tests;

/// <summary>A guest that writes chosen pages, and what a test reads of them.</summary>
internal static class DirtyGuest
{
    /// <summary>Writes a byte to each page, says that it is done, and starts again when it is run again.</summary>
    public static TestMachine Writer(int level, ulong address, IReadOnlyList<int> pages, HypervisorBackend? backend = null)
    {
        // The addresses of the pages lie in the buffer, 8 bytes each:
        // for (;;) { for (i = 0; i < count; i++) [addresses[i]]++; out(done); }
        var machine = new TestMachine(
            Guest.Program(
                g =>
                {
                    GuestLabel round = g.MarkHere();
                    g.Set(GuestRegister.First, Guest.Buffer);
                    g.Set(GuestRegister.Count, (ulong)pages.Count);
                    GuestLabel next = g.MarkHere();
                    g.Load(8, 0, GuestRegister.Address, GuestRegister.First);
                    g.Increment(1);
                    g.Add(GuestRegister.First, sizeof(ulong));
                    g.Add(GuestRegister.Count, -1);
                    g.JumpUnlessZero(GuestRegister.Count, next);
                    g.Done();
                    g.Jump(round);
                },
                level),
            backend: backend);
        for (int i = 0; i < pages.Count; i++)
        {
            machine.Memory.Write(Guest.Buffer + ((ulong)i * sizeof(ulong)), address + ((ulong)pages[i] * (ulong)machine.Partition.Capabilities.PageSize));
        }

        return machine;
    }

    /// <summary>Collects a region's dirty pages, and checks that their number is the one returned.</summary>
    public static List<int> Collect(MemoryRegion region)
    {
        ulong[] bitmap = new ulong[DirtyPageBitmap.WordsFor(region.Size, Guest.PageSize) + 1];
        Array.Fill(bitmap, ulong.MaxValue);
        int count = region.CollectDirtyPages(bitmap);
        Assert.Equal(ulong.MaxValue, bitmap[^1]);
        List<int> pages = [.. Enumerable.Range(0, (int)(region.Size / (ulong)Guest.PageSize)).Where(page => DirtyPageBitmap.Contains(bitmap, page))];
        Assert.Equal(pages.Count, count);
        return pages;
    }
}
