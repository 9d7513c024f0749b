namespace HvSdk.Devices.Virtio;

/// <summary>Where the bytes of a <see cref="BlockDevice"/> are: a file, memory, or whatever you implement.</summary>
/// <remarks>
/// The device's worker calls, one call at a time, with ranges within the <see cref="Length"/> that the device last saw. Offsets and lengths are in bytes and may be
/// any: a guest can split a sector over buffers. The spans may be guest memory, which the guest may change meanwhile. A failure of the host is
/// thrown as an <see cref="IOException"/> (or an <see cref="UnauthorizedAccessException"/>, <see cref="ObjectDisposedException"/>, <see cref="NotSupportedException"/>) and becomes the guest's
/// input/output error; any other exception counts as a defect, after which the device asks to be reset.
/// </remarks>
public interface IBlockStorage
{
    /// <summary>Bytes, a multiple of 512.</summary>
    long Length { get; }

    /// <summary>It cannot be written: the guest is told so.</summary>
    bool IsReadOnly { get; }

    /// <summary><see cref="Discard"/> gives something back to the host: the guest is told that it may discard.</summary>
    bool CanDiscard => false;

    /// <summary>Reads.</summary>
    /// <param name="offset">First byte.</param>
    /// <param name="destination">What to fill, all of it.</param>
    /// <exception cref="IOException">The host cannot.</exception>
    void Read(long offset, Span<byte> destination);

    /// <summary>Writes. The bytes may stay in caches of the host until <see cref="Flush"/>.</summary>
    /// <param name="offset">First byte.</param>
    /// <param name="source">What to write, all of it.</param>
    /// <exception cref="IOException">The host cannot, as when its disk is full.</exception>
    void Write(long offset, ReadOnlySpan<byte> source);

    /// <summary>Reads into the buffers of a request. By default <see cref="Read(long, Span{byte})"/> gets one after the other, in place.</summary>
    /// <remarks>For a storage of which a call costs much, whatever its length: all the buffers are one call of a file (<see cref="WritableBuffers.ReadFile"/>), or are filled by one copy.</remarks>
    /// <param name="offset">First byte.</param>
    /// <param name="destination">What to fill, all of it; gone when the call returns.</param>
    /// <exception cref="IOException">The host cannot.</exception>
    void Read(long offset, WritableBuffers destination)
    {
        for (int done = 0; done < destination.Length;)
        {
            done += destination.Access(done, (Storage: this, Offset: offset + done), static (span, at) => at.Storage.Read(at.Offset, span));
        }
    }

    /// <summary>Writes the buffers of a request. By default <see cref="Write(long, ReadOnlySpan{byte})"/> gets one after the other, in place.</summary>
    /// <remarks>As <see cref="Read(long, WritableBuffers)"/>.</remarks>
    /// <param name="offset">First byte.</param>
    /// <param name="source">What to write, all of it; gone when the call returns.</param>
    /// <exception cref="IOException">The host cannot, as when its disk is full.</exception>
    void Write(long offset, ReadableBuffers source)
    {
        for (int done = 0; done < source.Length;)
        {
            done += source.Access(done, (Storage: this, Offset: offset + done), static (span, at) => at.Storage.Write(at.Offset, span));
        }
    }

    /// <summary>Returns when all that was written before is safe from a loss of power.</summary>
    /// <exception cref="IOException">The host cannot say so.</exception>
    void Flush();

    /// <summary>The guest does not need a range any more; what it reads there from now on is anything. Called where <see cref="CanDiscard"/>.</summary>
    /// <param name="offset">First byte.</param>
    /// <param name="length">How many.</param>
    /// <exception cref="IOException">The host cannot.</exception>
    void Discard(long offset, long length)
    {
    }

    /// <summary>Makes a range read as zeroes. By default it writes them.</summary>
    /// <param name="offset">First byte.</param>
    /// <param name="length">How many.</param>
    /// <param name="mayDiscard">The room may be given back to the host.</param>
    /// <exception cref="IOException">The host cannot.</exception>
    void WriteZeroes(long offset, long length, bool mayDiscard) => BlockRange.WriteZeroes(this, offset, length);
}
