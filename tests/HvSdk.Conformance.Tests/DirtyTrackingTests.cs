using HvSdk.Live;

namespace HvSdk.Conformance.Tests;

/// <summary>Which pages were written, exact to the page.</summary>
public sealed class DirtyTrackingTests
{
    private const ulong Here = 0x4000_0000;
    private const int Pages = 256;

    private static ulong Page => (ulong)Guest.PageSize;

    private static readonly int[] s_written = [0, 1, 62, 63, 64, 127, 128, 200, 255];

    [Theory]
    [MemberData(nameof(Guest.Levels), MemberType = typeof(Guest))]
    public void Collect_AfterGuestWrites_GivesExactlyThosePages(int level)
    {
        using TestMachine machine = DirtyGuest.Writer(level, Here, s_written);
        MemoryRegion region = Map(machine);

        machine.RunOnce(Guest.WriteExit);

        Assert.Equal(s_written, DirtyGuest.Collect(region));
        Assert.Empty(DirtyGuest.Collect(region));
    }

    [Theory]
    [MemberData(nameof(Guest.Levels), MemberType = typeof(Guest))]
    public void Collect_AgainAfterGuestWritesAgain_GivesThemAgain(int level)
    {
        using TestMachine machine = DirtyGuest.Writer(level, Here, s_written);
        MemoryRegion region = Map(machine);

        for (int i = 0; i < 3; i++)
        {
            machine.RunOnce(Guest.WriteExit);
            Assert.Equal(s_written, DirtyGuest.Collect(region));
        }
    }

    [Theory]
    [MemberData(nameof(Guest.Levels), MemberType = typeof(Guest))]
    public void Collect_AfterWriteAcrossPages_GivesBoth(int level)
    {
        // Writes 8 bytes from the last byte of page 63 on.
        using var machine = new TestMachine(Guest.Program(
            static g =>
            {
                g.Set(GuestRegister.Address, Here + (64 * Page) - 1);
                g.Store(8);
                g.Done();
            },
            level));
        MemoryRegion region = Map(machine);

        machine.RunOnce(Guest.WriteExit);

        Assert.Equal([63, 64], DirtyGuest.Collect(region));
    }

    [Theory]
    [MemberData(nameof(Guest.Levels), MemberType = typeof(Guest))]
    public void Collect_AfterGuestReads_IsEmpty(int level) => Divergences.Check("dirty-after-reads", () =>
    {
        // Reads pages 5 and 6.
        using var machine = new TestMachine(Guest.Program(
            static g =>
            {
                g.Set(GuestRegister.Address, Here + (5 * Page));
                g.Load(8);
                g.Load(8, (int)Page);
                g.Done();
            },
            level));
        MemoryRegion region = Map(machine);

        machine.RunOnce(Guest.WriteExit);

        Assert.Empty(DirtyGuest.Collect(region));
    });

    [Fact]
    public void Collect_AfterHostWrites_GivesTheirPages()
    {
        using var machine = new TestMachine();
        MemoryRegion region = Map(machine);

        region.Write(3 * Page, (byte)1);
        region.Write((64 * Page) - 2, 1U);
        machine.Memory.Write(Here + (100 * Page), [1, 2]);
        machine.Memory.Write(Here + (101 * Page), 1UL);
        region.AccessInPlace((200 * Page) - 1, 2, 0, static (span, _) => span.Fill(1));
        region.Write(300, []);
        _ = region.Read<ulong>(7 * Page);

        Assert.Equal([3, 63, 64, 100, 101, 199, 200], DirtyGuest.Collect(region));
        Assert.Empty(DirtyGuest.Collect(region));
    }

    [Theory]
    [MemberData(nameof(Guest.Levels), MemberType = typeof(Guest))]
    public void Collect_OfTwoRegions_KeepsThemApart(int level)
    {
        using TestMachine machine = DirtyGuest.Writer(level, Here, [2, Pages + 3]);
        MemoryRegion first = Map(machine);
        MemoryRegion second = machine.Memory.Map(Here + (Pages * Page), Pages * Page, new MemoryRegionOptions { TrackDirtyPages = true });

        machine.RunOnce(Guest.WriteExit);

        Assert.Equal([2], DirtyGuest.Collect(first));
        Assert.Equal([3], DirtyGuest.Collect(second));
    }

    [Theory]
    [MemberData(nameof(Guest.Levels), MemberType = typeof(Guest))]
    public void StartAndStop_WhileGuestWrites_CountWhatLiesBetween(int level)
    {
        using TestMachine machine = DirtyGuest.Writer(level, Here, s_written);
        MemoryRegion region = machine.Memory.Map(Here, Pages * Page);
        Assert.False(region.IsTrackingDirtyPages);
        Assert.Throws<InvalidOperationException>(() => DirtyGuest.Collect(region));

        machine.RunOnce(Guest.WriteExit);
        region.StartDirtyTracking();
        region.StartDirtyTracking();
        Assert.True(region.IsTrackingDirtyPages);
        Assert.Empty(DirtyGuest.Collect(region));

        machine.RunOnce(Guest.WriteExit);
        region.StopDirtyTracking();
        Assert.Throws<InvalidOperationException>(() => DirtyGuest.Collect(region));

        region.StartDirtyTracking();
        Assert.Empty(DirtyGuest.Collect(region));
        machine.RunOnce(Guest.WriteExit);
        Assert.Equal(s_written, DirtyGuest.Collect(region));
    }

    [Theory]
    [MemberData(nameof(Guest.Levels), MemberType = typeof(Guest))]
    public void Collect_OfUnmappedRegion_IsRefusedUntilMappedAgain(int level)
    {
        using TestMachine machine = DirtyGuest.Writer(level, Here, s_written);
        MemoryRegion region = Map(machine);
        region.Unmap();
        InvalidOperationException exception = Assert.Throws<InvalidOperationException>(() => DirtyGuest.Collect(region));
        Assert.Contains("is not mapped", exception.Message, StringComparison.Ordinal);

        region.MapAt(Here);
        machine.RunOnce(Guest.WriteExit);

        Assert.Equal(s_written, DirtyGuest.Collect(region));
    }

    [Fact]
    public void Collect_IntoShortBitmap_IsRefusedWithTheNumber()
    {
        using var machine = new TestMachine();
        MemoryRegion region = Map(machine);

        ArgumentException exception = Assert.Throws<ArgumentException>(() => region.CollectDirtyPages(new ulong[3]));

        Assert.Contains("4 words", exception.Message, StringComparison.Ordinal);
    }

    private static MemoryRegion Map(TestMachine machine) =>
        machine.Memory.Map(Here, Pages * Page, new MemoryRegionOptions { TrackDirtyPages = true });
}
