namespace HvSdk.Boot.Tests;

public class FirmwareImageTests
{
    [Theory]
    [InlineData(0x1000)]
    [InlineData(0x2_0000)]
    [InlineData(0x4_0000)]
    [InlineData(0x100_0000)]
    public void Load_Firmware_EndsAt4GiBAndBelow1MiB(int size)
    {
        byte[] rom = LoadBench.Noise(size);
        using FirmwareImage image = FirmwareImage.Read(BootFile.FromMemory(rom));
        using var bench = new LoadBench(4);
        foreach (BootRegion region in image.Regions)
        {
            bench.Memory.Map(region.Address, region.Size, new() { Name = region.Name, Access = region.Access });
        }

        Assert.Empty(image.FindProblems(bench.Machine));
        X64BootState state = bench.Load(image);

        Assert.Equal(rom, bench.Read((1UL << 32) - (ulong)size, size));
        int copy = int.Min(size, 0x4_0000);
        Assert.Equal(rom[^copy..], bench.Read(0x10_0000 - (ulong)copy, copy));
        Assert.Null(state.SpecialRegisters);
        Assert.Equal(0xFFF0UL, state.Registers.Rip);
    }

    [Fact]
    public void Regions_OfAFirmware_AreItsRomAndTheRamThatItIsSeenIn()
    {
        using FirmwareImage image = FirmwareImage.Read(BootFile.FromMemory(new byte[0x4_0000]));

        Assert.Equal(
            [
                new BootRegion(0xFFFC_0000, 0x4_0000, MemoryAccess.ReadOnly, "firmware"),
                new BootRegion(0xC_0000, 0x4_0000, MemoryAccess.ReadWrite, "firmware shadow"),
            ],
            image.Regions);
        Assert.Equal("Firmware, 256 KiB", image.Format);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0xFFF)]
    [InlineData(0x1001)]
    [InlineData(0x100_1000)]
    public void Read_SizeOfNoFirmware_IsAnError(int size) =>
        Assert.Equal("length", Assert.Throws<BootImageException>(() => FirmwareImage.Read(BootFile.FromMemory(new byte[size]))).Field);

    [Fact]
    public void FindProblems_RamWhereTheRomGoes_SaysSo()
    {
        using FirmwareImage image = FirmwareImage.Read(BootFile.FromMemory(new byte[0x4_0000]));

        Assert.Contains("0xFFFC0000 to 0xFFFFFFFF", Assert.Single(image.FindProblems(LoadBench.Map(4096))));
        Assert.Empty(image.FindProblems(LoadBench.Map(3072, 1024)));
    }

    [Fact]
    public void Load_RegionsAreNotMapped_SaysWhatToDo()
    {
        using FirmwareImage image = FirmwareImage.Read(BootFile.FromMemory(new byte[0x4_0000]));
        using var bench = new LoadBench(4);

        Assert.Contains("Regions", Assert.Throws<InvalidOperationException>(() => bench.Load(image)).Message);
    }
}
