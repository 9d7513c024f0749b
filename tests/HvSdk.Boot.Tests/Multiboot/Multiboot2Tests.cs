namespace HvSdk.Boot.Tests;

public class Multiboot2Tests
{
    private const ushort Optional = 1;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Load_ElfKernel_LoadsItsSegmentsAndEntersInProtectedMode(bool is64)
    {
        using var bench = new LoadBench();
        using MultibootImage image = Read(MultibootBuilder.Elf(MultibootBuilder.Header2(), is64));

        X64BootState state = bench.Load(image);

        Assert.Equal("Multiboot 2", image.Format);
        Assert.Equal(MultibootBuilder.Start + 0x10, state.Registers.Rip);
        Assert.Equal(0x36D7_6289UL, state.Registers.Rax);
        LinuxElfTests.AssertProtectedMode(state);
        Assert.Equal(LoadBench.Noise(0x1800), bench.Read(MultibootBuilder.Start, 0x1800));
    }

    [Fact]
    public void Load_WithModulesAndAcpi_TellsTheKernelEverything()
    {
        using var bench = new LoadBench();
        byte[] pointer = [.. "RSD PTR "u8, .. LoadBench.Noise(28)];
        pointer[15] = 2;
        bench.Machine = bench.Machine with { AcpiRootPointer = 0x9_F000 };
        bench.Memory.Write(0x9_F000, pointer);
        byte[] module = LoadBench.Noise(5000);
        using MultibootImage image = MultibootImage.ReadMultiboot2(BootFile.FromMemory(MultibootBuilder.Elf(MultibootBuilder.Header2())), new()
        {
            CommandLine = "root=/dev/x",
            Modules = [new(BootFile.FromMemory(module), "one a=b"), new(BootFile.FromMemory(module))],
        });

        (uint Type, byte[] Content)[] tags = ReadTags(bench, bench.Load(image).Registers.Rbx);

        Assert.Equal([1, 2, 3, 3, 4, 6, 14, 15, 21, 0], tags.Select(static tag => tag.Type));
        Assert.Equal("root=/dev/x\0"u8, tags[0].Content);
        Assert.Equal("HvSdk\0"u8, tags[1].Content);
        uint start = BitConverter.ToUInt32(tags[2].Content);
        Assert.Equal(0U, start % 4096);
        Assert.Equal(start + 5000, BitConverter.ToUInt32(tags[2].Content, 4));
        Assert.Equal("one a=b\0"u8, tags[2].Content.AsSpan(8));
        Assert.Equal(module, bench.Read(start, 5000));
        Assert.Equal(640U, BitConverter.ToUInt32(tags[4].Content));
        Assert.Equal(63U * 1024, BitConverter.ToUInt32(tags[4].Content, 4));
        Assert.Equal(24U, BitConverter.ToUInt32(tags[5].Content));
        Assert.Equal(8 + (3 * 24), tags[5].Content.Length);
        Assert.Equal(0x10_0000UL, BitConverter.ToUInt64(tags[5].Content, 8 + 48));
        Assert.Equal(1U, BitConverter.ToUInt32(tags[5].Content, 8 + 48 + 16));
        Assert.Equal(pointer[..20], tags[6].Content);
        Assert.Equal(pointer, tags[7].Content);
        Assert.Equal(MultibootBuilder.Start, BitConverter.ToUInt32(tags[8].Content));
    }

    [Fact]
    public void Load_KernelWithItsOwnAddresses_LoadsThatPartOfTheFile()
    {
        using var bench = new LoadBench();
        byte[] file = MultibootBuilder.Raw(MultibootBuilder.Header2(
            MultibootBuilder.Tag(2, 0, 0x20_0010, 0x20_0000, 0x20_1800, 0x20_2000), MultibootBuilder.Tag(3, 0, 0x20_0080)));

        Assert.Equal(0x20_0080UL, bench.Load(Read(file)).Registers.Rip);
        Assert.Equal(file[..0x1800], bench.Read(0x20_0000, 0x1800));
    }

    [Fact]
    public void Load_LoadAddressOfAllOnes_LoadsFromTheFilesStart()
    {
        using var bench = new LoadBench();
        byte[] file = MultibootBuilder.Raw(MultibootBuilder.Header2(
            MultibootBuilder.Tag(2, 0, 0x20_0010, uint.MaxValue, 0, 0), MultibootBuilder.Tag(3, 0, 0x20_0080)));

        bench.Load(Read(file));

        Assert.Equal(file, bench.Read(0x20_0000, file.Length));
    }

    [Theory]
    [InlineData(0U, MultibootBuilder.Start)] // no preference: where it was linked to
    [InlineData(1U, 0x10_0000U)]
    [InlineData(2U, 0xF0_0000U)] // of 5 pages below 16 MiB, at a multiple of 1 MiB
    public void Load_RelocatableKernel_GoesWhereItPrefers(uint preference, uint expected)
    {
        using var bench = new LoadBench();
        using MultibootImage image = Read(MultibootBuilder.Elf(MultibootBuilder.Header2(MultibootBuilder.Tag(10, 0, 0x10_0000, 0xFF_FFFF, 0x10_0000, preference))));

        X64BootState state = bench.Load(image);

        Assert.Equal(expected + 0x10, state.Registers.Rip);
        Assert.Equal(LoadBench.Noise(0x1800), bench.Read(expected, 0x1800));
        Assert.Equal(LoadBench.Noise(0x800, 2), bench.Read(expected + 0x2000, 0x800));
        Assert.Equal(expected, BitConverter.ToUInt32(ReadTags(bench, state.Registers.Rbx).Single(static tag => tag.Type == 21).Content));
    }

    [Fact]
    public void Load_RelocatableKernelWhoseAddressIsTaken_Moves()
    {
        using var bench = new LoadBench(BzImageTests.WithHole(MultibootBuilder.Start, 0x1000));
        using MultibootImage image = Read(MultibootBuilder.Elf(MultibootBuilder.Header2(MultibootBuilder.Tag(10, 0, 0x20_0000, 0xFF_FFFF, 0x1000, 0))));

        Assert.Equal(MultibootBuilder.Start + 0x1010, bench.Load(image).Registers.Rip);
    }

    [Fact]
    public void FindProblems_RelocatableKernelBetweenLimitsWithoutRam_SaysSo()
    {
        using MultibootImage image = Read(MultibootBuilder.Elf(MultibootBuilder.Header2(MultibootBuilder.Tag(10, 0, 0xC000_0000, 0xCFFF_FFFF, 0x1000, 1))));

        Assert.Contains("between 0xC0000000 and 0xD0000000", Assert.Single(image.FindProblems(LoadBench.Map(64))));
    }

    public static TheoryData<string, byte[], string> Refused => new()
    {
        { "flags", MultibootBuilder.Tag(5, 0, 1024, 768, 32), "a framebuffer" },
        { "console", MultibootBuilder.Tag(4, 0, 1), "requires a console" },
        { "unknown tag", MultibootBuilder.Tag(11, 0), "11" },
        { "unknown request", MultibootBuilder.Tag(1, 0, 1, 22), "22" },
        { "ELF sections", MultibootBuilder.Tag(1, 0, 9), "9, the ELF sections" },
        { "alignment", MultibootBuilder.Tag(10, 0, 0, uint.MaxValue, 0x3000, 0), "0x3000" },
        { "short tag", MultibootBuilder.Tag(10, 0, 0), "0xC" },
        { "addresses without entry", MultibootBuilder.Tag(2, 0, 0x20_0010, 0x20_0000, 0, 0), "type 2" },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void ReadMultiboot2_RequirementThatIsNotMet_SaysWhich(string what, byte[] tag, string found)
    {
        BootImageException e = Assert.Throws<BootImageException>(() => Read(MultibootBuilder.Raw(MultibootBuilder.Header2(tag))));

        Assert.True(e.Found.Contains(found, StringComparison.Ordinal), $"{what}: {e.Message}");
    }

    [Fact]
    public void ReadMultiboot2_OptionalTagsThatAreNotMet_AreIgnored() =>
        Read(MultibootBuilder.Elf(MultibootBuilder.Header2(
            MultibootBuilder.Tag(5, Optional, 1024, 768, 32),
            MultibootBuilder.Tag(4, Optional, 1),
            MultibootBuilder.Tag(1, Optional, 9, 99),
            MultibootBuilder.Tag(77, Optional, 1),
            MultibootBuilder.Tag(6, 0),
            MultibootBuilder.Tag(7, 0),
            MultibootBuilder.Tag(9, 0, 0x20_0000)))).Dispose();

    [Fact]
    public void ReadMultiboot2_HeaderForMips_SaysSo() =>
        Assert.Equal("4 (MIPS)", Assert.Throws<BootImageException>(() => Read(MultibootBuilder.Elf(MultibootBuilder.Header2For(4)))).Found);

    [Fact]
    public void ReadMultiboot2_HeaderWithoutEndTag_SaysSo()
    {
        byte[] tag = MultibootBuilder.Tag(6, 0);
        byte[] header = [.. MultibootBuilder.Words([0xE852_50D6, 0, 24, unchecked(0U - 0xE852_50D6 - 24)]), .. tag];

        Assert.Equal("the end of the header", Assert.Throws<BootImageException>(() => Read(MultibootBuilder.Elf(header))).Found);
    }

    [Fact]
    public void ReadMultiboot2_MultibootOneKernel_SaysThatThereIsNoHeader() =>
        Assert.Equal("multiboot 2 header", Assert.Throws<BootImageException>(() => Read(MultibootBuilder.Elf(MultibootBuilder.Header1(3)))).Field);

    private static (uint Type, byte[] Content)[] ReadTags(LoadBench bench, ulong at)
    {
        var tags = new List<(uint, byte[])>();
        uint total = bench.Memory.Read<uint>(at);
        uint offset = 8;
        while (offset < total)
        {
            uint size = bench.Memory.Read<uint>(at + offset + 4);
            tags.Add((bench.Memory.Read<uint>(at + offset), bench.Read(at + offset + 8, (int)size - 8)));
            offset += (size + 7) & ~7U;
        }

        Assert.Equal(total, offset);
        return [.. tags];
    }

    private static MultibootImage Read(byte[] file) => MultibootImage.ReadMultiboot2(BootFile.FromMemory(file));
}
