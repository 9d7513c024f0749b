using Microsoft.Win32.SafeHandles;

namespace HvSdk.Boot;

/// <summary>A file on disk, read where it is needed: a kernel goes to guest memory without a copy in between.</summary>
internal sealed class DiskBootFile : BootFile
{
    private readonly SafeFileHandle _handle;

    private DiskBootFile(string path, SafeFileHandle handle, long length)
        : base(path, length)
    {
        _handle = handle;
    }

    public static new DiskBootFile Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        SafeFileHandle handle = File.OpenHandle(path);
        try
        {
            return new DiskBootFile(path, handle, RandomAccess.GetLength(handle));
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    public override int Read(long offset, Span<byte> destination)
    {
        int total = 0;
        while (total < destination.Length)
        {
            int count = RandomAccess.Read(_handle, destination[total..], offset + total);
            if (count == 0)
            {
                break;
            }

            total += count;
        }

        return total;
    }

    private protected override void Close() => _handle.Dispose();
}
