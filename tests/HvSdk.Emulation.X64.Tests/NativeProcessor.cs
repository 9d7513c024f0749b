using System.Runtime.InteropServices;

namespace HvSdk.Emulation.Tests;

/// <summary>Runs a routine on the host's own processor: the truth that the emulator is compared with. RDI is the address of a page of data.</summary>
internal sealed partial class NativeProcessor : IDisposable
{
    private const int PageSize = 0x1000;
    private const int ReadWriteExecute = 7;
    private const int PrivateAnonymous = 0x22;
    private readonly nint _pages;

    public NativeProcessor()
    {
        _pages = Map(0, 2 * PageSize, ReadWriteExecute, PrivateAnonymous, -1, 0);
        Assert.True(_pages != -1, $"No executable memory: error {Marshal.GetLastPInvokeError()}.");
    }

    /// <summary>The tests are for a 64-bit Linux on a processor with AVX2.</summary>
    public static bool IsSupported => OperatingSystem.IsLinux() && System.Runtime.Intrinsics.X86.Avx2.X64.IsSupported;

    public unsafe void Run(ReadOnlySpan<byte> code, Span<byte> data)
    {
        Assert.True(code.Length < PageSize && data.Length <= PageSize, "Code or data are longer than their pages.");

        // SAFETY: both spans are within the two pages mapped by the constructor, which live until Dispose.
        code.CopyTo(new Span<byte>((void*)_pages, PageSize));
        var page = new Span<byte>((void*)(_pages + PageSize), data.Length);
        data.CopyTo(page);

        // SAFETY: the code is what a test assembled: a leaf routine that keeps all registers which the convention asks it to keep.
        ((delegate* unmanaged<nint, void>)_pages)(_pages + PageSize);
        page.CopyTo(data);
    }

    public void Dispose() => _ = Unmap(_pages, 2 * PageSize);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint Map(nint address, nint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    private static partial int Unmap(nint address, nint length);
}
