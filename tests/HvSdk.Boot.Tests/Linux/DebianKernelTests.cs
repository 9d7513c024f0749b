using System.Diagnostics;
using System.Text;

namespace HvSdk.Boot.Tests;

public class DebianKernelTests
{
    [Theory]
    [InlineData(DebianKernel.Cloud, KernelUnpacking.OnHost)]
    [InlineData(DebianKernel.Cloud, KernelUnpacking.InGuest)]
    [InlineData(DebianKernel.Standard, KernelUnpacking.Auto)]
    public void Load_DebianKernel_IsInMemoryWhole(string package, KernelUnpacking unpacking)
    {
        string path = DebianKernel.Find(package);
        using var bench = new LoadBench(256);
        using LinuxImage image = LinuxImage.ReadBzImage(BootFile.Open(path), new() { Unpacking = unpacking, CommandLine = "console=ttyS0" });
        Assert.Empty(image.FindProblems(bench.Machine));

        long start = Stopwatch.GetTimestamp();
        X64BootState state = bench.Load(image);
        TestContext.Current.TestOutputHelper?.WriteLine($"{image.Format}: {Stopwatch.GetElapsedTime(start).TotalMilliseconds:F0} ms");

        bool unpacked = image.Format.Contains("host");
        Assert.Equal(unpacked ? 0x100_0000UL : 0x100_0200UL, state.Registers.Rip);
        if (unpacked)
        {
            string version = Path.GetFileName(path)["vmlinuz-".Length..];
            Assert.True(bench.Read(0x100_0000, 64 << 20).AsSpan().IndexOf(Encoding.ASCII.GetBytes($"Linux version {version} (")) >= 0);
        }
        else
        {
            ReadOnlySpan<byte> file = File.ReadAllBytes(path);
            file = file.Slice((file[0x1F1] + 1) * 512, BitConverter.ToInt32(file[0x1F4..]) * 16);
            Assert.True(file.SequenceEqual(bench.Read(0x100_0000, file.Length)));
        }
    }

    [Fact]
    public void ReadElf_UnpackedDebianKernel_HasBothEntries()
    {
        // The guest's memory is the kernel's own file by now; a file is made of it again, with the headers that were in the payload.
        byte[] bzImage = File.ReadAllBytes(DebianKernel.Find(DebianKernel.Cloud));
        byte[] vmlinux = Unpack(bzImage);
        using var bench = new LoadBench(256);
        using LinuxImage bits64 = LinuxImage.ReadElf(BootFile.FromMemory(vmlinux), LinuxElfEntry.Bits64);
        using LinuxImage pvh = LinuxImage.ReadElf(BootFile.FromMemory(vmlinux), LinuxElfEntry.Pvh);
        using LinuxImage packed = LinuxImage.ReadBzImage(BootFile.FromMemory(bzImage), new() { Unpacking = KernelUnpacking.OnHost });

        Assert.Equal(0x100_0000UL, bench.Load(bits64).Registers.Rip);
        byte[] fromElf = bench.Read(0x100_0000, 64 << 20);
        using var other = new LoadBench(256);
        other.Load(packed);
        Assert.True(fromElf.AsSpan().SequenceEqual(other.Read(0x100_0000, 64 << 20)), "the kernel unpacked by the loader differs from the file");
        Assert.InRange(bench.Load(pvh).Registers.Rip, 0x100_0000UL, 0x800_0000UL);
    }

    /// <summary>Unpacks a kernel as simply as can be: block by block, into one array.</summary>
    private static byte[] Unpack(byte[] bzImage)
    {
        int payload = ((bzImage[0x1F1] + 1) * 512) + BitConverter.ToInt32(bzImage, 0x248);
        int end = payload + BitConverter.ToInt32(bzImage, 0x24C) - 4;
        byte[] vmlinux = new byte[BitConverter.ToInt32(bzImage, end)];
        int done = 0;
        for (int at = payload + 4; at < end;)
        {
            int size = BitConverter.ToInt32(bzImage, at);
            Assert.Equal(Lz4Status.Done, Lz4Block.Decode(bzImage.AsSpan(at + 4, size), vmlinux.AsSpan(done), out _, out int written));
            done += written;
            at += 4 + size;
        }

        Assert.Equal(vmlinux.Length, done);
        return vmlinux;
    }
}
