using System.Runtime.InteropServices;

namespace HvSdk.Backends.Kvm.Interop;

/// <summary>Memory that was mapped with mmap: guest RAM, and the pages that a vCPU shares with the kernel.</summary>
internal sealed unsafe class SafeMapping : SafeBuffer
{
    private const nint Failed = -1;

    private SafeMapping(nint address, nuint length)
        : base(ownsHandle: true)
    {
        SetHandle(address);
        Initialize(length);
    }

    /// <summary>The descriptor of memory that can be shared, or null.</summary>
    internal SafeFd? Descriptor { get; private init; }

    /// <summary>The first byte, for callers that keep the mapping alive themselves.</summary>
    internal byte* Pointer => (byte*)handle;

    /// <summary>Maps anonymous memory.</summary>
    internal static SafeMapping Anonymous(nuint length, int flags)
    {
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
        return Take(address, length, keep ? (SafeFd)descriptor : null, operation);
    }

    /// <summary>Asks for transparent huge pages; a kernel without them says no, which is no error.</summary>
    internal void AdviseHugePages() => _ = LibC.madvise(handle, (nuint)ByteLength, LibC.MADV_HUGEPAGE);

    protected override bool ReleaseHandle()
    {
        Descriptor?.Dispose();
        return LibC.munmap(handle, (nuint)ByteLength) == 0;
    }

    private static SafeMapping Take(nint address, nuint length, SafeFd? descriptor, string operation)
    {
        if (address == Failed)
        {
            throw KvmError.FromLast(operation);
        }

        return new SafeMapping(address, length) { Descriptor = descriptor };
    }
}
