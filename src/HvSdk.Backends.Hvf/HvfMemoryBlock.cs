using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using HvSdk.Backends.Hvf.Interop;
using Microsoft.Win32.SafeHandles;

namespace HvSdk.Backends.Hvf;

/// <summary>The memory behind a region: zeroed memory of the framework's, or a view of a file. It begins at a multiple of the page size.</summary>
internal sealed unsafe class HvfMemoryBlock : SafeBuffer
{
    private readonly HvFunctions? _functions;
    private readonly MemoryMappedFile? _file;
    private readonly MemoryMappedViewAccessor? _view;
    private readonly ulong _size;

    /// <summary>Memory that the framework gives.</summary>
    private HvfMemoryBlock(HvFunctions functions, void* memory, ulong size)
        : base(ownsHandle: true)
    {
        _functions = functions;
        _size = size;
        SetHandle((nint)memory);
        Initialize(size);
    }

    /// <summary>A view, from its first aligned byte.</summary>
    private HvfMemoryBlock(MemoryMappedFile file, MemoryMappedViewAccessor view, nint start, ulong size)
        : base(ownsHandle: true)
    {
        _file = file;
        _view = view;
        _size = size;
        SetHandle(start);
        Initialize(size);
    }

    // SAFETY: valid until the block is disposed of, which the core does after the last mapping of it is gone.
    internal byte* Pointer => (byte*)handle;

    /// <summary>The file of memory that can be shared, or null.</summary>
    internal SafeMemoryMappedFileHandle? Shared { get; private init; }

    internal static HvfMemoryBlock Allocate(HvFunctions functions, ulong size, MemoryRegionOptions options)
    {
        HvfMemoryBlock block = options.Backing switch
        {
            MemoryBacking.AnonymousBacking when functions.HasMemory => FromFramework(functions, size),
            MemoryBacking.AnonymousBacking => Section(size, isShareable: false),
            MemoryBacking.ShareableBacking => Section(size, isShareable: true),
            MemoryBacking.FileBacking file => FromFile(size, file),
            _ => throw new ArgumentException($"HVF does not know the backing {options.Backing.GetType().Name}.", nameof(options)),
        };
        if (options.Populate)
        {
            block.Touch();
        }

        return block;
    }

    protected override bool ReleaseHandle()
    {
        _view?.Dispose();
        _file?.Dispose();
        return _functions is null || _functions.hv_vm_deallocate((void*)handle, (nuint)_size) == (int)HvReturn.HV_SUCCESS;
    }

    private static HvfMemoryBlock FromFramework(HvFunctions functions, ulong size)
    {
        void* memory = null;
        HvfError.Check(functions.hv_vm_allocate(&memory, checked((nuint)size), 0), nameof(HvFunctions.hv_vm_allocate));
        return new HvfMemoryBlock(functions, memory, size);
    }

    /// <summary>A section that is a page longer, so that an aligned part of it is long enough on systems of smaller pages.</summary>
    private static HvfMemoryBlock Section(ulong size, bool isShareable)
    {
        MemoryMappedFile file;
        try
        {
            file = MemoryMappedFile.CreateNew(null, checked((long)size + HvfCapabilities.PageSize), MemoryMappedFileAccess.ReadWrite);
        }
        catch (IOException e)
        {
            throw new HypervisorException(HvfError.BackendName, "mmap", e.HResult, e.Message, "Give the guest less memory.");
        }

        return View(file, 0, size, HvfCapabilities.PageSize, MemoryMappedFileAccess.ReadWrite, isShareable);
    }

    private static HvfMemoryBlock FromFile(ulong size, MemoryBacking.FileBacking file) => BackingFile.Use(file, size, HvfCapabilities.PageSize, handle =>
    {
        bool isShared = file.Sharing == FileSharing.Shared;
        MemoryMappedFileAccess section = isShared ? MemoryMappedFileAccess.ReadWrite : MemoryMappedFileAccess.Read;
        MemoryMappedFileAccess view = isShared ? MemoryMappedFileAccess.ReadWrite : MemoryMappedFileAccess.CopyOnWrite;
        return View(MemoryMappedFile.CreateFromFile(handle, null, 0, section, HandleInheritability.None, leaveOpen: true), file.Offset, size, 0, view, isShareable: false);
    });

    private static HvfMemoryBlock View(MemoryMappedFile file, long offset, ulong size, long slack, MemoryMappedFileAccess access, bool isShareable)
    {
        MemoryMappedViewAccessor? view = null;
        try
        {
            view = file.CreateViewAccessor(offset, checked((long)size + slack), access);
            nint start = view.SafeMemoryMappedViewHandle.DangerousGetHandle() + (nint)view.PointerOffset;
            nint aligned = (start + HvfCapabilities.PageSize - 1) & ~(nint)(HvfCapabilities.PageSize - 1);
            if (aligned - start > slack)
            {
                throw new HypervisorException(
                    HvfError.BackendName, "mmap", 0, $"The system has mapped the file at 0x{start:X}, which is no multiple of {HvfCapabilities.PageSize}.",
                    "Read the file into anonymous memory.");
            }

            return new HvfMemoryBlock(file, view, aligned, size) { Shared = isShareable ? file.SafeMemoryMappedFileHandle : null };
        }
        catch (IOException e)
        {
            view?.Dispose();
            file.Dispose();
            throw new HypervisorException(HvfError.BackendName, "mmap", e.HResult, e.Message, "Give the guest less memory.");
        }
        catch
        {
            view?.Dispose();
            file.Dispose();
            throw;
        }
    }

    private void Touch()
    {
        for (ulong offset = 0; offset < ByteLength; offset += HvfCapabilities.PageSize)
        {
            // SAFETY: within the block. A read brings the page in and changes nothing.
            Volatile.Read(ref Pointer[offset]);
        }
    }
}
