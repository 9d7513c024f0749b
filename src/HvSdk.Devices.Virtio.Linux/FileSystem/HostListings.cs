using HvSdk.Devices.Virtio.Linux.Interop;

namespace HvSdk.Devices.Virtio.Linux;

/// <summary>The directories that a guest is listing: a few stay open, so that a listing goes on where it was even while entries go.</summary>
internal sealed class HostListings
{
    private const int Count = 8;

    private readonly Lock _gate = new();
    private readonly HostListing?[] _open = new HostListing?[Count];
    private int _next;

    /// <summary>Lists from a position on, until the writer is full.</summary>
    public FileError List(HostNode directory, ulong position, DirectoryWriter writer)
    {
        lock (_gate)
        {
            int index = Array.FindIndex(_open, listing => listing is not null && ReferenceEquals(listing.Directory, directory));
            if (index < 0)
            {
                FileError error = Opening.Directory(directory.Descriptor, out SafeFd? fd);
                if (error != FileError.None)
                {
                    return error;
                }

                index = _next;
                _next = (_next + 1) % Count;
                _open[index]?.Dispose();
                _open[index] = new HostListing(directory, fd!);
            }

            FileError result = _open[index]!.List(position, writer);
            if (result != FileError.None || _open[index]!.HasEnded)
            {
                _open[index]!.Dispose();
                _open[index] = null;
            }

            return result;
        }
    }

    /// <summary>A directory is not listed any more; null: none is.</summary>
    public void Close(HostNode? directory)
    {
        lock (_gate)
        {
            for (int i = 0; i < Count; i++)
            {
                if (directory is null || ReferenceEquals(_open[i]?.Directory, directory))
                {
                    _open[i]?.Dispose();
                    _open[i] = null;
                }
            }
        }
    }
}
