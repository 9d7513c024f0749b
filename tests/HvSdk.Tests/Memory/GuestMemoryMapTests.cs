namespace HvSdk.Tests.Memory;

public sealed class GuestMemoryMapTests
{
    private const ulong Page = 0x1000;

    [Theory]
    [InlineData(0x2000UL, 0x1000UL)]
    [InlineData(0x1000UL, 0x2000UL)]
    [InlineData(0x3000UL, 0x8000UL)]
    [InlineData(0UL, 0x10000UL)]
    public void Map_OverARegion_NamesIt(ulong address, ulong size)
    {
        using ScriptedMachine machine = new();
        machine.Partition.Memory.Map(0x2000, 0x2000, new() { Name = "video" });
        ArgumentException e = Assert.Throws<ArgumentException>(() => machine.Partition.Memory.Map(address, size));
        Assert.Equal("address", e.ParamName);
        Assert.Contains($"0x{size:X} bytes at GPA 0x{address:X} overlap region video at 0x2000 to 0x3FFF", e.Message, StringComparison.Ordinal);
        Assert.Contains("unmap that region first", e.Message, StringComparison.Ordinal);
        Assert.Single(machine.Partition.Memory.Regions);
    }

    [Theory]
    [InlineData(1UL, 0x1000UL, "address")]
    [InlineData(0x800UL, 0x1000UL, "address")]
    [InlineData(0UL, 0UL, "size")]
    [InlineData(0UL, 1UL, "size")]
    [InlineData(0UL, 0x1800UL, "size")]
    public void Map_Misaligned_NamesValueAndPageSize(ulong address, ulong size, string parameter)
    {
        using ScriptedMachine machine = new();
        ArgumentException e = Assert.Throws<ArgumentException>(() => machine.Partition.Memory.Map(address, size));
        Assert.Equal(parameter, e.ParamName);
        Assert.Contains($"0x{(parameter == "size" ? size : address):X} ", e.Message, StringComparison.Ordinal);
        Assert.Contains("4096 bytes", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1UL << 40, Page)]
    [InlineData((1UL << 40) - Page, 2 * Page)]
    [InlineData(0UL, 1UL << 41)]
    [InlineData(Page, 0xFFFF_FFFF_FFFF_F000)] // wraps around
    [InlineData(0xFFFF_FFFF_FFFF_F000, Page)]
    [InlineData(0xFFFF_FFFF_FFFF_F000, 0x2000UL)]
    public void Map_BeyondTheAddresses_NamesTheLimit(ulong address, ulong size)
    {
        using ScriptedMachine machine = new();
        ArgumentOutOfRangeException e = Assert.Throws<ArgumentOutOfRangeException>(() => machine.Partition.Memory.Map(address, size));
        Assert.Contains($"0x{size:X} bytes at GPA 0x{address:X} do not fit below 0x10000000000: guest addresses have 40 bits", e.Message, StringComparison.Ordinal);
        Assert.Equal(0, machine.Record.MappedRegions);
    }

    [Fact]
    public void Map_OverADoorbell_NamesItUntilItIsGone()
    {
        using ScriptedMachine machine = new();
        using (machine.Partition.CreateDoorbell(DoorbellLocation.Mmio(0x1800, 4)))
        {
            ArgumentException e = Assert.Throws<ArgumentException>(() => machine.Partition.Memory.Map(0x1000, Page));
            Assert.Contains("would hide the doorbell at Mmio 0x1800, 4 bytes", e.Message, StringComparison.Ordinal);
            machine.Partition.Memory.Map(0x2000, Page);
        }

        machine.Partition.Memory.Map(0x1000, Page);
    }

    [Fact]
    public void Map_LastPage_IsAddressable()
    {
        using ScriptedMachine machine = new();
        machine.Partition.Memory.Map((1UL << 40) - Page, Page);
        machine.Partition.Memory.Write((1UL << 40) - 1, (byte)7);
        Assert.Equal(7, machine.Partition.Memory.Read<byte>((1UL << 40) - 1));
        Assert.False(machine.Partition.Memory.TryRead((1UL << 40) - 1, out ushort _));
    }

    [Fact]
    public void Map_MoreRegionsThanTheHostHas_SaysHowMany()
    {
        using ScriptedMachine machine = new(null, static backend => backend.Capabilities = backend.Capabilities with { MaxMemoryRegions = 2 });
        MemoryRegion first = machine.Partition.Memory.Map(0, Page);
        machine.Partition.Memory.Map(Page, Page);
        InvalidOperationException e = Assert.Throws<InvalidOperationException>(() => machine.Partition.Memory.Map(2 * Page, Page));
        Assert.Contains("2 memory regions, the most that Scripted offers", e.Message, StringComparison.Ordinal);
        first.MapAt(8 * Page);
        first.Dispose();
        machine.Partition.Memory.Map(2 * Page, Page);
    }

    [Fact]
    public void MapAt_UnmappedRegionWhereTheHostIsFull_IsRefused()
    {
        using ScriptedMachine machine = new(null, static backend => backend.Capabilities = backend.Capabilities with { MaxMemoryRegions = 1 });
        MemoryRegion first = machine.Partition.Memory.Map(0, Page);
        first.Unmap();
        machine.Partition.Memory.Map(Page, Page);
        Assert.Throws<InvalidOperationException>(() => first.MapAt(0));
        Assert.False(first.IsMapped);
    }

    [Fact]
    public void Map_OptionsThatTheHostLacks_AreRefusedByName()
    {
        using ScriptedMachine machine = new(
            null, ScriptedMachine.Without(HypervisorFeatures.ReadOnlyMemory | HypervisorFeatures.DirtyTracking | HypervisorFeatures.HugePages));
        AssertLacks(nameof(HypervisorFeatures.ReadOnlyMemory), () => machine.Partition.Memory.Map(0, Page, new() { Access = MemoryAccess.ReadOnly }));
        AssertLacks(nameof(HypervisorFeatures.DirtyTracking), () => machine.Partition.Memory.Map(0, Page, new() { TrackDirtyPages = true }));
        AssertLacks(nameof(HypervisorFeatures.HugePages), () => machine.Partition.Memory.Map(0, 2 << 20, new() { HugePages = HugePages.Size2MiB }));
        machine.Partition.Memory.Map(16 * Page, Page, new() { HugePages = HugePages.Transparent }); // a wish needs nothing
        MemoryRegion ram = machine.Partition.Memory.Map(0, Page);
        AssertLacks(nameof(HypervisorFeatures.ReadOnlyMemory), () => machine.Partition.Memory.MapAlias(Page, ram, 0, Page, MemoryAccess.ReadOnly));
        AssertLacks(nameof(HypervisorFeatures.DirtyTracking), ram.StartDirtyTracking);

        static void AssertLacks(string feature, Action action) =>
            Assert.Contains($"does not offer {feature}", Assert.Throws<NotSupportedException>(action).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Map_OptionsThatDoNotExist_AreRefused()
    {
        using ScriptedMachine machine = new();
        Assert.Throws<ArgumentOutOfRangeException>(() => machine.Partition.Memory.Map(0, Page, new() { Access = (MemoryAccess)9 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => machine.Partition.Memory.Map(0, Page, new() { HugePages = (HugePages)9 }));
        Assert.Throws<ArgumentNullException>(() => machine.Partition.Memory.Map(0, Page, new() { Backing = null! }));
        Assert.Throws<ArgumentNullException>(() => machine.Partition.Memory.Map(0, Page, new() { Name = null! }));
    }

    [Fact]
    public void Map_OverADeviceWindow_IsRefusedForRamAndNotForRom()
    {
        using ScriptedMachine machine = new();
        machine.Partition.Mmio.Map(0x1800, 0x10, new RecordingDevice());
        ArgumentException e = Assert.Throws<ArgumentException>(() => machine.Partition.Memory.Map(0, 0x2000));
        Assert.Contains("would hide the window of RecordingDevice at 0x1800 to 0x180F", e.Message, StringComparison.Ordinal);
        machine.Partition.Memory.Map(0, 0x2000, new() { Access = MemoryAccess.ReadOnly });
    }

    [Theory]
    [InlineData(HvSdk.Testing.ScriptedOperation.AllocateMemory)]
    [InlineData(HvSdk.Testing.ScriptedOperation.MapMemory)]
    public void Map_HostRefuses_LeavesNothing(HvSdk.Testing.ScriptedOperation operation)
    {
        using ScriptedMachine machine = new();
        machine.Backend.FailNext(operation);
        Assert.Throws<HypervisorException>(() => machine.Partition.Memory.Map(0, Page));
        Assert.Empty(machine.Partition.Memory.Regions);
        Assert.Null(machine.Partition.Memory.Find(0));
        machine.Partition.Memory.Map(0, Page);
    }

    [Fact]
    public void MapAt_Elsewhere_MovesTheBytes()
    {
        using ScriptedMachine machine = new();
        MemoryRegion region = machine.Partition.Memory.Map(0, 2 * Page);
        region.Write(0x123, 0x55AAUL);
        region.MapAt(Page); // overlaps its own old place
        Assert.Equal(0x55AAUL, machine.Partition.Memory.Read<ulong>(Page + 0x123));
        Assert.False(machine.Partition.Memory.TryRead(0, out byte _));
        Assert.Equal(Page, region.Address);
        region.Unmap();
        region.Unmap();
        Assert.False(region.IsMapped);
        Assert.Empty(machine.Partition.Memory.Regions);
        Assert.Equal(0x55AAUL, region.Read<ulong>(0x123));
        region.MapAt(8 * Page);
        Assert.Equal(0x55AAUL, machine.Partition.Memory.Read<ulong>((8 * Page) + 0x123));
        Assert.Equal(1, machine.Record.MappedRegions);
    }

    [Fact]
    public void MapAt_TakenPlace_LeavesItWhereItWas()
    {
        using ScriptedMachine machine = new();
        MemoryRegion region = machine.Partition.Memory.Map(0, Page);
        machine.Partition.Memory.Map(Page, Page, new() { Name = "other" });
        Assert.Contains("region other", Assert.Throws<ArgumentException>(() => region.MapAt(Page)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => region.MapAt(5));
        Assert.True(region.IsMapped);
        Assert.Same(region, machine.Partition.Memory.Find(0));
    }

    [Fact]
    public void MapAlias_PartOfARegion_ShowsTheSameBytes()
    {
        using ScriptedMachine machine = new();
        MemoryRegion region = machine.Partition.Memory.Map(0, 4 * Page, new() { Name = "RAM" });
        MemoryRegion alias = machine.Partition.Memory.MapAlias(16 * Page, region, Page, 2 * Page);
        MemoryRegion nested = machine.Partition.Memory.MapAlias(32 * Page, alias, Page, Page, MemoryAccess.ReadOnly);
        region.Write((2 * Page) + 5, (byte)0x77);
        Assert.Equal(0x77, machine.Partition.Memory.Read<byte>((17 * Page) + 5));
        Assert.Equal(0x77, nested.Read<byte>(5));
        Assert.Equal("RAM (alias)", alias.Name);
        region.Dispose();
        Assert.Throws<ObjectDisposedException>(() => region.Read<byte>(0));
        Assert.Equal(0x77, alias.Read<byte>(Page + 5));
        alias.Dispose();
        Assert.Equal(0x77, nested.Read<byte>(5));
        Assert.Equal(1, machine.Record.MappedRegions);
    }

    [Theory]
    [InlineData(1UL, Page)]
    [InlineData(5 * Page, Page)]
    [InlineData(0UL, 5 * Page)]
    [InlineData(Page, 0xFFFF_FFFF_FFFF_F000)]
    public void MapAlias_NotWithinTheRegion_IsRefused(ulong offset, ulong size)
    {
        using ScriptedMachine machine = new();
        MemoryRegion region = machine.Partition.Memory.Map(0, 4 * Page);
        Assert.Throws<ArgumentOutOfRangeException>(() => machine.Partition.Memory.MapAlias(16 * Page, region, offset, size));
    }

    [Fact]
    public void MapAlias_OfAnothersOrADisposedRegion_IsRefused()
    {
        using ScriptedMachine machine = new();
        using ScriptedMachine other = new();
        MemoryRegion foreign = other.Partition.Memory.Map(0, Page);
        Assert.Contains(
            "belongs to another partition",
            Assert.Throws<ArgumentException>(() => machine.Partition.Memory.MapAlias(0, foreign, 0, Page)).Message,
            StringComparison.Ordinal);
        MemoryRegion own = machine.Partition.Memory.Map(0, Page);
        own.Dispose();
        Assert.Throws<ObjectDisposedException>(() => machine.Partition.Memory.MapAlias(0, own, 0, Page));
        Assert.Throws<ArgumentException>(() => machine.Partition.Memory.MapAlias(0, machine.Partition.Memory.Map(0, Page), 0, 0));
    }

    [Fact]
    public void Dispose_OfThePartition_ReleasesAfterTheBackend()
    {
        ScriptedMachine machine = new();
        MemoryRegion region = machine.Partition.Memory.Map(0, Page);
        MemoryRegion alias = machine.Partition.Memory.MapAlias(Page, region, 0, Page);
        region.Dispose();
        Vcpu vcpu = machine.Partition.CreateVcpu(0);
        machine.Dispose(); // the scripted backend throws where memory goes before the partition
        Assert.Throws<ObjectDisposedException>(() => alias.Read<byte>(0));
        Assert.Throws<ObjectDisposedException>(() => machine.Partition.Memory.Map(0, Page));
        Assert.Throws<ObjectDisposedException>(() => alias.MapAt(0));
        Assert.Throws<ObjectDisposedException>(alias.Unmap);
        Assert.Throws<ObjectDisposedException>(() => alias.StartDirtyTracking());
        Assert.False(machine.Partition.Memory.TryRead(Page, out byte _));
        alias.Dispose();
        vcpu.Dispose();
    }
}
