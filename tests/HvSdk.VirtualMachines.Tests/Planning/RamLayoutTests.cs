using HvSdk.Boot;
using HvSdk.Testing;

namespace HvSdk.VirtualMachines.Tests.Planning;

public sealed class RamLayoutTests
{
    private const ulong MiB = 1 << 20;
    private const ulong GiB = 1UL << 30;

    [Fact]
    public void Create_BelowTheHole_IsOneRange()
    {
        RamLayout layout = Create(new MemoryOptions { Size = 512 * MiB });

        Assert.Equal([new MemoryRange(0, 512 * MiB)], layout.Ranges);
        Assert.Equal(512 * MiB, layout.LowSize);
        Assert.Equal(0UL, layout.HighSize);
    }

    [Fact]
    public void Create_BeyondTheHole_GoesOnAtFourGiB()
    {
        RamLayout layout = Create(new MemoryOptions { Size = 6 * GiB });

        Assert.Equal([new MemoryRange(0, 3 * GiB), new MemoryRange(4 * GiB, 3 * GiB)], layout.Ranges);
        Assert.Equal(6 * GiB, layout.Size);
    }

    [Fact]
    public void Create_FurtherRanges_AreSortedBehindTheRest()
    {
        var options = new MemoryOptions { Size = 64 * MiB };
        options.FurtherRanges.Add(new MemoryRange(1024 * GiB, GiB));
        options.FurtherRanges.Add(new MemoryRange(8 * GiB, GiB));

        RamLayout layout = Create(options, bits: 46);

        Assert.Equal([new MemoryRange(0, 64 * MiB), new MemoryRange(8 * GiB, GiB), new MemoryRange(1024 * GiB, GiB)], layout.Ranges);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0xFF000)]
    [InlineData(0x100001)]
    public void Create_SizeThatNoMachineHas_IsAProblem(ulong size) => Assert.Contains($"0x{size:X} bytes", Problem(new MemoryOptions { Size = size }), StringComparison.Ordinal);

    [Theory]
    [InlineData(0x100000)]
    [InlineData(0xF0000000)]
    [InlineData(0x40001000)]
    public void Create_HoleThatCannotBe_IsAProblem(ulong start) => Assert.Contains("HoleStart", Problem(new MemoryOptions { HoleStart = start }), StringComparison.Ordinal);

    [Fact]
    public void Create_MoreThanTheAddressSpace_IsAProblem() =>
        Assert.Contains("40 bits", Problem(new MemoryOptions { Size = 1024 * GiB }), StringComparison.Ordinal);

    [Theory]
    [InlineData(0x1000, 0x1000, "not between 4 GiB")]
    [InlineData(0x1_0000_0800, 0x1000, "pages of 4 KiB")]
    [InlineData(0x1_0000_0000, 0, "empty")]
    [InlineData(0xFF_FFFF_F000, 0x2000, "not between 4 GiB")]
    [InlineData(0xFFFF_FFFF_FFFF_F000, 0x2000, "not between 4 GiB")]
    public void Create_RangeThatCannotBe_IsAProblem(ulong address, ulong size, string said)
    {
        var options = new MemoryOptions();
        options.FurtherRanges.Add(new MemoryRange(address, size));

        Assert.Contains(said, Problem(options), StringComparison.Ordinal);
    }

    [Fact]
    public void Create_RangesThatOverlap_AreAProblem()
    {
        var options = new MemoryOptions { Size = 6 * GiB };
        options.FurtherRanges.Add(new MemoryRange(5 * GiB, GiB));

        Assert.Contains("overlaps", Problem(options), StringComparison.Ordinal);
    }

    [Fact]
    public void CreateMap_PlainMachine_HidesTheFormerRoms()
    {
        IReadOnlyList<MemoryMapEntry> map = Create(new MemoryOptions { Size = 64 * MiB }).CreateMap();

        Assert.Equal(
            [
                new(0, 0xA_0000, MemoryMapKind.Usable),
                new(0xA_0000, 0x6_0000, MemoryMapKind.Reserved),
                new(MiB, 63 * MiB, MemoryMapKind.Usable),
            ],
            map);
    }

    [Fact]
    public void TryReserve_SomeBytes_TakesThemFromTheTopAndHidesTheirPage()
    {
        RamLayout layout = Create(new MemoryOptions { Size = 64 * MiB });

        Assert.True(layout.TryReserve(16, 8, out ulong first));
        Assert.True(layout.TryReserve(10, 64, out ulong second));

        Assert.Equal((64 * MiB) - 16, first);
        Assert.Equal((64 * MiB) - 64, second);
        Assert.Contains(new MemoryMapEntry((64 * MiB) - 4096, 4096, MemoryMapKind.Reserved), layout.CreateMap());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(64 << 20)]
    [InlineData(ulong.MaxValue)]
    public void TryReserve_MoreThanThereIs_Refuses(ulong size) => Assert.False(Create(new MemoryOptions { Size = 64 * MiB }).TryReserve(size, 8, out _));

    [Fact]
    public void TryMakeRoom_AtTheFormerScreen_LeavesItOutOfTheRam()
    {
        RamLayout layout = Create(new MemoryOptions { Size = 2 * MiB });

        Assert.True(layout.TryMakeRoom(0xA_0000, 0xB_FFFF));

        Assert.Equal([new MemoryRange(0, 0xA_0000), new MemoryRange(0xC_0000, (2 * MiB) - 0xC_0000)], layout.Ranges);
    }

    [Theory]
    [InlineData(0x9_F000, 0xA_0FFF)]
    [InlineData(0xE_0000, 0xE_0FFF)]
    [InlineData(0x20_0000, 0x20_0FFF)]
    public void TryMakeRoom_InRamThatIsUsed_Refuses(ulong first, ulong last) => Assert.False(Create(new MemoryOptions()).TryMakeRoom(first, last));

    private static RamLayout Create(MemoryOptions options, int bits = 40)
    {
        List<string> problems = [];
        var layout = RamLayout.Create(options, Capabilities(bits), problems);
        Assert.Empty(problems);
        return layout;
    }

    private static string Problem(MemoryOptions options)
    {
        List<string> problems = [];
        RamLayout.Create(options, Capabilities(40), problems);
        return Assert.Single(problems);
    }

    private static HypervisorCapabilities Capabilities(int bits) => new ScriptedBackend().Capabilities with { GuestPhysicalAddressBits = bits };
}
