namespace HvSdk.Boot.Tests;

public class Multiboot1Tests
{
    private const uint OwnAddresses = 1 << 16;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Load_ElfKernel_LoadsItsSegmentsAndEntersInProtectedMode(bool is64)
    {
        using var bench = new LoadBench();
        bench.Dirty(MultibootBuilder.Start, 0x8000);
        using MultibootImage image = Read(MultibootBuilder.Elf(MultibootBuilder.Header1(3), is64));

        X64BootState state = bench.Load(image);

        Assert.Equal("Multiboot 1", image.Format);
        Assert.Equal(MultibootBuilder.Start + 0x10, state.Registers.Rip); // the entry's virtual address, translated
        Assert.Equal(0x2BAD_B002UL, state.Registers.Rax);
        LinuxElfTests.AssertProtectedMode(state);
        Assert.Equal(LoadBench.Noise(0x1800), bench.Read(MultibootBuilder.Start, 0x1800));
        Assert.Equal(LoadBench.Noise(0x800, 2), bench.Read(MultibootBuilder.Start + 0x2000, 0x800));
        Assert.Equal(-1, bench.Read(MultibootBuilder.Start + 0x2800, 0x2800).AsSpan().IndexOfAnyExcept((byte)0));
    }

    [Fact]
    public void Load_WithModules_TellsTheKernelEverything()
    {
        using var bench = new LoadBench();
        byte[] first = LoadBench.Noise(5000);
        byte[] second = LoadBench.Noise(3, 9);
        using MultibootImage image = MultibootImage.ReadMultiboot1(BootFile.FromMemory(MultibootBuilder.Elf(MultibootBuilder.Header1(3))), new()
        {
            CommandLine = "root=/dev/x",
            LoaderName = "tests",
            Modules = [new(BootFile.FromMemory(first), "one a=b"), new(BootFile.FromMemory(second))],
        });

        ulong at = bench.Load(image).Registers.Rbx;

        uint U32(ulong offset) => bench.Memory.Read<uint>(at + offset);
        Assert.Equal(0b10_0100_1101U, U32(0));
        Assert.Equal(640U, U32(4));
        Assert.Equal(63U * 1024, U32(8));
        Assert.Equal("root=/dev/x", bench.ReadText(U32(16)));
        Assert.Equal(2U, U32(20));
        Assert.Equal(3U * 24, U32(44));
        Assert.Equal("tests", bench.ReadText(U32(64)));

        byte[] modules = bench.Read(U32(24), 32);
        Assert.Equal(first, bench.Read(BitConverter.ToUInt32(modules), 5000));
        Assert.Equal(0U, BitConverter.ToUInt32(modules) % 4096);
        Assert.Equal(BitConverter.ToUInt32(modules) + 5000, BitConverter.ToUInt32(modules, 4));
        Assert.Equal("one a=b", bench.ReadText(BitConverter.ToUInt32(modules, 8)));
        Assert.Equal(second, bench.Read(BitConverter.ToUInt32(modules, 16), 3));
        Assert.Equal("", bench.ReadText(BitConverter.ToUInt32(modules, 24)));

        for (int i = 0; i < 3; i++)
        {
            byte[] entry = bench.Read(U32(48) + ((ulong)i * 24), 24);
            Assert.Equal(20U, BitConverter.ToUInt32(entry));
            Assert.Equal(bench.Machine.MemoryMap[i].Address, BitConverter.ToUInt64(entry, 4));
            Assert.Equal(bench.Machine.MemoryMap[i].Size, BitConverter.ToUInt64(entry, 12));
            Assert.Equal((uint)bench.Machine.MemoryMap[i].Kind, BitConverter.ToUInt32(entry, 20));
        }
    }

    [Fact]
    public void Load_KernelWithItsOwnAddresses_LoadsThatPartOfTheFile()
    {
        using var bench = new LoadBench();
        bench.Dirty(MultibootBuilder.Start, 0x3000);
        byte[] file = MultibootBuilder.Raw(MultibootBuilder.Header1(OwnAddresses, 0x20_0010, 0x20_0004, 0x20_1800, 0x20_2000, 0x20_0040));
        using MultibootImage image = Read(file);

        Assert.Equal(0x20_0040UL, bench.Load(image).Registers.Rip);
        Assert.Equal(file[4..0x1800], bench.Read(0x20_0004, 0x17FC));
        Assert.Equal(-1, bench.Read(0x20_1800, 0x800).AsSpan().IndexOfAnyExcept((byte)0));
        Assert.Equal(0xA5, bench.Memory.Read<byte>(0x20_2000));
    }

    [Fact]
    public void Load_OwnAddressesWithoutEnds_LoadsTheRestOfTheFile()
    {
        using var bench = new LoadBench();
        byte[] file = MultibootBuilder.Raw(MultibootBuilder.Header1(OwnAddresses, 0x20_0010, 0x20_0000, 0, 0, 0x20_0000));

        bench.Load(Read(file));

        Assert.Equal(file, bench.Read(0x20_0000, file.Length));
    }

    [Theory]
    [InlineData(0x20_0010U, 0x20_0014U, 0U, 0U, 0x20_0020U, "load_addr")] // behind the header
    [InlineData(0x20_0010U, 0x1F_FFF0U, 0U, 0U, 0x20_0020U, "load_addr")] // before the file's start
    [InlineData(0x20_0010U, 0x20_0000U, 0x20_2001U, 0U, 0x20_0020U, "load_end_addr")] // behind the file's end
    [InlineData(0x20_0010U, 0x20_0000U, 0x1F_0000U, 0U, 0x20_0020U, "load_end_addr")]
    [InlineData(0x20_0010U, 0x20_0000U, 0x20_1000U, 0x20_0FFFU, 0x20_0020U, "bss_end_addr")]
    [InlineData(0x20_0010U, 0x20_0000U, 0x20_1000U, 0U, 0x20_1000U, "entry_addr")]
    [InlineData(0xFFFF_FF10U, 0xFFFF_FF00U, 0U, 0U, 0xFFFF_FF00U, "image")] // passes 4 GiB
    public void ReadMultiboot1_WrongAddresses_NamesTheField(uint header, uint load, uint loadEnd, uint end, uint entry, string field) =>
        Assert.Equal(field, Fail(MultibootBuilder.Raw(MultibootBuilder.Header1(OwnAddresses, header, load, loadEnd, end, entry))).Field);

    [Theory]
    [InlineData(4U, "video mode")]
    [InlineData(8U, "0x8")]
    [InlineData(0x8000U, "0x8000")]
    public void ReadMultiboot1_RequirementThatIsNotMet_SaysWhich(uint flags, string words)
    {
        BootImageException e = Fail(MultibootBuilder.Elf(MultibootBuilder.Header1(flags)));

        Assert.Equal("flags", e.Field);
        Assert.Contains(words, e.Found);
    }

    [Fact]
    public void ReadMultiboot1_OptionalFlagsUnknown_AreIgnored() => Read(MultibootBuilder.Elf(MultibootBuilder.Header1(0xFFFE_0003))).Dispose();

    [Fact]
    public void ReadMultiboot1_NoHeader_SaysWhereItWasLookedFor()
    {
        BootImageException e = Fail(new ElfBuilder { Segments = { new TestSegment(0x100_0000, new byte[0x8000]) } }.Build());

        Assert.Equal("multiboot header", e.Field);
        Assert.Contains("8192 bytes (an ELF file)", e.Found);
    }

    [Fact]
    public void ReadMultiboot1_ChecksumWrong_SaysTheRightOne()
    {
        byte[] header = MultibootBuilder.Header1(3);
        header[8]++;

        BootImageException e = Fail(MultibootBuilder.Elf(header));

        Assert.Equal("checksum", e.Field);
        Assert.Contains("0xE4524FFB", e.Expected);
    }

    [Fact]
    public void ReadMultiboot1_MagicElsewhereBeforeTheHeader_IsPassedOver()
    {
        byte[] decoy = [.. MultibootBuilder.Header1(3).AsSpan(0, 8), 1, 2, 3, 4];
        Read(MultibootBuilder.Elf([.. decoy, .. decoy, .. MultibootBuilder.Header1(3)])).Dispose();
    }

    [Fact]
    public void ReadMultiboot1_NoElfFileWithoutAddresses_IsAnError() =>
        Assert.Contains("no ELF file", Fail(MultibootBuilder.Raw(MultibootBuilder.Header1(3))).Found);

    [Fact]
    public void ReadMultiboot1_EmptyFile_IsAnError() => Assert.Equal("multiboot header", Fail([]).Field);

    [Fact]
    public void FindProblems_ModuleThatDoesNotFit_NamesIt()
    {
        using MultibootImage image = MultibootImage.ReadMultiboot1(
            BootFile.FromMemory(MultibootBuilder.Elf(MultibootBuilder.Header1(3))), new() { Modules = [new(BootFile.FromMemory(new byte[20 << 20], "big.bin"))] });

        Assert.StartsWith("Module big.bin needs 20 MiB", Assert.Single(image.FindProblems(LoadBench.Map(16))));
    }

    private static MultibootImage Read(byte[] file) => MultibootImage.ReadMultiboot1(BootFile.FromMemory(file));

    private static BootImageException Fail(byte[] file) => Assert.Throws<BootImageException>(() => Read(file));
}
