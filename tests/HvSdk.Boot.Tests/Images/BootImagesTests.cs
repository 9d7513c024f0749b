namespace HvSdk.Boot.Tests;

public class BootImagesTests
{
    private static readonly BootImageFormat[] s_all = Enum.GetValues<BootImageFormat>();

    public static TheoryData<BootImageFormat, byte[]> Images => new()
    {
        { BootImageFormat.LinuxBzImage, new BzImageBuilder().Build() },
        { BootImageFormat.Pvh, ElfBuilder.Kernel().Build() },
        { BootImageFormat.LinuxElf, new ElfBuilder { Segments = { new TestSegment(0x100_0000, new byte[100]) } }.Build() },
        { BootImageFormat.Multiboot1, MultibootBuilder.Elf(MultibootBuilder.Header1(3)) },
        { BootImageFormat.Multiboot2, MultibootBuilder.Elf(MultibootBuilder.Header2()) },
    };

    [Theory]
    [MemberData(nameof(Images))]
    public void Detect_AmongAllFormats_FindsIt(BootImageFormat format, byte[] image) =>
        Assert.Equal(format, BootImages.Detect(BootFile.FromMemory(image), s_all));

    [Fact]
    public void Detect_FormatThatWasNotNamed_IsNotFound()
    {
        BootImageException e = Assert.Throws<BootImageException>(() =>
            BootImages.Detect(BootFile.FromMemory(new BzImageBuilder().Build(), "vmlinuz"), BootImageFormat.Multiboot1, BootImageFormat.Pvh));

        Assert.Equal("vmlinuz", e.Image);
        Assert.Contains("Multiboot1: multiboot header at offset 0x0 is not in the first", e.Found);
        Assert.Contains("Pvh: e_ident magic at offset 0x0 is", e.Found);
        Assert.Equal("Multiboot1 or Pvh", e.Expected);
    }

    [Fact]
    public void Detect_WithoutFormats_IsTheCallersMistake() =>
        Assert.Throws<ArgumentException>(() => BootImages.Detect(BootFile.FromMemory(new byte[100])));

    [Fact]
    public void Detect_EmptyFile_IsNone() => Assert.Throws<BootImageException>(() => BootImages.Detect(BootFile.FromMemory(default), s_all));
}
