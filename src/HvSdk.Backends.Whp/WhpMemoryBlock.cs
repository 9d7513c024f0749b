using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace HvSdk.Backends.Whp;

/// <summary>The memory behind a region: a view of a section, which is the form that all backings have on Windows.</summary>
/// <remarks>The framework makes the sections, so that nothing here is Windows' alone; pages come zeroed, and as they are touched.</remarks>
internal sealed unsafe class WhpMemoryBlock : SafeBuffer
{
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;

    private WhpMemoryBlock(MemoryMappedFile file, MemoryMappedViewAccessor view, ulong size, bool isShareable)
        : base(ownsHandle: true)
    {
        _file = file;
        _view = view;
        Section = isShareable ? file.SafeMemoryMappedFileHandle : null;

        // Where the offset is no multiple of the system's granularity (64 KiB on Windows), the view begins before it.
        SetHandle(view.SafeMemoryMappedViewHandle.DangerousGetHandle() + (nint)view.PointerOffset);
        Initialize(size);
    }

    /// <summary>The section's handle, or null where the memory cannot be shared.</summary>
    internal SafeMemoryMappedFileHandle? Section { get; }

    // SAFETY: valid until the block is disposed of, which the core does after the last mapping of it is gone.
    internal byte* Pointer => (byte*)handle;

    internal static WhpMemoryBlock Allocate(ulong size, MemoryRegionOptions options)
    {
        WhpMemoryBlock block = options.Backing switch
        {
            MemoryBacking.AnonymousBacking => View(NewSection(size), 0, size, MemoryMappedFileAccess.ReadWrite, isShareable: false),
            MemoryBacking.ShareableBacking => View(NewSection(size), 0, size, MemoryMappedFileAccess.ReadWrite, isShareable: true),
            MemoryBacking.FileBacking file => FromFile(size, file),
            _ => throw new ArgumentException($"WHP does not know the backing {options.Backing.GetType().Name}.", nameof(options)),
        };
        if (options.Populate)
        {
            block.Touch(options.Backing is not MemoryBacking.FileBacking);
        }

        return block;
    }

    protected override bool ReleaseHandle()
    {
        _view.Dispose();
        _file.Dispose();
        return true;
    }

    private static MemoryMappedFile NewSection(ulong size)
    {
        try
        {
            return MemoryMappedFile.CreateNew(null, checked((long)size), MemoryMappedFileAccess.ReadWrite);
        }
        catch (IOException e)
        {
            throw WhpError.Create("CreateFileMapping", e.HResult, e.Message);
        }
    }

    private static WhpMemoryBlock FromFile(ulong size, MemoryBacking.FileBacking file) => BackingFile.Use(file, size, WhpMemory.PageSize, handle =>
    {
        bool isShared = file.Sharing == FileSharing.Shared;
        MemoryMappedFileAccess section = isShared ? MemoryMappedFileAccess.ReadWrite : MemoryMappedFileAccess.Read;
        MemoryMappedFileAccess view = isShared ? MemoryMappedFileAccess.ReadWrite : MemoryMappedFileAccess.CopyOnWrite;
        return View(MemoryMappedFile.CreateFromFile(handle, null, 0, section, HandleInheritability.None, leaveOpen: true), file.Offset, size, view, isShareable: false);
    });

    private static WhpMemoryBlock View(MemoryMappedFile file, long offset, ulong size, MemoryMappedFileAccess access, bool isShareable)
    {
        try
        {
            return new WhpMemoryBlock(file, file.CreateViewAccessor(offset, checked((long)size), access), size, isShareable);
        }
        catch (IOException e)
        {
            file.Dispose();
            throw WhpError.Create("MapViewOfFile", e.HResult, e.Message);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Fetches all pages; a write where that keeps a page from being fetched twice.</summary>
    private void Touch(bool write)
    {
        for (ulong offset = 0; offset < ByteLength; offset += WhpMemory.PageSize)
        {
            // SAFETY: within the block. A page of fresh memory holds zeros.
            byte* page = Pointer + offset;
            if (write)
            {
                Volatile.Write(ref *page, 0);
            }
            else
            {
                Volatile.Read(ref *page);
            }
        }
    }
}
