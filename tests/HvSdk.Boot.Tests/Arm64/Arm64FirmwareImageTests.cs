namespace HvSdk.Boot.Tests.Arm64;

public sealed class Arm64FirmwareImageTests
{
    [Fact]
    public void Load_Firmware_StartsAtZeroWithTheTreeAtTheStartOfRam()
    {
        byte[] rom = new byte[0x1_2345];
        new Random(2).NextBytes(rom);
        using Arm64FirmwareImage image = Arm64FirmwareImage.Read(BootFile.FromMemory(rom));
        Assert.Equal((0UL, 0x2_0000UL, MemoryAccess.ReadOnly), (image.Regions[0].Address, image.Regions[0].Size, image.Regions[0].Access));
        using var bench = new Arm64Bench(regions: image.Regions);

        Arm64BootState state = bench.Load(image);

        Assert.Equal((0UL, Arm64Bench.Ram), (state.Registers.Pc, state.Registers[0]));
        Assert.Equal(rom, bench.Read(0, rom.Length));
        Assert.All(bench.Read(0x400_0000, Arm64FirmwareImage.VariablesSize), static value => Assert.Equal(0xFF, value));
        byte[] tree = bench.Tree(static _ => { });
        Assert.Equal(tree, bench.Read(Arm64Bench.Ram, tree.Length));
    }

    [Fact]
    public void FindProblems_RamAtZero_IsInTheWay()
    {
        using Arm64FirmwareImage image = Arm64FirmwareImage.Read(BootFile.FromMemory(new byte[16]));
        var machine = new BootMachine { MemoryMap = [new(0, 0x10_0000, MemoryMapKind.Usable)], DeviceTree = new DeviceTree() };
        Assert.Contains("has RAM there", Assert.Single(image.FindProblems(machine)), StringComparison.Ordinal);
    }

    [Fact]
    public void Read_EmptyFile_IsNoFirmware() => Assert.Equal("length", Assert.Throws<BootImageException>(() => Arm64FirmwareImage.Read(BootFile.FromMemory(Array.Empty<byte>()))).Field);
}
