namespace HvSdk.Tests.X64;

public sealed class X64CpuidTableTests
{
    [Fact]
    public void Table_Entries_AreSortedAndUnique()
    {
        X64CpuidTable table = new([new(7, 1, 1, 0, 0, 0), new(7, 0, 2, 0, 0, 0), new(0x8000_0000, null, 3, 0, 0, 0), new(1, null, 4, 0, 0, 0), new(7, 1, 5, 0, 0, 0)]);
        Assert.Equal(4, table.Count);
        Assert.Equal([4U, 2U, 5U, 3U], table.Select(static entry => entry.Eax));
        Assert.Empty(new X64CpuidTable());
        Assert.Throws<ArgumentNullException>(() => new X64CpuidTable(null!));
    }

    [Fact]
    public void TryGet_Subleaves_TheExactOneFirst()
    {
        X64CpuidTable table = new([new(0xD, null, 1, 0, 0, 0), new(0xD, 2, 2, 0, 0, 0), new(4, 0, 3, 0, 0, 0)]);
        Assert.True(table.TryGet(0xD, 2, out X64CpuidEntry exact));
        Assert.True(table.TryGet(0xD, 3, out X64CpuidEntry any));
        Assert.False(table.TryGet(4, 1, out _));
        Assert.Equal((2U, 1U), (exact.Eax, any.Eax));
    }

    [Fact]
    public void SetAndRemove_Entries_ChangeThatOneAlone()
    {
        X64CpuidTable table = new([new(4, 0, 1, 0, 0, 0), new(4, 1, 2, 0, 0, 0)]);
        X64CpuidTable copy = new(table);
        table.Set(new(4, 1, 9, 0, 0, 0));
        Assert.True(table.Remove(4, 0));
        Assert.False(table.Remove(4, 0));
        Assert.False(table.Remove(4));
        Assert.Equal(9U, Assert.Single(table).Eax);
        Assert.Equal(2, copy.Count);
    }
}
