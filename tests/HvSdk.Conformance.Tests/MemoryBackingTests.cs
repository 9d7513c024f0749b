using HvSdk.Live;

namespace HvSdk.Conformance.Tests;

/// <summary>Where RAM comes from: the guest sees the same, the file behind it does not.</summary>
public sealed class MemoryBackingTests : IDisposable
{
    private const ulong Here = 0x4000_0000;
    private const int Size = 4 << 20;

    private readonly string _path = Path.GetTempFileName();

    private static int FileOffset => 3 * Guest.PageSize;

    public static TheoryData<string> FreshMemory => ["anonymous", "shareable", "populated", "shareable, populated", "transparent huge pages", "shareable, transparent huge pages"];

    public void Dispose()
    {
        if (File.Exists(_path))
        {
            // Windows does not delete a file that is read-only.
            File.SetAttributes(_path, FileAttributes.Normal);
            File.Delete(_path);
        }
    }

    [Theory]
    [MemberData(nameof(FreshMemory))]
    public void FreshMemory_OfEachKind_IsZeroAndKeepsWhatGuestAndHostWrite(string kind)
    {
        using TestMachine machine = CopyingGuest.Create(Here, Size);
        MemoryRegion region = machine.Memory.Map(Here, Size, new MemoryRegionOptions
        {
            Backing = kind.StartsWith("shareable", StringComparison.Ordinal) ? MemoryBacking.Shareable : MemoryBacking.Anonymous,
            Populate = kind.EndsWith("populated", StringComparison.Ordinal),
            HugePages = kind.EndsWith("huge pages", StringComparison.Ordinal) ? HugePages.Transparent : HugePages.None,
        });
        byte[] content = new byte[Size];
        region.Read(0, content);
        Assert.False(content.AsSpan().ContainsAnyExcept((byte)0));

        region.Write(0, 0x1122_3344_5566_7788UL);
        machine.RunOnce(Guest.EndExit);

        Assert.Equal(0x1122_3344_5566_7788UL, region.Read<ulong>(Size - 8));
    }

    [Fact]
    public void FilePrivate_WrittenByGuest_LeavesFileAlone()
    {
        byte[] before = WriteFile();
        using (TestMachine machine = CopyingGuest.Create(Here, Size))
        {
            MemoryRegion region = machine.Memory.Map(Here, Size, Options(FileSharing.Private));
            machine.RunOnce(Guest.EndExit);

            Assert.Equal(BitConverter.ToUInt64(before, FileOffset), region.Read<ulong>(Size - 8));
        }

        Assert.Equal(before, File.ReadAllBytes(_path));
    }

    [Fact]
    public void FilePrivate_OfReadOnlyFile_IsMapped()
    {
        byte[] before = WriteFile();
        File.SetAttributes(_path, FileAttributes.ReadOnly);
        using TestMachine machine = CopyingGuest.Create(Here, Size);

        MemoryRegion region = machine.Memory.Map(Here, Size, Options(FileSharing.Private));
        machine.RunOnce(Guest.EndExit);

        Assert.Equal(BitConverter.ToUInt64(before, FileOffset), region.Read<ulong>(Size - 8));
    }

    [Fact]
    public void FileShared_WrittenByGuest_ChangesFile()
    {
        byte[] before = WriteFile();
        using (TestMachine machine = CopyingGuest.Create(Here, Size))
        {
            MemoryRegion region = machine.Memory.Map(Here, Size, Options(FileSharing.Shared));
            machine.RunOnce(Guest.EndExit);
            region.Dispose();
        }

        byte[] after = (byte[])before.Clone();
        before.AsSpan(FileOffset, 8).CopyTo(after.AsSpan(FileOffset + Size - 8));
        Assert.Equal(after, File.ReadAllBytes(_path));
    }

    [Fact]
    public void FileShared_ByHandleClosedAfterwards_StaysMapped()
    {
        byte[] before = WriteFile();
        using TestMachine machine = CopyingGuest.Create(Here, Size);
        MemoryRegion region;
        using (Microsoft.Win32.SafeHandles.SafeFileHandle handle = File.OpenHandle(_path, FileMode.Open, FileAccess.ReadWrite))
        {
            region = machine.Memory.Map(Here, Size, new MemoryRegionOptions { Backing = MemoryBacking.File(handle, FileSharing.Shared, FileOffset) });
        }

        machine.RunOnce(Guest.EndExit);

        Assert.Equal(BitConverter.ToUInt64(before, FileOffset), region.Read<ulong>(Size - 8));
    }

    [Fact]
    public void FileShared_MappedByTwoPartitions_IsOneMemory()
    {
        WriteFile();
        using TestMachine first = CopyingGuest.Create(Here, Size);
        using TestMachine second = CopyingGuest.Create(Here, Size);
        MemoryRegion one = first.Memory.Map(Here, Size, Options(FileSharing.Shared));
        MemoryRegion other = second.Memory.Map(Here, Size, Options(FileSharing.Shared));

        one.Write(0, 0x5566UL);
        second.RunOnce(Guest.EndExit);

        Assert.Equal(0x5566UL, other.Read<ulong>(Size - 8));
        Assert.Equal(0x5566UL, one.Read<ulong>(Size - 8));
    }

    [Fact]
    public void File_TooShortOrUnalignedOrMissing_IsRefusedInWords()
    {
        WriteFile();
        using var machine = new TestMachine();

        ArgumentException tooShort = Assert.Throws<ArgumentException>(
            () => machine.Memory.Map(Here, (ulong)(Size + Guest.PageSize), Options(FileSharing.Private)));
        ArgumentException unaligned = Assert.Throws<ArgumentException>(
            () => machine.Memory.Map(Here, (ulong)Guest.PageSize, new MemoryRegionOptions { Backing = MemoryBacking.File(_path, FileSharing.Private, 100) }));
        Assert.Throws<FileNotFoundException>(
            () => machine.Memory.Map(Here, (ulong)Guest.PageSize, new MemoryRegionOptions { Backing = MemoryBacking.File(_path + ".missing", FileSharing.Private) }));

        Assert.Contains($"holds {Size + FileOffset} bytes", tooShort.Message, StringComparison.Ordinal);
        Assert.Contains("offset 100", unaligned.Message, StringComparison.Ordinal);
        Assert.Null(machine.Memory.Find(Here));
        machine.Memory.Map(Here, Size);
    }

    private MemoryRegionOptions Options(FileSharing sharing) => new() { Backing = MemoryBacking.File(_path, sharing, FileOffset) };

    private byte[] WriteFile()
    {
        byte[] content = new byte[FileOffset + Size];
        new Random(1).NextBytes(content);
        File.WriteAllBytes(_path, content);
        return content;
    }
}
