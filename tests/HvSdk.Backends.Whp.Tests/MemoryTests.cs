using HvSdk.Backends.Whp.Interop;
using HvSdk.Backends.Whp.Tests.Fakes;

namespace HvSdk.Backends.Whp.Tests;

/// <summary>Mappings, their flags and their dirty pages.</summary>
public sealed class MemoryTests
{
    private const WHV_MAP_GPA_RANGE_FLAGS Rom = WHV_MAP_GPA_RANGE_FLAGS.WHvMapGpaRangeFlagRead | WHV_MAP_GPA_RANGE_FLAGS.WHvMapGpaRangeFlagExecute;
    private const WHV_MAP_GPA_RANGE_FLAGS Ram = Rom | WHV_MAP_GPA_RANGE_FLAGS.WHvMapGpaRangeFlagWrite;
    private const WHV_MAP_GPA_RANGE_FLAGS Tracked = WHV_MAP_GPA_RANGE_FLAGS.WHvMapGpaRangeFlagTrackDirtyPages;

    [Fact]
    public void Map_RamAndRom_HaveTheirFlags()
    {
        using var machine = new FakeMachine();
        machine.Partition.Memory.Map(0x10_0000, 0x2000, new MemoryRegionOptions { Access = MemoryAccess.ReadOnly });
        machine.Partition.Memory.Map(0x20_0000, 0x1000);

        Assert.Equal(
            [(0UL, FakeMachine.RamSize, Ram | Tracked), (0x10_0000UL, 0x2000UL, Rom), (0x20_0000UL, 0x1000UL, Ram)],
            machine.Platform.Partition.Mapped.Select(static range => (range.Key, range.Value.Size, range.Value.Flags)));
    }

    [Fact]
    public void Unmap_Region_IsGoneForThePlatformAndTheEmulator()
    {
        using var machine = new FakeMachine();
        MemoryRegion region = machine.Partition.Memory.Map(0x10_0000, 0x2000);

        region.Dispose();

        Assert.Equal([0UL], machine.Platform.Partition.Mapped.Keys);
    }

    [Fact]
    public void DirtyPages_OfTheGuest_AreCountedOnce()
    {
        using var machine = new FakeMachine();
        machine.Platform.DirtyPages = 0b1010;
        Span<ulong> pages = [0];

        machine.Ram.CollectDirtyPages(pages);
        Assert.Equal(0b1010UL, pages[0]);
        machine.Ram.CollectDirtyPages(pages);
        Assert.Equal(0UL, pages[0]);
    }

    [Fact]
    public void Populate_Region_HoldsZeros()
    {
        using var machine = new FakeMachine();
        machine.Partition.Memory.Map(0x10_0000, 0x4000, new MemoryRegionOptions { Populate = true });

        Assert.Equal(0UL, machine.Partition.Memory.Read<ulong>(0x10_3FF8));
    }

    [Theory]
    [InlineData(FileSharing.Private, 0)]
    [InlineData(FileSharing.Shared, 0x5A)]
    public void File_Written_IsReachedWhereItIsShared(FileSharing sharing, byte expected)
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, new byte[0x3000]);
            using (var machine = new FakeMachine())
            {
                // An offset that is no multiple of 64 KiB: on Windows the view begins before it.
                machine.Partition.Memory.Map(0x10_0000, 0x1000, new MemoryRegionOptions { Backing = MemoryBacking.File(path, sharing, 0x1000) });
                machine.Partition.Memory.Write<byte>(0x10_0004, 0x5A);
                Assert.Equal(0x5A, machine.Partition.Memory.Read<byte>(0x10_0004));
            }

            Assert.Equal(expected, File.ReadAllBytes(path)[0x1004]);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void File_TooShort_IsRefusedInWords()
    {
        string path = Path.GetTempFileName();
        try
        {
            using var machine = new FakeMachine();
            ArgumentException e = Assert.Throws<ArgumentException>(
                () => machine.Partition.Memory.Map(0x10_0000, 0x1000, new MemoryRegionOptions { Backing = MemoryBacking.File(path, FileSharing.Private) }));
            Assert.Contains("holds 0 bytes", e.Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void HugePages_Asked_AreRefusedByName()
    {
        using var machine = new FakeMachine();

        NotSupportedException e = Assert.Throws<NotSupportedException>(
            () => machine.Partition.Memory.Map(0x20_0000, 0x20_0000, new MemoryRegionOptions { HugePages = HugePages.Size2MiB }));

        Assert.Contains("HugePages", e.Message, StringComparison.Ordinal);
    }
}
