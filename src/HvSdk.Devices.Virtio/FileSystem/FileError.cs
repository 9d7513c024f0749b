namespace HvSdk.Devices.Virtio;

/// <summary>How an operation on a shared tree ended: 0, or the number that Linux has for the error, under its name there.</summary>
/// <remarks>Other numbers from 1 to 4095 that Linux knows may be cast; the guest gets them as they are.</remarks>
public enum FileError
{
    /// <summary>No error.</summary>
    None = 0,

    /// <summary>Operation not permitted.</summary>
    EPERM = 1,

    /// <summary>No such file or directory.</summary>
    ENOENT = 2,

    /// <summary>Input/output error.</summary>
    EIO = 5,

    /// <summary>No such device or address; also: no data behind this offset.</summary>
    ENXIO = 6,

    /// <summary>Bad file handle.</summary>
    EBADF = 9,

    /// <summary>Try again.</summary>
    EAGAIN = 11,

    /// <summary>Out of memory.</summary>
    ENOMEM = 12,

    /// <summary>Permission denied.</summary>
    EACCES = 13,

    /// <summary>Busy.</summary>
    EBUSY = 16,

    /// <summary>It exists.</summary>
    EEXIST = 17,

    /// <summary>Another file system.</summary>
    EXDEV = 18,

    /// <summary>Not a directory.</summary>
    ENOTDIR = 20,

    /// <summary>A directory.</summary>
    EISDIR = 21,

    /// <summary>Invalid argument.</summary>
    EINVAL = 22,

    /// <summary>Too many nodes are known, or files open, in all.</summary>
    ENFILE = 23,

    /// <summary>Too many open files.</summary>
    EMFILE = 24,

    /// <summary>File too large.</summary>
    EFBIG = 27,

    /// <summary>No space left.</summary>
    ENOSPC = 28,

    /// <summary>A read-only file system.</summary>
    EROFS = 30,

    /// <summary>Too many links.</summary>
    EMLINK = 31,

    /// <summary>Name too long.</summary>
    ENAMETOOLONG = 36,

    /// <summary>Not implemented. For some operations the guest's kernel then finds its own way, and does not ask again.</summary>
    ENOSYS = 38,

    /// <summary>Directory not empty.</summary>
    ENOTEMPTY = 39,

    /// <summary>Too many symbolic links on the way, or one where none may be.</summary>
    ELOOP = 40,

    /// <summary>No data.</summary>
    ENODATA = 61,

    /// <summary>Protocol error.</summary>
    EPROTO = 71,

    /// <summary>Operation not supported.</summary>
    EOPNOTSUPP = 95,

    /// <summary>The node is no more what it was.</summary>
    ESTALE = 116,

    /// <summary>Quota exceeded.</summary>
    EDQUOT = 122,
}
