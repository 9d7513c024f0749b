using HvSdk.Boot.Tests.Arm64;

namespace HvSdk.Boot.Tests;

/// <summary>Each format against images that are cut at every length and changed at random: an error or a loaded image, and nothing else.</summary>
public class DamagedImageTests
{
    // What loading may allocate at most: two blocks of LZ4, and then some.
    private const long MaxAllocation = 20 << 20;

    private static readonly LinuxBootOptions s_inGuest = new() { Unpacking = KernelUnpacking.InGuest };

    private static readonly Dictionary<string, (byte[] Image, Func<BootFile, BootImage> Read)> s_formats = new()
    {
        ["bzImage"] = (new BzImageBuilder().Build(), static file => LinuxImage.ReadBzImage(file, s_inGuest)),
        ["bzImage, LZ4"] = (
            new BzImageBuilder { Payload = Lz4Packer.KernelPayload(Kernel()) }.Build(), static file => LinuxImage.ReadBzImage(file)),
        ["bzImage, gzip"] = (
            new BzImageBuilder { Payload = BzImageBuilder.Gzip(Kernel()) }.Build(), static file => LinuxImage.ReadBzImage(file)),
        ["ELF"] = (Kernel(), static file => LinuxImage.ReadElf(file, LinuxElfEntry.Bits64)),
        ["PVH"] = (Kernel(), static file => LinuxImage.ReadElf(file, LinuxElfEntry.Pvh)),
        ["multiboot 1"] = (MultibootBuilder.Elf(MultibootBuilder.Header1(3)), static file => MultibootImage.ReadMultiboot1(file)),
        ["multiboot 1, own addresses"] = (
            MultibootBuilder.Raw(MultibootBuilder.Header1(1 << 16, 0x20_0010, 0x20_0000, 0x20_1800, 0x20_2000, 0x20_0040)),
            static file => MultibootImage.ReadMultiboot1(file)),
        ["multiboot 2"] = (
            MultibootBuilder.Elf(MultibootBuilder.Header2(
                MultibootBuilder.Tag(1, 0, 1, 3), MultibootBuilder.Tag(10, 0, 0x20_0000, 0x80_0000, 0x1000, 0), MultibootBuilder.Tag(3, 0, 0x20_0010))),
            static file => MultibootImage.ReadMultiboot2(file)),
        ["multiboot 2, own addresses"] = (
            MultibootBuilder.Raw(MultibootBuilder.Header2(
                MultibootBuilder.Tag(2, 0, 0x20_0010, 0x20_0000, 0x20_1800, 0x20_2000), MultibootBuilder.Tag(3, 0, 0x20_0080))),
            static file => MultibootImage.ReadMultiboot2(file)),
        ["arm64 Image"] = (new Arm64ImageBuilder { Length = 0x800 }.Build(), static file => Arm64LinuxImage.Read(file)),
        ["arm64 Image, gzip"] = (Arm64ImageBuilder.Pack(new Arm64ImageBuilder { Length = 0x800 }.Build()), static file => Arm64LinuxImage.Read(file)),
        ["firmware"] = (LoadBench.Noise(0x1000), static file => FirmwareImage.Read(file)),
        ["flat"] = (LoadBench.Noise(0x1000), static file => FlatImage.Read(file, new() { Mode = FlatImageMode.Long, LoadAddress = 0x20_0000 })),
    };

    public static TheoryData<string> Formats => [.. s_formats.Keys];

    [Theory]
    [MemberData(nameof(Formats))]
    public void Load_ImageCutAtEveryLength_IsAnErrorOrFits(string format)
    {
        (byte[] image, Func<BootFile, BootImage> read) = s_formats[format];
        using LoadBench bench = Bench();
        for (int length = 0; length < image.Length; length++)
        {
            bool loaded = Try(bench, image[..length], read, $"cut to {length} of {image.Length} bytes");
            Assert.False(loaded && format.StartsWith("bzImage", StringComparison.Ordinal), $"{format} cut to {length} bytes was loaded");
        }
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Load_ImageChangedAtRandom_IsAnErrorOrFits(string format)
    {
        (byte[] image, Func<BootFile, BootImage> read) = s_formats[format];
        using LoadBench bench = Bench();
        var random = new Random(20_26);
        int[] interesting = InterestingPlaces(image);
        for (int i = 0; i < 3000; i++)
        {
            byte[] changed = (byte[])image.Clone();
            int changes = random.Next(1, 4);
            for (int j = 0; j < changes; j++)
            {
                // Most of an image is content, whose change nobody notices: three of four changes go to what looks like a header.
                int at = random.Next(4) == 0 ? random.Next(changed.Length) : interesting[random.Next(interesting.Length)];
                Change(changed, at, random);
            }

            Try(bench, changed, read, $"change {i}");
        }
    }

    private static byte[] Kernel() => ElfBuilder.Kernel(0x600, 0x300).Build();

    private static LoadBench Bench()
    {
        var bench = new LoadBench(32);
        bench.Memory.Map(0xC_0000, 0x4_0000);
        bench.Memory.Map(0xFF00_0000, 0x100_0000);
        return bench;
    }

    // The first bytes, with the headers of all formats, and where the protected-mode code of a small bzImage starts, and in it the payload.
    private static int[] InterestingPlaces(byte[] image) =>
        [.. Enumerable.Range(0, int.Min(image.Length, 0x300)), .. Enumerable.Range(0x800, int.Min(int.Max(image.Length - 0x800, 0), 0x500))];

    private static void Change(byte[] image, int at, Random random)
    {
        switch (random.Next(5))
        {
            case 0:
                image[at] = (byte)random.Next();
                break;
            case 1:
                image[at] ^= (byte)(1 << random.Next(8));
                break;
            case 2:
                image.AsSpan(at, int.Min(4, image.Length - at)).Fill(0xFF);
                break;
            case 3:
                image.AsSpan(at, int.Min(8, image.Length - at)).Fill((byte)random.Next(2));
                break;
            default:
                image.AsSpan(at, int.Min(random.Next(1, 9), image.Length - at)).Fill((byte)random.Next());
                break;
        }
    }

    private static bool Try(LoadBench bench, byte[] image, Func<BootFile, BootImage> read, string what)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        bool loaded = false;
        try
        {
            using BootImage boot = read(BootFile.FromMemory(image));
            if (boot.FindProblems(bench.Machine).Count == 0)
            {
                boot.Load(bench.Machine, bench.Memory);
                loaded = true;
            }
            else
            {
                Assert.Throws<InvalidOperationException>(() => boot.Load(bench.Machine, bench.Memory));
            }
        }
        catch (BootImageException e)
        {
            Assert.NotEmpty(e.Field);
            Assert.NotEmpty(e.Found);
            Assert.NotEmpty(e.Expected);
        }
        catch (Exception e) when (e is not Xunit.Sdk.XunitException)
        {
            Assert.Fail($"{what}: {e}");
        }

        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < MaxAllocation, $"{what} allocated {GC.GetAllocatedBytesForCurrentThread() - before} bytes");
        return loaded;
    }
}
