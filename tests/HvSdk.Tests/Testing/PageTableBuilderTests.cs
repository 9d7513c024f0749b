using HvSdk.Testing;
using Xunit;

namespace HvSdk.Tests.Testing;

public sealed class PageTableBuilderTests
{
    private const ulong Base = 0x20_0000;

    [Fact]
    public void Identity_4GiB_MapsAllOfItIn2MiBPagesAndNothingElse()
    {
        PageTableBuilder tables = PageTableBuilder.Identity(1UL << 32);
        Assert.Equal(6, tables.TableCount);
        PageWalker walker = Walker(tables);
        for (ulong address = 0; address < 1UL << 32; address += 0x20_0000)
        {
            Assert.Equal((address, address | 0x87, 21), walker.Walk(address));
        }

        Assert.Equal(0xFFFF_FFFF, walker.Walk(0xFFFF_FFFF)?.Physical);
        Assert.Null(walker.Walk(0x1_0000_0000));
        Assert.Null(walker.Walk(0xFFFF_FFFF_FFFF_F000));
    }

    [Theory]
    [InlineData(PageSize.Size4K, 12, 0x8000_0000_0000_0003UL)]
    [InlineData(PageSize.Size2M, 21, 0x8000_0000_0000_0083UL)]
    [InlineData(PageSize.Size1G, 30, 0x8000_0000_0000_0083UL)]
    public void Map_HighHalfInEachPageSize_TranslatesWithItsRights(PageSize pageSize, int bits, ulong flags)
    {
        const ulong linear = 0xFFFF_8000_4000_0000;
        const ulong physical = 0x1_C000_0000;
        ulong length = 2 * (ulong)pageSize;
        PageFlags rights = PageFlags.Writable | PageFlags.NoExecute;
        PageWalker walker = Walker(new PageTableBuilder().Map(linear, physical, length, rights, pageSize));

        Assert.Null(walker.Walk(linear - 1));
        Assert.Null(walker.Walk(linear + length));
        Assert.Equal((physical + 0x123, physical | flags, bits), walker.Walk(linear + 0x123));
        Assert.Equal(physical + length - 1, walker.Walk(linear + length - 1)?.Physical);
    }

    [Fact]
    public void Map_LastPageOfTheAddressSpace_IsMapped()
    {
        PageWalker walker = Walker(new PageTableBuilder().Map(0xFFFF_FFFF_FFFF_F000, 0x5000, 0x1000, PageFlags.None));
        Assert.Equal((0x5FFFUL, 0x5001UL, 12), walker.Walk(ulong.MaxValue));
    }

    [Fact]
    public void Map_SmallPageIntoLargeOne_SplitsItAndLeavesTheRest()
    {
        PageTableBuilder tables = new PageTableBuilder()
            .Map(0, 0, 1UL << 30, PageFlags.Writable | PageFlags.CacheDisable, PageSize.Size1G)
            .Map(0x40_3000, 0x9_F000, 0x1000, PageFlags.User);
        Assert.Equal(4, tables.TableCount);
        PageWalker walker = Walker(tables);
        Assert.Equal((0x9_F000UL, 0x9_F005UL, 12), walker.Walk(0x40_3000));
        Assert.Equal((0x40_2FFFUL, 0x40_2013UL, 12), walker.Walk(0x40_2FFF));
        Assert.Equal((0x40_4000UL, 0x40_4013UL, 12), walker.Walk(0x40_4000));
        Assert.Equal((0x3F_FFFFUL, 0x20_0093UL, 21), walker.Walk(0x3F_FFFF));
        Assert.Equal(0x3FFF_FFFFUL, walker.Walk(0x3FFF_FFFF)?.Physical);
    }

    [Fact]
    public void Map_LargePageOverSmallOnes_ReplacesThem()
    {
        PageTableBuilder tables = new PageTableBuilder().Map(0x20_0000, 0, 0x20_0000);
        Assert.Equal(4, tables.TableCount);
        tables.Map(0x20_0000, 0x60_0000, 0x20_0000, PageFlags.None, PageSize.Size2M);
        Assert.Equal(3, tables.TableCount);
        Assert.Equal((0x60_0000UL, 0x60_0081UL, 21), Walker(tables).Walk(0x20_0000));
    }

    [Fact]
    public void Unmap_PageWithinIdentityMap_LeavesAHoleOfThatSize()
    {
        PageTableBuilder tables = PageTableBuilder.Identity(1UL << 30).Unmap(0x7FF000, 0x2000);
        PageWalker walker = Walker(tables);
        Assert.Equal(0x7F_EFFFUL, walker.Walk(0x7F_EFFF)?.Physical);
        Assert.Null(walker.Walk(0x7F_F000));
        Assert.Null(walker.Walk(0x80_0FFF));
        Assert.Equal(0x80_1000UL, walker.Walk(0x80_1000)?.Physical);
    }

    [Fact]
    public void Unmap_WholeLowerHalf_FreesItsTables()
    {
        PageTableBuilder tables = PageTableBuilder.Identity(1UL << 32).Unmap(0, 1UL << 47);
        Assert.Equal(1, tables.TableCount);
        Assert.Equal(new byte[4096], tables.Build(0));
    }

    [Fact]
    public void Map_RangesThatCannotBe_AreRefused()
    {
        PageTableBuilder tables = new();
        Assert.Throws<ArgumentException>(() => tables.Map(0x800, 0, 0x1000));
        Assert.Throws<ArgumentException>(() => tables.Map(0, 0x1000, 0x20_0000, PageFlags.None, PageSize.Size2M));
        Assert.Throws<ArgumentException>(() => tables.Map(0, 0, 0x1800));
        Assert.Throws<ArgumentException>(() => tables.Map(0, 0, 0x1000, (PageFlags)0x80));
        Assert.Throws<ArgumentOutOfRangeException>(() => tables.Map(0, 0, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => tables.Map(0x8000_0000_0000, 0, 0x1000));
        Assert.Throws<ArgumentOutOfRangeException>(() => tables.Map(0x7FFF_FFFF_F000, 0, 0x2000));
        Assert.Throws<ArgumentOutOfRangeException>(() => tables.Map(0xFFFF_FFFF_FFFF_F000, 0, 0x2000));
        Assert.Throws<ArgumentOutOfRangeException>(() => tables.Map(0, (1UL << 52) - 0x1000, 0x2000));
        Assert.Throws<ArgumentOutOfRangeException>(() => tables.Map(0, 0, 0x1000, PageFlags.None, (PageSize)0x2000));
        Assert.Throws<ArgumentException>(() => tables.Build(0x800));
        Assert.Equal(1, tables.TableCount);
    }

    [Fact]
    public void Map_MoreThanTheTablesHold_IsRefused()
    {
        PageTableBuilder tables = new();
        Assert.Throws<InvalidOperationException>(() => tables.Map(0, 0, 1UL << 40));
        Assert.Equal(PageTableBuilder.MaxTables, tables.TableCount);
        Assert.Equal(PageTableBuilder.MaxTables * 4096, tables.Build(Base).Length);
    }

    private static PageWalker Walker(PageTableBuilder tables) => new(tables.Build(Base), Base);
}
