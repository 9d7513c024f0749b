using System.Buffers.Binary;

namespace HvSdk.Boot.Tests;

public class KernelUnpackingTests
{
    private static readonly LinuxBootOptions s_onHost = new() { Unpacking = KernelUnpacking.OnHost };

    public static TheoryData<string> Compressions => ["LZ4", "gzip"];

    [Theory]
    [MemberData(nameof(Compressions))]
    public void Load_PackedKernel_PutsItsSegmentsToTheirPlacesAndEntersIt(string compression)
    {
        using var bench = new LoadBench();
        bench.Dirty(0x100_0000, 0x60_0000);
        ElfBuilder elf = ElfBuilder.Kernel();
        using LinuxImage image = LinuxImage.ReadBzImage(BootFile.FromMemory(Image(elf.Build(), compression)), s_onHost with { CommandLine = "quiet" });

        X64BootState state = bench.Load(image);

        Assert.Equal($"Linux bzImage, protocol 2.15, {compression} unpacked on the host", image.Format);
        Assert.Equal(0x100_0000UL, state.Registers.Rip);
        AssertSegments(bench, elf);
        BzImageTests.AssertLongMode(bench, state);
        Assert.Equal("quiet", bench.ReadText(bench.Memory.Read<uint>(state.Registers.Rsi + 0x228)));
    }

    [Theory]
    [MemberData(nameof(Compressions))]
    public void Load_KernelOfManyBlocks_PutsEachBlockWhereItGoes(string compression)
    {
        // Blocks of 8 MiB of the file: within a segment, over the border of two, and with a hole between.
        using var bench = new LoadBench(96);
        var elf = new ElfBuilder
        {
            Segments =
            {
                new TestSegment(0x100_0000, Repetitive(21 << 20)),
                new TestSegment(0x300_0000, Repetitive((6 << 20) + 123)) { MemorySize = 9 << 20 },
                new TestSegment(0x400_0000, Repetitive(77)),
            },
            Prefix = Repetitive(300_000),
        };
        using LinuxImage image = LinuxImage.ReadBzImage(BootFile.FromMemory(Image(elf.Build(), compression, initSize: 64 << 20)), s_onHost);

        bench.Load(image);

        AssertSegments(bench, elf);
    }

    [Theory]
    [InlineData("xz", 0xFD, 0x37, 0x7A, 0x58)]
    [InlineData("zstd", 0x28, 0xB5, 0x2F, 0xFD)]
    [InlineData("LZMA", 0x5D, 0x00, 0x00, 0x80)]
    [InlineData("bzip2", 0x42, 0x5A, 0x68, 0x39)]
    [InlineData("LZO", 0x89, 0x4C, 0x5A, 0x4F)]
    [InlineData("unknown, it starts with 0x04030201", 1, 2, 3, 4)]
    public void ReadBzImage_OtherCompression_IsForTheGuestOrAnError(string name, params int[] magic)
    {
        byte[] file = new BzImageBuilder { Payload = [.. magic.Select(static b => (byte)b), .. new byte[100]] }.Build();
        using var bench = new LoadBench();
        using LinuxImage image = LinuxImage.ReadBzImage(BootFile.FromMemory(file));

        Assert.Equal(0x100_0200UL, bench.Load(image).Registers.Rip);
        BootImageException e = Assert.Throws<BootImageException>(() => LinuxImage.ReadBzImage(BootFile.FromMemory(file), s_onHost));
        Assert.Equal("payload compression", e.Field);
        Assert.Equal(name, e.Found);
        Assert.Contains("gzip or LZ4", e.Expected);
    }

    [Fact]
    public void Load_AutoWhereTheLinkAddressIsReserved_LetsTheGuestUnpack()
    {
        byte[] file = Image(ElfBuilder.Kernel().Build(), "LZ4");
        BootMachine machine = BzImageTests.WithHole(0x100_0000, 0x1000);
        using var bench = new LoadBench(machine);
        using LinuxImage auto = LinuxImage.ReadBzImage(BootFile.FromMemory(file));
        using LinuxImage onHost = LinuxImage.ReadBzImage(BootFile.FromMemory(file), s_onHost);

        Assert.Equal(0x120_0200UL, bench.Load(auto).Registers.Rip);
        Assert.Contains("The kernel's segment 0 goes to 0x1000000", Assert.Single(onHost.FindProblems(machine)));
    }

    [Theory]
    [MemberData(nameof(Compressions))]
    public void ReadBzImage_UnpackedSizeAboveInitSize_IsAnError(string compression)
    {
        byte[] file = Image(ElfBuilder.Kernel().Build(), compression, initSize: 0x4000);

        BootImageException e = Assert.Throws<BootImageException>(() => LinuxImage.ReadBzImage(BootFile.FromMemory(file), s_onHost));

        Assert.Equal("payload's unpacked size", e.Field);
        Assert.Contains("init_size, 0x4000", e.Expected);
    }

    [Theory]
    [MemberData(nameof(Compressions))]
    public void Load_PayloadThatUnpacksToMoreThanItSays_StopsThere(string compression)
    {
        // 200 MiB of zeros behind a kernel, in a payload that says 64 KiB.
        byte[] elf = [.. ElfBuilder.Kernel().Build(), .. new byte[200 << 20]];
        byte[] payload = Pack(elf, compression);
        BinaryPrimitives.WriteUInt32LittleEndian(payload.AsSpan(payload.Length - 4), 0x1_0000);
        using var bench = new LoadBench();
        using LinuxImage image = LinuxImage.ReadBzImage(BootFile.FromMemory(new BzImageBuilder { Payload = payload }.Build()), s_onHost);

        long before = GC.GetAllocatedBytesForCurrentThread();
        BootImageException e = Assert.Throws<BootImageException>(() => bench.Load(image));

        Assert.Contains("unpacked bytes", e.Message);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20);
    }

    [Theory]
    [MemberData(nameof(Compressions))]
    public void Load_PayloadThatUnpacksToLessThanItSays_SaysWhere(string compression)
    {
        byte[] payload = Pack(ElfBuilder.Kernel().Build(), compression);
        uint size = BinaryPrimitives.ReadUInt32LittleEndian(payload.AsSpan(payload.Length - 4));
        BinaryPrimitives.WriteUInt32LittleEndian(payload.AsSpan(payload.Length - 4), size + 1);
        using var bench = new LoadBench();
        using LinuxImage image = LinuxImage.ReadBzImage(BootFile.FromMemory(new BzImageBuilder { Payload = payload }.Build()), s_onHost);

        BootImageException e = Assert.Throws<BootImageException>(() => bench.Load(image));

        Assert.Contains(compression, e.Field);
    }

    [Theory]
    [MemberData(nameof(Compressions))]
    public void Load_PayloadCutAnywhere_IsAnErrorAndNothingElse(string compression)
    {
        byte[] elf = ElfBuilder.Kernel(0x900, 0x300).Build();
        byte[] payload = Pack(elf, compression);
        using var bench = new LoadBench();
        for (int length = 0; length < payload.Length - 4; length++)
        {
            byte[] cut = [.. payload.AsSpan(0, length), .. payload.AsSpan(payload.Length - 4)];
            byte[] file = new BzImageBuilder { Payload = cut }.Build();
            try
            {
                using LinuxImage image = LinuxImage.ReadBzImage(BootFile.FromMemory(file), s_onHost);
                bench.Load(image);
                Assert.Fail($"A payload of {length} bytes of {payload.Length} was taken for a good one.");
            }
            catch (BootImageException)
            {
            }
        }
    }

    [Fact]
    public void ReadBzImage_PayloadForAnotherMachine_SaysWhich()
    {
        byte[] arm = new ElfBuilder { Machine = 183, Segments = { new TestSegment(0x100_0000, new byte[100]) } }.Build();

        BootImageException e = Assert.Throws<BootImageException>(() => LinuxImage.ReadBzImage(BootFile.FromMemory(Image(arm, "LZ4"), "vmlinuz"), s_onHost));

        Assert.Equal("vmlinuz (unpacked)", e.Image);
        Assert.Equal("183 (arm64)", e.Found);
    }

    [Fact]
    public void ReadBzImage_SegmentsThatShareBytesOfTheFile_AreForTheGuest()
    {
        var elf = new ElfBuilder
        {
            Segments =
            {
                new TestSegment(0x100_0000, LoadBench.Noise(0x2000)),
                new TestSegment(0x200_0000, []) { FileOffset = 0x1800, FileSize = 0x400, MemorySize = 0x400 },
            },
        };
        byte[] file = Image(elf.Build(), "LZ4");
        using LinuxImage image = LinuxImage.ReadBzImage(BootFile.FromMemory(file));

        Assert.DoesNotContain("host", image.Format);
        Assert.Contains("share", Assert.Throws<BootImageException>(() => LinuxImage.ReadBzImage(BootFile.FromMemory(file), s_onHost)).Found);
    }

    private static byte[] Image(byte[] elf, string compression, uint initSize = 0x80_0000) =>
        new BzImageBuilder { Payload = Pack(elf, compression), InitSize = initSize }.Build();

    private static byte[] Pack(byte[] elf, string compression) => compression == "gzip" ? BzImageBuilder.Gzip(elf) : Lz4Packer.KernelPayload(elf);

    private static byte[] Repetitive(int length)
    {
        byte[] bytes = LoadBench.Noise(length, length);
        for (int i = 0; i + 20_000 <= length; i += 20_000)
        {
            Array.Clear(bytes, i, 15_000);
        }

        return bytes;
    }

    private static void AssertSegments(LoadBench bench, ElfBuilder elf)
    {
        foreach (TestSegment segment in elf.Segments.Where(static s => s.Type == 1))
        {
            byte[] memory = bench.Read(segment.Address, (int)(segment.MemorySize ?? (ulong)segment.Content.Length));
            Assert.True(memory.AsSpan(0, segment.Content.Length).SequenceEqual(segment.Content), $"content at 0x{segment.Address:X}");
            Assert.Equal(-1, memory.AsSpan(segment.Content.Length).IndexOfAnyExcept((byte)0));
        }
    }
}
