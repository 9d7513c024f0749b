using System.Runtime.InteropServices;
using HvSdk.Backends.Kvm.Interop;
using Microsoft.Win32.SafeHandles;

namespace HvSdk.Backends.Kvm.Tests;

/// <summary>Calls of the kernel with many pieces of memory, and what it says against them.</summary>
public sealed unsafe class FileVectorsTests
{
    private const int NoSpace = 28; // ENOSPC

    [Fact]
    public void HostRange_OfTheCore_IsTheKernelsVector()
    {
        // struct iovec (POSIX, sys/uio.h): iov_base, iov_len.
        Assert.Equal(2 * sizeof(nint), sizeof(HostRange));
        Assert.Equal(0, Marshal.OffsetOf<HostRange>("<Start>k__BackingField"));
        Assert.Equal(sizeof(nint), Marshal.OffsetOf<HostRange>("<Length>k__BackingField"));
    }

    [Fact]
    public void Write_ToAFullDisk_IsAnErrorInWords()
    {
        using SafeFileHandle full = File.OpenHandle("/dev/full", FileMode.Open, FileAccess.ReadWrite);
        byte[] bytes = new byte[512];
        fixed (byte* start = bytes)
        {
            HostRange[] pieces = [new((nint)start, 256), new((nint)start + 256, 256)];

            IOException e = Assert.Throws<IOException>(() => FileVectors.Write(full, 0, pieces));

            Assert.Equal(NoSpace, e.HResult);
            Assert.Contains("No space left", e.Message, StringComparison.Ordinal);
            Assert.Equal(512, FileVectors.Read(full, 0, pieces));
        }
    }

    [Fact]
    public void Read_OfAFileOpenForWritingAlone_IsAnErrorInWords()
    {
        string path = Path.GetTempFileName();
        using (SafeFileHandle file = File.OpenHandle(path, FileMode.Open, FileAccess.Write))
        {
            byte value = 0;
            HostRange[] pieces = [new((nint)(&value), 1)];

            IOException e = Assert.Throws<IOException>(() => FileVectors.Read(file, 0, pieces));

            Assert.Contains("read", e.Message, StringComparison.Ordinal);
        }

        File.Delete(path);
    }
}
