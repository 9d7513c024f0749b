using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests.Block;

/// <summary>Raw images in files.</summary>
public sealed class FileStorageTests : IDisposable
{
    private const int Length = 1 << 20;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("hvsdk-block-");

    private string Image => Path.Combine(_folder.FullName, "disk.img");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Image_Written_HoldsTheBytesOnceFlushed()
    {
        byte[] data = BlockBench.Pattern(4096);
        using (FileStorage storage = FileStorage.Create(Image, Length))
        {
            using var bench = new BlockBench(storage);
            Assert.Equal(BlockBench.Ok, bench.Write(8, data));
            Assert.Equal(BlockBench.Ok, bench.Request(BlockBench.Flush, 0));
            Assert.Equal(data, bench.Read(8, 4096).Data);
            Assert.Equal(BlockBench.Ok, bench.Request(BlockBench.WriteZeroes, 0, BlockBench.Range(9, 1)));
        }

        data.AsSpan(512, 512).Clear();
        byte[] file = File.ReadAllBytes(Image);
        Assert.Equal(Length, file.Length);
        Assert.Equal(data, file[4096..8192]);
        Assert.All(file[..4096], static value => Assert.Equal(0, value));
    }

    [Theory]
    [InlineData(600)]
    [InlineData(4096)]
    [InlineData(40_000)]
    public void Data_InManyPieces_IsOnePieceInTheFile(int piece)
    {
        const int length = 600 * 512;
        byte[] data = BlockBench.Pattern(length);
        using FileStorage storage = FileStorage.Create(Image, Length);
        using var bench = new BlockBench(storage, new BlockDeviceOptions { QueueSize = 1024 });
        List<DriverBuffer> written = [bench.Bench.Readable(BlockBench.Header(BlockBench.Out, 3))];
        List<DriverBuffer> read = [bench.Bench.Readable(BlockBench.Header(BlockBench.In, 3))];
        for (int i = 0; i < length; i += piece)
        {
            int part = int.Min(piece, length - i);
            written.Add(bench.Bench.Readable(data.AsSpan(i, part)));
            read.Add(bench.Bench.Writable((uint)part));
        }

        foreach (List<DriverBuffer> request in (List<DriverBuffer>[])[written, read])
        {
            DriverBuffer status = bench.Bench.Writable(1);
            bench.Queue.Add([.. request, status]);
            bench.WorkUntilUsed();
            Assert.Equal(BlockBench.Ok, bench.Status(status.Address));
        }

        byte[] there = new byte[length];
        storage.Read(3 * 512, there);
        Assert.Equal(data, there);
        Assert.Equal(data, read.Skip(1).SelectMany(buffer => Bytes(bench, buffer)));
    }

    [Fact]
    public void Image_ReadOnly_IsReadBySeveralAndWrittenByNone()
    {
        File.WriteAllBytes(Image, BlockBench.Pattern(Length));
        using var first = new FileStorage(Image, isReadOnly: true);
        using var second = new FileStorage(Image, isReadOnly: true);
        using var bench = new BlockBench(first);

        Assert.True(bench.Device.IsReadOnly);
        Assert.Equal(BlockBench.Pattern(Length)[..512], bench.Read(0, 512).Data);
        Assert.Equal(BlockBench.IoError, bench.Write(0, new byte[512]));
        Assert.Equal(BlockBench.Ok, bench.Request(BlockBench.Flush, 0));
        Assert.Throws<UnauthorizedAccessException>(() => first.Write(0, new byte[512]));
        Assert.Throws<UnauthorizedAccessException>(() => first.SetLength(512));
        Assert.Throws<IOException>(() => new FileStorage(Image));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Image_InUse_IsRefused(bool isReadOnly)
    {
        using FileStorage storage = FileStorage.Create(Image, Length);

        IOException e = Assert.Throws<IOException>(() => new FileStorage(Image, isReadOnly));

        Assert.Contains("in use", e.Message, StringComparison.Ordinal);
        Assert.Contains(Image, e.Message, StringComparison.Ordinal);
        storage.Dispose();
        new FileStorage(Image, isReadOnly).Dispose();
    }

    [Fact]
    public void Image_Missing_IsNamed()
    {
        FileNotFoundException e = Assert.Throws<FileNotFoundException>(() => new FileStorage(Image));

        Assert.Equal(Image, e.FileName);
        Assert.Throws<FileNotFoundException>(() => new FileStorage(Path.Combine(Image, "none", "disk.img")));
        Assert.Throws<UnauthorizedAccessException>(() => new FileStorage(_folder.FullName));
        Assert.Throws<ArgumentException>(() => new FileStorage(""));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(511)]
    [InlineData(513)]
    public void Image_OfPartOfASector_IsRefusedAndLetGo(int length)
    {
        File.WriteAllBytes(Image, new byte[length]);

        ArgumentException e = Assert.Throws<ArgumentException>(() => new FileStorage(Image));

        Assert.Contains($"{length} bytes", e.Message, StringComparison.Ordinal);
        File.Delete(Image);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-512)]
    [InlineData(1000)]
    public void Length_OfNoDisk_IsRefused(long length)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => FileStorage.Create(Image, length));
        Assert.Throws<ArgumentOutOfRangeException>(() => new MemoryStorage(length));
        Assert.False(File.Exists(Image));
    }

    [Fact]
    public void Image_ThatExists_IsNotMadeAnew()
    {
        File.WriteAllBytes(Image, BlockBench.Pattern(512));

        Assert.Throws<IOException>(() => FileStorage.Create(Image, 512));

        Assert.Equal(BlockBench.Pattern(512), File.ReadAllBytes(Image));
    }

    [Fact]
    public void Image_ThatShrinks_GivesErrorsAndStaysShort()
    {
        if (!OperatingSystem.IsLinux())
        {
            Assert.Skip("Only Linux lets a file that is locked be cut off by those who do not look.");
        }

        using FileStorage storage = FileStorage.Create(Image, Length);
        using var bench = new BlockBench(storage);
        Cut(512);

        Assert.Equal(BlockBench.Ok, bench.Read(0, 512).Status);
        Assert.Equal(BlockBench.IoError, bench.Read(0, 1024).Status);
        Assert.Equal(BlockBench.IoError, bench.Write(100, new byte[512]));
        Assert.Equal(BlockBench.IoError, bench.Request(BlockBench.WriteZeroes, 0, BlockBench.Range(100, 1)));
        Assert.Equal(512, new FileInfo(Image).Length);
    }

    [Fact]
    public void Image_Resized_IsToldToTheGuest()
    {
        using FileStorage storage = FileStorage.Create(Image, Length);
        using var bench = new BlockBench(storage);

        storage.SetLength(2 * Length);
        bench.Device.UpdateCapacity();

        Assert.Equal(2UL * Length / 512, bench.Bench.Driver.ReadConfiguration(0, 8));
        Assert.Equal(BlockBench.Ok, bench.Write((2 * Length / 512) - 1, new byte[512]));
    }

    [Fact]
    public void Image_ClosedWhileInUse_GivesErrors()
    {
        using FileStorage storage = FileStorage.Create(Image, Length);
        using var bench = new BlockBench(storage);
        storage.Dispose();

        Assert.Equal(BlockBench.IoError, bench.Read(0, 512).Status);
        Assert.Equal(BlockBench.IoError, bench.Write(0, new byte[512]));
        Assert.Equal(BlockBench.IoError, bench.Request(BlockBench.Flush, 0));
        Assert.False(bench.Bench.Driver.NeedsReset);
    }

    [Fact]
    public void Image_OnAFullDisk_GivesErrors()
    {
        if (!File.Exists("/dev/full"))
        {
            Assert.Skip("The host has no /dev/full.");
        }

        // The host's own answer to a write without room, as a storage gets it.
        using var stream = new FileStream("/dev/full", FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        IOException full = Assert.ThrowsAny<IOException>(() => stream.Write(new byte[512]));
        using var bench = new BlockBench(new RecordingStorage(Length) { Failure = ("write", full) });

        Assert.Equal(BlockBench.IoError, bench.Write(0, new byte[512]));
        Assert.Same(full, bench.Device.LastError);
    }

    [Fact]
    public void Request_OfAFile_AllocatesNothing()
    {
        using FileStorage storage = FileStorage.Create(Image, Length);
        byte[] data = new byte[4096];

        Assert.Equal(0, Allocations.Least(Round));

        void Round()
        {
            for (int i = 0; i < 100; i++)
            {
                storage.Write(0, data);
                storage.Read(0, data);
                storage.Flush();
            }
        }
    }

    [Fact]
    public void Request_InManyPieces_AllocatesNothing()
    {
        using FileStorage storage = FileStorage.Create(Image, Length);
        using var bench = new BlockBench(storage, new BlockDeviceOptions { QueueSize = 1024 }, VirtioDriverFeatures.Version1 | VirtioDriverFeatures.PackedRing | BlockBench.FeatureFlush);
        DriverBuffer[][] requests =
        [
            [bench.Bench.Readable(BlockBench.Header(BlockBench.Out, 3)), .. Enumerable.Range(0, 100).Select(_ => bench.Bench.Readable(new byte[512])), bench.Bench.Writable(1)],
            [bench.Bench.Readable(BlockBench.Header(BlockBench.In, 3)), .. Enumerable.Range(0, 100).Select(_ => bench.Bench.Writable(512)), bench.Bench.Writable(1)],
        ];

        Assert.Equal(0, Allocations.Least(Round));

        void Round()
        {
            for (int i = 0; i < 100; i++)
            {
                bench.Queue.Add(requests[i % 2]);
                bench.WorkUntilUsed();
            }
        }
    }

    private static byte[] Bytes(BlockBench bench, DriverBuffer buffer)
    {
        byte[] bytes = new byte[buffer.Length];
        bench.Bench.Memory.Read(buffer.Address, bytes);
        return bytes;
    }

    /// <summary>As a program that does not look for locks does it.</summary>
    private void Cut(int length)
    {
        using System.Diagnostics.Process process = System.Diagnostics.Process.Start("truncate", ["-s", $"{length}", Image]);
        Assert.True(process.WaitForExit(TimeSpan.FromSeconds(30)));
        Assert.Equal(0, process.ExitCode);
    }
}
