namespace HvSdk.Boot.Tests;

public class BootPlacementTests
{
    [Fact]
    public void TryReserve_RangeOverRangesThatTouch_FindsThemAsOne()
    {
        BootPlacement placement = Make(new(0x2000, 0x1000, MemoryMapKind.Usable), new(0x1000, 0x1000, MemoryMapKind.Usable));

        Assert.True(placement.TryReserve("a", 0x1800, 0x1000));
        Assert.False(placement.TryReserve("b", 0x27FF, 1));
        Assert.True(placement.TryReserve("c", 0x2800, 0x800));
    }

    [Theory]
    [InlineData(0x1000UL, 0x1001UL)]
    [InlineData(0xFFFUL, 0x10UL)]
    [InlineData(0x1800UL, ulong.MaxValue)]
    [InlineData(ulong.MaxValue, 1UL)]
    public void TryReserve_RangeNotAllOfRam_Fails(ulong address, ulong size) =>
        Assert.False(Make(new MemoryMapEntry(0x1000, 0x1000, MemoryMapKind.Usable)).TryReserve("a", address, size));

    [Fact]
    public void TryAllocate_LowestAndHighest_ObeyLimitsAndAlignment()
    {
        BootPlacement placement = Make(new(0x1100, 0x8000, MemoryMapKind.Usable), new(0x2_0000, 0x1_0000, MemoryMapKind.Usable));

        Assert.True(placement.TryAllocate("a", 0x1000, 0x1000, 0, ulong.MaxValue, highest: false, out ulong low));
        Assert.True(placement.TryAllocate("b", 0x800, 0x1000, 0, ulong.MaxValue, highest: true, out ulong high));
        Assert.True(placement.TryAllocate("c", 0x1000, 0x1000, 0x1_0000, 0x2_8000, highest: true, out ulong limited));
        Assert.False(placement.TryAllocate("d", 0x1101, 0x1000, 0x8000, 0x9500, highest: false, out _));
        Assert.Equal((0x2000UL, 0x2_F000UL, 0x2_7000UL), (low, high, limited));
    }

    [Fact]
    public void TryAllocate_AllOfRam_NeverGivesAByteTwice()
    {
        BootPlacement placement = Make(new(0, 0x1_0000, MemoryMapKind.Usable), new(0x8000, 0x1000, MemoryMapKind.Reserved));
        var taken = new HashSet<ulong>();
        for (int i = 0; placement.TryAllocate("a", 0x400, 0x400, 0, ulong.MaxValue, highest: i % 3 == 0, out ulong address); i++)
        {
            Assert.True(taken.Add(address));
            Assert.False(address is >= 0x8000 and < 0x9000);
        }

        Assert.Equal(60, taken.Count);
    }

    [Fact]
    public void Reserve_RangeThatIsTaken_SaysByWhat()
    {
        BootPlacement placement = Make(new MemoryMapEntry(0, 0x1_0000, MemoryMapKind.Usable));
        placement.Reserve("the first", 0x1000, 0x1000);
        placement.Reserve("the second", 0x1FFF, 0x10);

        Assert.Equal("The second goes to 0x1FFF to 0x200E, where the first lies.", Assert.Single(placement.Problems));
    }

    [Fact]
    public void AllocateLow_WithoutRoomBelow640KiB_GoesAbove1MiB()
    {
        BootPlacement placement = Make(new(0, 0xA_0000, MemoryMapKind.Usable), new(0x10_0000, 0x10_0000, MemoryMapKind.Usable));

        Assert.Equal(0x1000UL, placement.AllocateLow("a", 0x8_F000));
        Assert.Equal(0x10_0000UL, placement.AllocateLow("b", 0x1000));
        Assert.Empty(placement.Problems);
    }

    [Fact]
    public void Make_EntryThatWrapsAround_EndsAtTheTop()
    {
        BootPlacement placement = Make(new MemoryMapEntry(ulong.MaxValue - 0xFFF, ulong.MaxValue, MemoryMapKind.Usable));

        Assert.False(placement.TryAllocate("a", 0x2000, 0x1000, 0, ulong.MaxValue, highest: false, out _));
    }

    private static BootPlacement Make(params MemoryMapEntry[] map) => new(new BootMachine { MemoryMap = map });
}
