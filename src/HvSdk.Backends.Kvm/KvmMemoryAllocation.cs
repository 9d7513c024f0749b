using HvSdk.Backends.Kvm.Interop;
using Microsoft.Win32.SafeHandles;

namespace HvSdk.Backends.Kvm;

/// <summary>Gets the memory behind a region from Linux.</summary>
internal static class KvmMemoryAllocation
{
    internal static SafeMapping Allocate(ulong size, MemoryRegionOptions options)
    {
        ValidateHugePages(size, options);
        int populate = options.Populate ? LibC.MAP_POPULATE : 0;
        SafeMapping mapping = options.Backing switch
        {
            MemoryBacking.AnonymousBacking => Anonymous(size, options.HugePages, populate),
            MemoryBacking.ShareableBacking => Shareable(size, options.HugePages, populate),
            MemoryBacking.FileBacking file => FromFile(size, file, populate),
            _ => throw new ArgumentException($"KVM does not know the backing {options.Backing.GetType().Name}.", nameof(options)),
        };
        mapping.DiscardUnit = FindDiscardUnit(options);
        if (options.HugePages == HugePages.Transparent)
        {
            mapping.AdviseHugePages();
        }

        return mapping;
    }

    /// <summary>Huge pages go as a whole. A private mapping of a file would show the file's bytes again, and not zeros.</summary>
    private static ulong FindDiscardUnit(MemoryRegionOptions options) =>
        options.Backing is MemoryBacking.FileBacking { Sharing: FileSharing.Private } ? 0 : HugePageSize(options.HugePages) is > 0 and ulong size ? size : (ulong)Environment.SystemPageSize;

    private static ulong HugePageSize(HugePages hugePages) => hugePages switch
    {
        HugePages.Size2MiB => 1UL << 21,
        HugePages.Size1GiB => 1UL << 30,
        _ => 0,
    };

    /// <summary>RAM that is never touched costs nothing, so no swap is set aside for it; huge pages are set aside, so that a touch cannot fail.</summary>
    private static SafeMapping Anonymous(ulong size, HugePages hugePages, int populate) =>
        SafeMapping.Anonymous(checked((nuint)size), populate | hugePages switch
        {
            HugePages.Size2MiB => LibC.MAP_HUGETLB | LibC.MAP_HUGE_2MB,
            HugePages.Size1GiB => LibC.MAP_HUGETLB | LibC.MAP_HUGE_1GB,
            _ => LibC.MAP_NORESERVE,
        });

    private static SafeMapping Shareable(ulong size, HugePages hugePages, int populate)
    {
        SafeFd memory = SafeFd.NewMemory("hvsdk\0"u8, hugePages switch
        {
            HugePages.Size2MiB => LibC.MFD_HUGETLB | LibC.MFD_HUGE_2MB,
            HugePages.Size1GiB => LibC.MFD_HUGETLB | LibC.MFD_HUGE_1GB,
            _ => 0,
        });
        try
        {
            KvmError.Check(LibC.ftruncate(memory, checked((long)size)), "ftruncate of a memfd");
            string operation = hugePages is HugePages.Size2MiB or HugePages.Size1GiB ? "mmap of a memfd of huge pages" : "mmap of a memfd";
            return SafeMapping.Map(memory, checked((nuint)size), 0, LibC.MAP_SHARED | populate, operation, keep: true);
        }
        catch
        {
            memory.Dispose();
            throw;
        }
    }

    private static SafeMapping FromFile(ulong size, MemoryBacking.FileBacking file, int populate) => BackingFile.Use(
        file,
        size,
        Environment.SystemPageSize,
        handle => SafeMapping.Map(
            handle, checked((nuint)size), file.Offset, (file.Sharing == FileSharing.Shared ? LibC.MAP_SHARED : LibC.MAP_PRIVATE) | populate, "mmap of a file"));

    private static void ValidateHugePages(ulong size, MemoryRegionOptions options)
    {
        ulong unit = HugePageSize(options.HugePages);
        if (unit == 0)
        {
            return;
        }

        if (size % unit != 0)
        {
            throw new ArgumentException($"Size 0x{size:X} is not a multiple of the huge pages asked for, 0x{unit:X} bytes.", nameof(size));
        }

        if (options.Backing is MemoryBacking.FileBacking)
        {
            throw new ArgumentException("A file's pages are as its file system makes them: ask for huge pages with a file on hugetlbfs alone.", nameof(options));
        }
    }
}
