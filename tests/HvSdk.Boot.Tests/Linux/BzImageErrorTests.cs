using System.Buffers.Binary;

namespace HvSdk.Boot.Tests;

public class BzImageErrorTests
{
    [Theory]
    [InlineData(0x1FE, 2, 0x1234, "boot_flag", "0x1234", "0xAA55")]
    [InlineData(0x202, 4, 0x1234, "header", "0x00001234", "HdrS")]
    [InlineData(0x206, 2, 0x020B, "version", "2.11", "2.12 or later")]
    [InlineData(0x211, 1, 0x00, "loadflags", "a zImage", "LOADED_HIGH")]
    [InlineData(0x236, 2, 0x3E, "xloadflags", "a 32-bit kernel", "XLF_KERNEL_64")]
    [InlineData(0x1F4, 4, 0x10, "syssize", "0x10", "more than 0x20")]
    [InlineData(0x1F4, 4, 0xFFFF_FFFF, "syssize", "0xFFFFFFFF paragraphs", "no more than the file has")]
    [InlineData(0x230, 4, 0, "kernel_alignment", "0x0", "a power of two")]
    [InlineData(0x230, 4, 0x30_0000, "kernel_alignment", "0x300000", "a power of two")]
    [InlineData(0x258, 8, 0, "pref_address", "0x0", "1 MiB to 4 GiB")]
    [InlineData(0x258, 8, 0xFFFF_FFFF_FFFF_F000, "pref_address", "0xFFFFFFFFFFFFF000", "1 MiB to 4 GiB")]
    [InlineData(0x260, 4, 0, "init_size", "0x0", "size")]
    [InlineData(0x248, 4, 0xFFFF_FFFF, "payload_offset", "0xFFFFFFFF", "the size of the protected-mode code")]
    [InlineData(0x24C, 4, 0xFFFF_FFFF, "payload_length", "0xFFFFFFFF", "ends there")]
    [InlineData(0x201, 1, 0x10, "jump", "up to 0x212", "0x264")]
    public void ReadBzImage_WrongField_NamesItWithOffsetFoundAndExpected(int offset, int size, ulong value, string field, string found, string expected)
    {
        byte[] file = new BzImageBuilder().Build();
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        bytes[..size].CopyTo(file.AsSpan(offset));

        BootImageException e = Fail(file);

        Assert.Equal("test.bz", e.Image);
        Assert.Equal(field, e.Field);
        Assert.Equal(offset, e.Offset);
        Assert.Contains(found, e.Found);
        Assert.Contains(expected, e.Expected);
        Assert.Equal($"test.bz: {e.Field} at offset 0x{e.Offset:X} is {e.Found}; expected {e.Expected}.", e.Message);
    }

    [Fact]
    public void ReadBzImage_EmptyFile_SaysSo()
    {
        BootImageException e = Fail([]);

        Assert.Equal("boot_flag", e.Field);
        Assert.Equal("missing: the file is empty", e.Found);
    }

    [Fact]
    public void ReadBzImage_KernelsOfOtherKinds_SaysWhatTheyLookLike()
    {
        byte[] elf = ElfBuilder.Kernel().Build();
        byte[] arm = new byte[4096];
        "ARM\x64"u8.CopyTo(arm.AsSpan(0x38));

        Assert.Contains("an ELF file", Fail(elf).Found);
        Assert.Contains("a kernel for arm64", Fail(arm).Found);
    }

    [Fact]
    public void ReadBzImage_FileCutAnywhere_NamesAField()
    {
        byte[] file = new BzImageBuilder { Payload = Lz4Packer.KernelPayload(ElfBuilder.Kernel().Build()) }.Build();
        for (int length = 0; length < file.Length; length++)
        {
            BootImageException e = Fail(file[..length]);

            Assert.True(e.Field is "boot_flag" or "header" or "syssize" or "version" or "loadflags" or "xloadflags", e.Message);
        }
    }

    [Fact]
    public void ReadBzImage_EmptyInitialRamDisk_NamesIt()
    {
        var options = new LinuxBootOptions { InitialRamDisk = BootFile.FromMemory(default, "initrd.img") };

        BootImageException e = Assert.Throws<BootImageException>(() => LinuxImage.ReadBzImage(BootFile.FromMemory(new BzImageBuilder().Build()), options));

        Assert.Equal("initrd.img", e.Image);
        Assert.Contains("empty", e.Found);
    }

    [Fact]
    public void ReadBzImage_CommandLineWithAZero_IsTheCallersMistake() =>
        Assert.Throws<ArgumentException>(() => LinuxImage.ReadBzImage(BootFile.FromMemory(new BzImageBuilder().Build()), new() { CommandLine = "a\0b" }));

    [Fact]
    public void Load_FileThatBecameShorter_NamesWhereItEnds()
    {
        using var bench = new LoadBench();
        var file = new ShrinkingFile(new BzImageBuilder().Build());
        using LinuxImage image = LinuxImage.ReadBzImage(file);
        file.End = BzImageBuilder.CodeOffset + 0x100;

        BootImageException e = Assert.Throws<BootImageException>(() => bench.Load(image));

        Assert.Equal(BzImageBuilder.CodeOffset + 0x100, e.Offset);
        Assert.Contains("which it had before", e.Expected);
    }

    private sealed class ShrinkingFile(byte[] content) : BootFile("shrinking", content.Length)
    {
        internal int End { get; set; } = content.Length;

        public override int Read(long offset, Span<byte> destination)
        {
            ReadOnlySpan<byte> rest = content.AsSpan((int)long.Min(offset, End), End - (int)long.Min(offset, End));
            rest = rest[..int.Min(rest.Length, destination.Length)];
            rest.CopyTo(destination);
            return rest.Length;
        }
    }

    private static BootImageException Fail(byte[] file) =>
        Assert.Throws<BootImageException>(() => LinuxImage.ReadBzImage(BootFile.FromMemory(file, "test.bz")));
}
