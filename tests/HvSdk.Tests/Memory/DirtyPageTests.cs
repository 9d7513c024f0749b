using HvSdk.Testing;

namespace HvSdk.Tests.Memory;

public sealed class DirtyPageTests
{
    private const ulong Page = 0x1000;

    [Fact]
    public void Collect_HostAndGuestWrites_GivesBothOnce()
    {
        using ScriptedMachine machine = new();
        MemoryRegion region = machine.Partition.Memory.Map(0, 130 * Page, new() { TrackDirtyPages = true });
        machine.Script.Store(3 * Page, 1).Store(129 * Page, 1);
        machine.RunToEnd();
        machine.Partition.Memory.Write((64 * Page) - 1, (ushort)1);
        ulong[] bitmap = [1, 2, 3, 4];
        Assert.Equal(4, region.CollectDirtyPages(bitmap));
        Assert.Equal([(1UL << 3) | (1UL << 63), 1UL, 0b10UL, 4UL], bitmap);
        Assert.True(DirtyPageBitmap.Contains(bitmap, 63));
        Assert.False(DirtyPageBitmap.Contains(bitmap, 65));
        Assert.Equal(0, region.CollectDirtyPages(bitmap));
        Assert.Equal([0, 0, 0, 4UL], bitmap);
    }

    [Fact]
    public void Collect_ReadsAndEmptyWrites_LeavePagesClean()
    {
        using ScriptedMachine machine = new();
        MemoryRegion region = machine.Partition.Memory.Map(0, 4 * Page, new() { TrackDirtyPages = true });
        region.Read<ulong>(0);
        region.Write(Page, default);
        region.AccessInPlace(2 * Page, 0, 0, static (_, _) => { });
        Assert.Equal(0, region.CollectDirtyPages(new ulong[1]));
    }

    [Fact]
    public void StartAndStop_Tracking_ForgetWhatWasBefore()
    {
        using ScriptedMachine machine = new();
        MemoryRegion region = machine.Partition.Memory.Map(0, 4 * Page);
        ulong[] bitmap = new ulong[1];
        Assert.Contains(
            nameof(MemoryRegion.StartDirtyTracking),
            Assert.Throws<InvalidOperationException>(() => region.CollectDirtyPages(bitmap)).Message,
            StringComparison.Ordinal);
        region.Write(0, 1);
        region.StartDirtyTracking();
        region.StartDirtyTracking();
        Assert.True(region.IsTrackingDirtyPages);
        region.Write(Page, 1);
        region.StopDirtyTracking();
        region.StopDirtyTracking();
        Assert.False(region.IsTrackingDirtyPages);
        region.StartDirtyTracking();
        region.Write(2 * Page, 1);
        region.CollectDirtyPages(bitmap);
        Assert.Equal(0b100UL, bitmap[0]);
    }

    [Fact]
    public void Collect_Unmapped_IsRefusedAndMappedAgainGoesOn()
    {
        using ScriptedMachine machine = new();
        MemoryRegion region = machine.Partition.Memory.Map(0, 4 * Page, new() { TrackDirtyPages = true });
        region.Unmap();
        Assert.Throws<InvalidOperationException>(() => region.CollectDirtyPages(new ulong[1]));
        region.MapAt(8 * Page);
        machine.Script.Store(9 * Page, 1);
        machine.RunToEnd();
        ulong[] bitmap = new ulong[1];
        region.CollectDirtyPages(bitmap);
        Assert.Equal(0b10UL, bitmap[0]);
    }

    [Fact]
    public void Collect_ThroughAnAlias_IsTheAliasOwn()
    {
        using ScriptedMachine machine = new();
        MemoryRegion region = machine.Partition.Memory.Map(0, 2 * Page, new() { TrackDirtyPages = true });
        MemoryRegion alias = machine.Partition.Memory.MapAlias(8 * Page, region, 0, Page);
        alias.StartDirtyTracking();
        machine.Script.Store(8 * Page, 1);
        machine.RunToEnd();
        Assert.Equal(0, region.CollectDirtyPages(new ulong[1]));
        Assert.Equal(1, alias.CollectDirtyPages(new ulong[1]));
    }

    [Fact]
    public void Collect_BitmapTooShort_SaysHowLong()
    {
        using ScriptedMachine machine = new();
        MemoryRegion region = machine.Partition.Memory.Map(0, 65 * Page, new() { TrackDirtyPages = true, Name = "heap" });
        ArgumentException e = Assert.Throws<ArgumentException>(() => region.CollectDirtyPages(new ulong[1]));
        Assert.Contains("Region heap of 0x41000 bytes needs a bitmap of 2 words, and this one has 1", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0x1000UL, 1)]
    [InlineData(0x40000UL, 1)]
    [InlineData(0x41000UL, 2)]
    [InlineData(0UL, 0)]
    public void WordsFor_Sizes_RoundsUp(ulong size, int words) => Assert.Equal(words, DirtyPageBitmap.WordsFor(size, 4096));

    [Fact]
    public void WordsFor_Nonsense_IsRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => DirtyPageBitmap.WordsFor(4096, 0));
        Assert.Throws<OverflowException>(() => DirtyPageBitmap.WordsFor(ulong.MaxValue, 1));
    }

    [Fact]
    public async Task Collect_WhileTheHostWrites_LosesNoPage()
    {
        using ScriptedMachine machine = new();
        const int pages = 256;
        MemoryRegion region = machine.Partition.Memory.Map(0, pages * Page, new() { TrackDirtyPages = true });
        Task writer = Limits.OnThread(() =>
        {
            for (int page = 0; page < pages; page++)
            {
                region.Write((ulong)page * Page, 1);
            }
        });
        ulong[] all = new ulong[pages / 64];
        ulong[] bitmap = new ulong[pages / 64];
        bool last;
        do
        {
            last = writer.IsCompleted;
            region.CollectDirtyPages(bitmap);
            for (int i = 0; i < all.Length; i++)
            {
                all[i] |= bitmap[i];
            }
        }
        while (!last);

        await writer.Within("the writer");
        Assert.Equal(pages, DirtyPageBitmap.Count(all));
    }
}
