using System.Diagnostics;
using System.Globalization;
using HvSdk.Live;

namespace HvSdk.Devices.Virtio.Linux.Tests.Block;

/// <summary>Images with holes, on the file system of the temporary folder; where that has none, the tests are skipped.</summary>
public sealed class SparseFileStorageTests : IDisposable
{
    private const int Length = 1 << 20;
    private const int Part = 1 << 18;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("hvsdk-sparse-");

    private string Image => Path.Combine(_folder.FullName, "disk.img");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Discard_OfARange_GivesItsRoomBack()
    {
        using SparseFileStorage storage = CreateFilled(out byte[] content);
        storage.Flush();
        long before = await AllocatedAsync();

        storage.Discard(Part, 2 * Part);
        storage.Flush();

        Assert.InRange(await AllocatedAsync(), 0, before - (2 * Part) + 8192);
        content.AsSpan(Part, 2 * Part).Clear();
        Assert.Equal(content, Read(storage));
        Assert.Equal(Length, new FileInfo(Image).Length);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void WriteZeroes_OfARange_ZeroesItAlone(bool mayDiscard)
    {
        using SparseFileStorage storage = CreateFilled(out byte[] content);

        // Parts of blocks too.
        storage.WriteZeroes(512, 1024, mayDiscard);
        storage.WriteZeroes(Part + 1, Part, mayDiscard);
        storage.WriteZeroes(Length - 512, 512, mayDiscard);
        storage.WriteZeroes(Length, 0, mayDiscard);

        content.AsSpan(512, 1024).Clear();
        content.AsSpan(Part + 1, Part).Clear();
        content.AsSpan(Length - 512).Clear();
        Assert.Equal(content, Read(storage));
        Assert.Equal(Length, new FileInfo(Image).Length);
    }

    [Fact]
    public void Range_BeyondTheImage_IsAnErrorAndChangesNothing()
    {
        using SparseFileStorage storage = CreateFilled(out byte[] content);

        Assert.Throws<EndOfStreamException>(() => storage.Discard(Length - 512, 1024));
        Assert.Throws<EndOfStreamException>(() => storage.WriteZeroes(long.MaxValue, 1, mayDiscard: true));
        Assert.Throws<EndOfStreamException>(() => storage.Discard(-1, 1));
        Assert.Throws<EndOfStreamException>(() => storage.Discard(0, -1));
        Assert.Equal(content, Read(storage));
    }

    [Fact]
    public async Task Image_ThatShrinks_GivesErrorsAndStaysShort()
    {
        using SparseFileStorage storage = CreateFilled(out _);
        CommandResult cut = await Command.RunAsync(new ProcessStartInfo("truncate", ["-s", "512", Image]), TimeSpan.FromSeconds(30)); // it does not look for locks
        Assert.Equal(0, cut.ExitCode);

        Assert.Throws<EndOfStreamException>(() => storage.Discard(Part, Part));
        Assert.Throws<EndOfStreamException>(() => storage.WriteZeroes(Part, Part, mayDiscard: true));
        Assert.Equal(512, new FileInfo(Image).Length);
    }

    [Fact]
    public void Image_ReadOnly_CannotDiscard()
    {
        File.WriteAllBytes(Image, new byte[Length]);
        using var storage = new SparseFileStorage(Image, isReadOnly: true);

        Assert.False(storage.CanDiscard);
        Assert.True(storage.IsReadOnly);
        Assert.Throws<UnauthorizedAccessException>(() => storage.Discard(0, 512));
        Assert.Throws<UnauthorizedAccessException>(() => storage.WriteZeroes(0, 512, mayDiscard: true));
    }

    [Fact]
    public void Image_ClosedOrMissing_IsAnError()
    {
        SparseFileStorage storage = CreateFilled(out _);
        storage.Dispose();

        Assert.Throws<ObjectDisposedException>(() => storage.Discard(0, 512));
        Assert.Throws<FileNotFoundException>(() => new SparseFileStorage(Path.Combine(_folder.FullName, "none")));
        Assert.Throws<ArgumentOutOfRangeException>(() => SparseFileStorage.Create(Path.Combine(_folder.FullName, "new"), 100));
    }

    [Fact]
    public void Device_OfASparseFile_OffersToDiscard()
    {
        using SparseFileStorage storage = CreateFilled(out _);

        Assert.NotEqual(0UL, new BlockDevice(storage).DeviceFeatures & (1 << 13)); // VIRTIO_BLK_F_DISCARD
    }

    private static byte[] Read(SparseFileStorage storage)
    {
        byte[] bytes = new byte[Length];
        storage.Read(0, bytes);
        return bytes;
    }

    private SparseFileStorage CreateFilled(out byte[] content)
    {
        content = new byte[Length];
        new Random(1).NextBytes(content);
        SparseFileStorage storage = SparseFileStorage.Create(Image, Length);
        if (!storage.CanDiscard)
        {
            storage.Dispose();
            Assert.Skip($"The file system of {_folder.FullName} has no holes.");
        }

        storage.Write(0, content);
        return storage;
    }

    private async Task<long> AllocatedAsync()
    {
        CommandResult result = await Command.RunAsync(new ProcessStartInfo("stat", ["-c", "%b", Image]), TimeSpan.FromSeconds(30));
        Assert.Equal(0, result.ExitCode);
        return 512 * long.Parse(result.Output, CultureInfo.InvariantCulture);
    }
}
