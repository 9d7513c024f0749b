using HvSdk.Testing;
using Microsoft.Win32.SafeHandles;

namespace HvSdk.Tests.Memory;

/// <summary>Files read into guest memory, and written from it.</summary>
public sealed class GuestMemoryFileTests : IDisposable
{
    private const int FileLength = 1 << 20;

    private readonly string _path = Path.GetTempFileName();
    private readonly byte[] _content = new byte[FileLength];
    private readonly Hypervisor _hypervisor = Hypervisor.Open(new ScriptedBackend());
    private readonly Partition _partition;
    private readonly SafeFileHandle _file;
    private readonly GuestMemoryView _view;

    public GuestMemoryFileTests()
    {
        new Random(1).NextBytes(_content);
        File.WriteAllBytes(_path, _content);
        _file = File.OpenHandle(_path, FileMode.Open, FileAccess.ReadWrite);
        _partition = _hypervisor.CreatePartition();
        _view = _partition.Memory.CreateView();
    }

    /// <summary>How many ranges, of how many bytes each: one, more than one call takes, and lengths on either side of what goes through a buffer.</summary>
    public static TheoryData<int, int> Shapes => new() { { 1, 4096 }, { 700, 100 }, { 300, 1024 }, { 3, 40_000 }, { 2, 300_000 } };

    public void Dispose()
    {
        _file.Dispose();
        _partition.Dispose();
        _hypervisor.Dispose();
        File.Delete(_path);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void TryReadFile_IntoManyRanges_FillsThemInOrder(int count, int length)
    {
        Map(length, out GuestRange[] ranges, count);

        Assert.True(_view.TryReadFile(_file, 512, ranges, out long read));

        Assert.Equal((long)count * length, read);
        Assert.Equal(_content.AsSpan(512, (int)read).ToArray(), BytesOf(ranges));
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void TryWriteFile_OfManyRanges_WritesThemInOrder(int count, int length)
    {
        Map(length, out GuestRange[] ranges, count);
        foreach (GuestRange range in ranges)
        {
            byte[] bytes = new byte[range.Length];
            new Random((int)range.Address).NextBytes(bytes);
            _partition.Memory.Write(range.Address, bytes);
        }

        Assert.True(_view.TryWriteFile(_file, 512, ranges));

        byte[] written = BytesOf(ranges);
        byte[] file = new byte[FileLength];
        RandomAccess.Read(_file, file, 0);
        Assert.Equal(written, file.AsSpan(512, written.Length));
        Assert.Equal(_content.AsSpan(0, 512), file.AsSpan(0, 512));
        Assert.Equal(_content.AsSpan(512 + written.Length), file.AsSpan(512 + written.Length));
    }

    [Fact]
    public void TryReadFile_OverRegionsThatTouch_GoesOnInTheNext()
    {
        _partition.Memory.Map(0x1000, 0x1000);
        _partition.Memory.Map(0x2000, 0x1000);
        _view.Enter();

        Assert.True(_view.TryReadFile(_file, 0, [new(0x1800, 0x1000)], out long read));

        Assert.Equal(0x1000, read);
        Assert.Equal(_content.AsSpan(0, 0x1000).ToArray(), BytesOf([new(0x1800, 0x1000)]));
    }

    [Fact]
    public void TryReadFile_OverTheFilesEnd_SaysHowMuchThereWas()
    {
        _partition.Memory.Map(0x1000, 0x2000);
        _view.Enter();

        Assert.True(_view.TryReadFile(_file, FileLength - 0x1800, [new(0x1000, 0x1000), new(0x2000, 0x1000)], out long read));
        Assert.Equal(0x1800, read);
        Assert.True(_view.TryReadFile(_file, FileLength, [new(0x1000, 0x1000)], out read));
        Assert.Equal(0, read);
        Assert.True(_view.TryReadFile(_file, 0, [], out read));
        Assert.Equal(0, read);
    }

    [Fact]
    public void Files_WithARangeBeyondMemory_AreLeftAlone()
    {
        _partition.Memory.Map(0x1000, 0x1000);
        _view.Enter();
        foreach (GuestRange bad in (GuestRange[])[new(0x1FFF, 2), new(0x3000, 1), new(ulong.MaxValue, 1), new(ulong.MaxValue - 1, uint.MaxValue)])
        {
            Assert.False(_view.TryReadFile(_file, 0, [new(0x1000, 0x1000), bad], out long read));
            Assert.Equal(0, read);
            Assert.False(_view.TryWriteFile(_file, 0, [new(0x1000, 0x1000), bad]));
        }

        Assert.Equal(0, _partition.Memory.Read<byte>(0x1000));
        Assert.Equal(_content, File.ReadAllBytes(_path));
    }

    [Fact]
    public void TryReadFile_IntoTrackedMemory_MakesItsPagesDirty()
    {
        MemoryRegion region = _partition.Memory.Map(0x1000, 0x4000, new MemoryRegionOptions { TrackDirtyPages = true });
        _view.Enter();

        _view.TryReadFile(_file, 0, [new(0x1000, 16), new(0x2FFF, 2)], out _);
        _view.TryWriteFile(_file, 0, [new(0x4000, 16)]);

        Span<ulong> bitmap = stackalloc ulong[1];
        region.CollectDirtyPages(bitmap);
        Assert.Equal(0b0111UL, bitmap[0]);
    }

    [Fact]
    public void Files_UsedWrongly_AreRefused()
    {
        _partition.Memory.Map(0x1000, 0x1000);
        Assert.Throws<InvalidOperationException>(() => _view.TryWriteFile(_file, 0, [new(0x1000, 1)]));
        _view.Enter();
        Assert.Throws<ArgumentNullException>(() => _view.TryReadFile(null!, 0, [], out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => _view.TryReadFile(_file, -1, [], out _));
        using SafeFileHandle readOnly = File.OpenHandle(_path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        Assert.ThrowsAny<Exception>(() => _view.TryWriteFile(readOnly, 0, [new(0x1000, 1)]));
        _file.Dispose();
        Assert.Throws<ObjectDisposedException>(() => _view.TryReadFile(_file, 0, [new(0x1000, 1)], out _));
        Assert.Throws<ObjectDisposedException>(() => _view.TryWriteFile(_file, 0, [new(0x1000, 1)]));
    }

    [Fact]
    public void TryAccess_OfManyRanges_GivesTheirPiecesInOrder()
    {
        MemoryRegion region = _partition.Memory.Map(0x1000, 0x4000, new MemoryRegionOptions { TrackDirtyPages = true });
        _view.Enter();
        var pieces = new List<HostRange>();

        // The second goes on where the first ends.
        Assert.True(_view.TryAccess([new(0x1000, 0x10), new(0x1010, 0x20), new(0x3000, 8)], isWrite: true, pieces, static (span, list) => list.AddRange(span)));

        Assert.Equal([0x30, 8], pieces.Select(static piece => (int)piece.Length));
        Assert.Equal(0x2000, pieces[1].Start - pieces[0].Start);
        Span<ulong> bitmap = stackalloc ulong[1];
        region.CollectDirtyPages(bitmap);
        Assert.Equal(0b101UL, bitmap[0]);
        Assert.Throws<InvalidOperationException>(() => _view.TryAccess([new(0x1000, 1)], isWrite: false, _view, static (_, view) => view.Exit()));
    }

    [Theory]
    [InlineData(256, true)]
    [InlineData(257, false)]
    public void TryAccess_OfManyPieces_HasALimit(int count, bool isAccessed)
    {
        Map(8, out GuestRange[] ranges, count);
        int seen = 0;

        Assert.Equal(isAccessed, _view.TryAccess(ranges, isWrite: false, 0, (span, _) => seen = span.Length));

        Assert.Equal(isAccessed ? count : 0, seen);
        Assert.False(_view.TryAccess([new(0x9000_0000, 1)], isWrite: false, 0, static (_, _) => Assert.Fail("It is not in memory.")));
    }

    /// <summary>Makes memory with ranges in it that do not touch, the last first, and enters the view.</summary>
    private void Map(int length, out GuestRange[] ranges, int count)
    {
        ulong stride = (uint)length + 8;
        _partition.Memory.Map(0x10_0000, (((ulong)count * stride) + 0xFFF) & ~0xFFFUL);
        ranges = [.. Enumerable.Range(0, count).Select(i => new GuestRange(0x10_0000 + ((ulong)(count - 1 - i) * stride), (uint)length))];
        _view.Enter();
    }

    private byte[] BytesOf(GuestRange[] ranges)
    {
        using var bytes = new MemoryStream();
        foreach (GuestRange range in ranges)
        {
            byte[] part = new byte[range.Length];
            _partition.Memory.Read(range.Address, part);
            bytes.Write(part);
        }

        return bytes.ToArray();
    }
}
