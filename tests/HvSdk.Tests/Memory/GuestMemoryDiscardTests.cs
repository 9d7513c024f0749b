using HvSdk.Testing;

namespace HvSdk.Tests.Memory;

/// <summary>Pages that go back to the host: what is taken, and what is refused without a change.</summary>
public sealed class GuestMemoryDiscardTests
{
    private const ulong Here = 0x10_0000;
    private const ulong Page = 0x1000;

    [Fact]
    public void TryDiscard_WholePages_BecomeZeroAndTheirNeighboursStay()
    {
        using var machine = new ScriptedMachine();
        MemoryRegion region = MapFilled(machine, Here, 4 * Page);

        Assert.True(machine.Partition.Memory.TryDiscard(Here + Page, 2 * Page));

        Assert.Equal([0x5A, 0, 0, 0x5A], FirstBytes(region));
        Assert.Equal(Page, region.DiscardUnit);
        Assert.Equal(2 * (long)Page, machine.Record.DiscardedBytes);
    }

    [Fact]
    public void TryDiscard_AcrossRegionsThatTouch_TakesAll()
    {
        using var machine = new ScriptedMachine();
        MemoryRegion first = MapFilled(machine, Here, 2 * Page);
        MemoryRegion second = MapFilled(machine, Here + (2 * Page), 2 * Page);

        Assert.True(machine.Partition.Memory.TryDiscard(Here + Page, 2 * Page));

        Assert.Equal([0x5A, 0], FirstBytes(first));
        Assert.Equal([0, 0x5A], FirstBytes(second));
    }

    [Theory]
    [InlineData(Here + 1, Page)]
    [InlineData(Here, Page + 1)]
    [InlineData(Here, 1UL)]
    [InlineData(Here + (3 * Page), 2 * Page)]
    [InlineData(Here - Page, 2 * Page)]
    [InlineData(0UL, Page)]
    [InlineData(Here, ulong.MaxValue - Page + 1)]
    [InlineData(ulong.MaxValue - Page + 1, Page)]
    [InlineData(ulong.MaxValue - Page + 1, 2 * Page)]
    public void TryDiscard_OfPartsOrBeyondMemory_ChangesNothing(ulong address, ulong length)
    {
        using var machine = new ScriptedMachine();
        MemoryRegion region = MapFilled(machine, Here, 4 * Page);

        Assert.False(machine.Partition.Memory.TryDiscard(address, length));

        Assert.Equal([0x5A, 0x5A, 0x5A, 0x5A], FirstBytes(region));
        Assert.Equal(0, machine.Record.DiscardedBytes);
    }

    [Fact]
    public void TryDiscard_UpToAReadOnlyRegion_ChangesNothing()
    {
        using var machine = new ScriptedMachine();
        MemoryRegion ram = MapFilled(machine, Here, Page);
        MemoryRegion rom = MapFilled(machine, Here + Page, Page, MemoryAccess.ReadOnly);

        Assert.False(machine.Partition.Memory.TryDiscard(Here, 2 * Page));
        Assert.False(rom.TryDiscard(0, Page));

        Assert.Equal(0UL, rom.DiscardUnit);
        Assert.Equal([0x5A], FirstBytes(ram));
        Assert.Equal([0x5A], FirstBytes(rom));
    }

    [Fact]
    public void TryDiscard_ThroughAnAlias_TakesTheBytesOfBoth()
    {
        using var machine = new ScriptedMachine();
        MemoryRegion region = MapFilled(machine, Here, 4 * Page);
        MemoryRegion alias = machine.Partition.Memory.MapAlias(2 * Here, region, Page, 2 * Page);

        Assert.True(machine.Partition.Memory.TryDiscard(2 * Here, Page));

        Assert.Equal([0x5A, 0, 0x5A, 0x5A], FirstBytes(region));
        Assert.Equal([0, 0x5A], FirstBytes(alias));
    }

    [Fact]
    public void TryDiscard_WhereThePagesAreTracked_CountsAsWritten()
    {
        using var machine = new ScriptedMachine();
        MemoryRegion region = machine.Partition.Memory.Map(Here, 4 * Page, new MemoryRegionOptions { TrackDirtyPages = true });

        Assert.True(region.TryDiscard(Page, 2 * Page));

        ulong[] bitmap = new ulong[1];
        Assert.Equal(2, region.CollectDirtyPages(bitmap));
        Assert.Equal(0b0110UL, bitmap[0]);
    }

    [Fact]
    public void TryDiscard_UnderAViewThatIsEntered_ShowsZeros()
    {
        using var machine = new ScriptedMachine();
        MapFilled(machine, Here, Page);
        GuestMemoryView view = machine.Partition.Memory.CreateView();
        view.Enter();

        view.Access(Here, 8, isWrite: false, machine.Partition.Memory, static (span, memory) =>
        {
            Assert.Equal(0x5A, span[0]);
            Assert.True(memory.TryDiscard(Here, Page));
            Assert.Equal(0, span[0]);
        });

        view.Exit();
    }

    [Fact]
    public void TryDiscard_OfARegionThatHasGone_IsRefused()
    {
        using var machine = new ScriptedMachine();
        MemoryRegion region = MapFilled(machine, Here, Page);
        region.Dispose();

        Assert.False(machine.Partition.Memory.TryDiscard(Here, Page));
        Assert.Throws<ObjectDisposedException>(() => region.TryDiscard(0, Page));
    }

    [Fact]
    public void TryDiscard_BeyondTheRegion_IsTheCallersMistake()
    {
        using var machine = new ScriptedMachine();
        MemoryRegion region = MapFilled(machine, Here, Page);

        ArgumentOutOfRangeException e = Assert.Throws<ArgumentOutOfRangeException>(() => region.TryDiscard(0, 2 * Page));
        Assert.Contains("do not lie within region RAM", e.Message, StringComparison.Ordinal);
        Assert.False(region.TryDiscard(1, 8));
    }

    [Fact]
    public void TryDiscard_WhereTheHostCannot_IsRefused()
    {
        var backend = new ScriptedBackend();
        ScriptedMachine.Without(HypervisorFeatures.MemoryDiscard)(backend);
        using Hypervisor hypervisor = Hypervisor.Open(backend);
        using Partition partition = hypervisor.CreatePartition();
        MemoryRegion region = partition.Memory.Map(Here, Page);
        region.Write(0, (byte)0x5A);

        Assert.Equal(0UL, region.DiscardUnit);
        Assert.False(partition.Memory.TryDiscard(Here, Page));
        Assert.Equal(0x5A, region.Read<byte>(0));
    }

    private static MemoryRegion MapFilled(ScriptedMachine machine, ulong address, ulong size, MemoryAccess access = MemoryAccess.ReadWrite)
    {
        MemoryRegion region = machine.Partition.Memory.Map(address, size, new MemoryRegionOptions { Access = access });
        region.AccessInPlace(0, (int)size, 0, static (span, _) => span.Fill(0x5A));
        return region;
    }

    private static byte[] FirstBytes(MemoryRegion region) => [.. Enumerable.Range(0, (int)(region.Size / Page)).Select(page => region.Read<byte>((ulong)page * Page))];
}
