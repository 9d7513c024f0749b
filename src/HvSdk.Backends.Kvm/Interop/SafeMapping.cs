using System.Runtime.InteropServices;

namespace HvSdk.Backends.Kvm.Interop;

/// <summary>Memory that was mapped with mmap: guest RAM, and the pages that a vCPU shares with the kernel.</summary>
internal sealed unsafe class SafeMapping : SafeBuffer
{
    private const nint Failed = -1;
    private const nuint HugePage = 2 << 20;

    private SafeMapping(nint address, nuint length)
        : base(ownsHandle: true)
    {
        SetHandle(address);
        Initialize(length);
    }

    /// <summary>The descriptor of memory that can be shared, or null.</summary>
    internal SafeFd? Descriptor { get; private init; }

    /// <summary>In which pieces pages can be given back, or 0: they cannot.</summary>
    internal ulong DiscardUnit { get; set; }

    /// <summary>Others see the bytes too: pages are given back to what is mapped, and not to this mapping alone.</summary>
    internal bool IsShared { get; private init; }

    /// <summary>The first byte, for callers that keep the mapping alive themselves.</summary>
    internal byte* Pointer => (byte*)handle;

    /// <summary>Maps anonymous memory. A whole huge page or more starts where huge pages do.</summary>
    /// <remarks>
    /// The kernel can show a huge page to the guest as one only where its host address and its GPA have the same offset in it. Elsewhere the guest
    /// pays an exit for each 4 KiB that it touches, and Linux before 6.7 aligns nothing by itself.
    /// </remarks>
    internal static SafeMapping Anonymous(nuint length, int flags)
    {
        if (length >= HugePage && (flags & LibC.MAP_HUGETLB) == 0)
        {
            return AlignedAnonymous(length, flags);
        }

        nint address = LibC.mmap(0, length, LibC.PROT_READ | LibC.PROT_WRITE, LibC.MAP_PRIVATE | LibC.MAP_ANONYMOUS | flags, -1, 0);
        return Take(address, length, null, (flags & LibC.MAP_HUGETLB) != 0 ? "mmap of anonymous huge pages" : "mmap of anonymous memory");
    }

    /// <summary>Maps a descriptor.</summary>
    /// <param name="descriptor">What is mapped.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="offset">First byte.</param>
    /// <param name="flags">MAP_SHARED or MAP_PRIVATE, and more.</param>
    /// <param name="operation">What the mapping is for, for errors.</param>
    /// <param name="keep">The mapping owns the descriptor from now on.</param>
    internal static SafeMapping Map(SafeHandle descriptor, nuint length, long offset, int flags, string operation, bool keep = false)
    {
        nint address = LibC.mmap(0, length, LibC.PROT_READ | LibC.PROT_WRITE, flags, descriptor, offset);
        return Take(address, length, keep ? (SafeFd)descriptor : null, operation, isShared: (flags & LibC.MAP_SHARED) != 0);
    }

    /// <summary>Asks for transparent huge pages; a kernel without them says no, which is no error.</summary>
    internal void AdviseHugePages() => _ = LibC.madvise(handle, (nuint)ByteLength, LibC.MADV_HUGEPAGE);

    /// <summary>Gives pages back to the kernel, which has a touch find zeros afterwards; the mapping stays, and KVM takes the pages from the guest.</summary>
    /// <returns>False: it says no, as a file system without holes does, or memory that is locked.</returns>
    internal bool TryDiscard(ulong offset, ulong size) =>
        LibC.madvise(handle + (nint)offset, (nuint)size, IsShared ? LibC.MADV_REMOVE : LibC.MADV_DONTNEED) == 0;

    protected override bool ReleaseHandle()
    {
        Descriptor?.Dispose();
        return LibC.munmap(handle, (nuint)ByteLength) == 0;
    }

    /// <summary>Reserves enough to find an aligned start in, puts the memory there, and gives the rest back.</summary>
    private static SafeMapping AlignedAnonymous(nuint length, int flags)
    {
        const string Operation = "mmap of anonymous memory";
        const int Private = LibC.MAP_PRIVATE | LibC.MAP_ANONYMOUS;
        nuint reserved = checked(length + HugePage);
        nint start = LibC.mmap(0, reserved, LibC.PROT_NONE, Private | LibC.MAP_NORESERVE, -1, 0);
        if (start == Failed)
        {
            throw KvmError.FromLast(Operation);
        }

        nint aligned = (nint)(((nuint)start + HugePage - 1) & ~(HugePage - 1));
        nint address = LibC.mmap(aligned, length, LibC.PROT_READ | LibC.PROT_WRITE, Private | LibC.MAP_FIXED | flags, -1, 0);
        if (address == Failed)
        {
            HypervisorException error = KvmError.FromLast(Operation);
            _ = LibC.munmap(start, reserved);
            throw error;
        }

        nuint head = (nuint)(aligned - start);
        if (head > 0)
        {
            _ = LibC.munmap(start, head);
        }

        nuint mapped = (length + (nuint)Environment.SystemPageSize - 1) & ~((nuint)Environment.SystemPageSize - 1);
        if (reserved - head > mapped)
        {
            _ = LibC.munmap(aligned + (nint)mapped, reserved - head - mapped);
        }

        return Take(address, length, null, Operation);
    }

    private static SafeMapping Take(nint address, nuint length, SafeFd? descriptor, string operation, bool isShared = false)
    {
        if (address == Failed)
        {
            throw KvmError.FromLast(operation);
        }

        return new SafeMapping(address, length) { Descriptor = descriptor, IsShared = isShared };
    }
}
