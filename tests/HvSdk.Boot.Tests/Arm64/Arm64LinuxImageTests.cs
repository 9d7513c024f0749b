namespace HvSdk.Boot.Tests.Arm64;

public sealed class Arm64LinuxImageTests
{
    private const ulong TwoMiB = 2 << 20;

    [Fact]
    public void Load_Kernel_IsEnteredWithTheTreeInX0()
    {
        byte[] kernel = new Arm64ImageBuilder().Build();
        byte[] initrd = [1, 2, 3, 4, 5];
        using var bench = new Arm64Bench();
        using Arm64LinuxImage image = Read(kernel, new LinuxBootOptions { CommandLine = "console=ttyAMA0", InitialRamDisk = BootFile.FromMemory(initrd) });
        Assert.Empty(image.FindProblems(bench.Machine));

        Arm64BootState state = bench.Load(image);

        Assert.Equal(Arm64Bench.Ram, state.Registers.Pc);
        Assert.Equal(Arm64Pstate.El1h | Arm64Pstate.AllMasked, state.Registers.Pstate);
        Assert.Equal((0UL, 0UL, 0UL), (state.Registers[1], state.Registers[2], state.Registers[3]));
        Assert.Equal(kernel, bench.Read(state.Registers.Pc, kernel.Length));
        ulong end = Arm64Bench.Ram + (64 << 20);
        ulong place = (end - (ulong)initrd.Length) & ~0xFFFUL; // as high as it goes
        Assert.Equal(initrd, bench.Read(place, initrd.Length));
        byte[] tree = bench.Tree(root => root.Add("chosen")
            .Set("bootargs", "console=ttyAMA0")
            .SetNumbers("linux,initrd-start", place)
            .SetNumbers("linux,initrd-end", place + (ulong)initrd.Length));
        Assert.Equal(0UL, state.Registers[0] % TwoMiB);
        Assert.True(state.Registers[0] >= Arm64Bench.Ram + 0x20_1000, "The tree lies within what the kernel clears.");
        Assert.Equal(tree, bench.Read(state.Registers[0], tree.Length));
    }

    [Fact]
    public void Load_TextOffset_IsBeyondTwoMegabytes()
    {
        using var bench = new Arm64Bench();
        using Arm64LinuxImage image = Read(new Arm64ImageBuilder { TextOffset = 0x8_0000, Flags = 2 }.Build());
        Assert.Equal(Arm64Bench.Ram + 0x8_0000, bench.Load(image).Registers.Pc);
    }

    [Fact]
    public void Load_Gzip_IsUnpackedInPlace()
    {
        byte[] kernel = new Arm64ImageBuilder { Length = 0x2_0003 }.Build();
        using var bench = new Arm64Bench();
        using Arm64LinuxImage image = Read(Arm64ImageBuilder.Pack(kernel));
        Arm64BootState state = bench.Load(image);
        Assert.Equal("Linux arm64 Image, gzip unpacked on the host", image.Format);
        Assert.Equal(kernel, bench.Read(state.Registers.Pc, kernel.Length));
    }

    [Fact]
    public void Load_Twice_GivesTheSame()
    {
        using var bench = new Arm64Bench();
        using Arm64LinuxImage image = Read(new Arm64ImageBuilder().Build());
        Assert.Equal(bench.Load(image), bench.Load(image));
        Assert.Null(bench.Machine.DeviceTree!.Root.Find("chosen"));
    }

    [Fact]
    public void FindProblems_TooLittleMemory_SaysHowMuchTheKernelNeeds()
    {
        using var bench = new Arm64Bench(2 << 20);
        using Arm64LinuxImage image = Read(new Arm64ImageBuilder().Build(), new LinuxBootOptions { CommandLine = new string('x', 3000) });
        IReadOnlyList<string> problems = image.FindProblems(bench.Machine);
        Assert.Contains(problems, static problem => problem.Contains("kernel needs 2052 KiB", StringComparison.Ordinal));
        Assert.Contains(problems, static problem => problem.Contains("3000 bytes", StringComparison.Ordinal) && problem.Contains("2047", StringComparison.Ordinal));
        Assert.Throws<InvalidOperationException>(() => bench.Load(image));
    }

    [Fact]
    public void FindProblems_MachineWithoutATree_SaysSo()
    {
        using var bench = new Arm64Bench();
        bench.Machine = bench.Machine with { DeviceTree = null };
        using Arm64LinuxImage image = Read(new Arm64ImageBuilder().Build());
        Assert.Contains("device tree", Assert.Single(image.FindProblems(bench.Machine)), StringComparison.Ordinal);
    }

    public static TheoryData<string, byte[], string, string> Damaged => new()
    {
        { "empty", [], "magic", "the file is empty" },
        { "cut in its header", new Arm64ImageBuilder().Build()[..59], "magic", "cut off" },
        { "no magic", new Arm64ImageBuilder { Magic = 1 }.Build(), "magic", "0x00000001" },
        { "size of old kernels", new Arm64ImageBuilder { ImageSize = 0 }.Build(), "image_size", "before Linux 3.17" },
        { "size beyond reason", new Arm64ImageBuilder { ImageSize = ulong.MaxValue }.Build(), "image_size", "0xFFFFFFFFFFFFFFFF" },
        { "offset of half a page", new Arm64ImageBuilder { TextOffset = 0x800 }.Build(), "text_offset", "0x800" },
        { "offset of two megabytes", new Arm64ImageBuilder { TextOffset = TwoMiB }.Build(), "text_offset", "0x200000" },
        { "big-endian", new Arm64ImageBuilder { Flags = 1 }.Build(), "flags", "big-endian" },
        { "gzip of something else", Arm64ImageBuilder.Pack(new byte[5000]), "magic", "0x00000000" },
        { "gzip of a few bytes", Arm64ImageBuilder.Pack(new byte[9]), "magic", "cut off" },
        { "gzip of more than the kernel says", Arm64ImageBuilder.Pack(new Arm64ImageBuilder { ImageSize = 0x1000 }.Build()), "unpacked size", "0x5000" },
        { "gzip without contents", [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0], "magic", "empty" },
        { "gzip of another method", [0x1F, 0x8B, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], "gzip stream", "" },
    };

    [Theory]
    [MemberData(nameof(Damaged))]
    public void Read_Damaged_NamesFieldAndFinding(string what, byte[] image, string field, string found)
    {
        BootImageException e = Assert.Throws<BootImageException>(() => Read(image));
        Assert.True(e.Field == field && e.Found.Contains(found, StringComparison.Ordinal), $"{what}: {e.Message}");
    }

    [Fact]
    public void Load_GzipWithAFlippedByte_IsDamaged()
    {
        byte[] packed = Arm64ImageBuilder.Pack(new Arm64ImageBuilder { Length = 0x2_0000 }.Build());
        packed[^7] ^= 1; // of its checksum
        using var bench = new Arm64Bench();
        using Arm64LinuxImage image = Read(packed);
        Assert.Equal("gzip stream", Assert.Throws<BootImageException>(() => bench.Load(image)).Field);
    }

    [Fact]
    public void Detect_ImageAndGzip_AreFoundAmongOthers()
    {
        byte[] kernel = new Arm64ImageBuilder().Build();
        Assert.Equal(BootImageFormat.Arm64Linux, BootImages.Detect(BootFile.FromMemory(kernel), BootImageFormat.LinuxBzImage, BootImageFormat.Arm64Linux));
        Assert.Equal(BootImageFormat.Arm64Linux, BootImages.Detect(BootFile.FromMemory(Arm64ImageBuilder.Pack(kernel)), BootImageFormat.Arm64Linux));
        Assert.Throws<BootImageException>(() => BootImages.Detect(BootFile.FromMemory(new byte[4096]), BootImageFormat.Arm64Linux));
    }

    [Fact]
    public void Read_UnpackingInGuest_IsRefused()
    {
        ArgumentException e = Assert.Throws<ArgumentException>(() => Read(new Arm64ImageBuilder().Build(), new LinuxBootOptions { Unpacking = KernelUnpacking.InGuest }));
        Assert.Contains("Auto", e.Message, StringComparison.Ordinal);
    }

    private static Arm64LinuxImage Read(byte[] image, LinuxBootOptions? options = null) => Arm64LinuxImage.Read(BootFile.FromMemory(image), options);
}
