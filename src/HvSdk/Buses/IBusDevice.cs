namespace HvSdk;

/// <summary>What answers a window of a <see cref="DeviceBus"/>: registers in, bytes out.</summary>
/// <remarks>
/// Called on the thread of the vCPU that made the access, several vCPUs at once where the partition has several: a device that keeps state locks
/// it. Do not block: slow work belongs to a worker that waits on a <see cref="Doorbell"/>. A guest may make any access at all, so any
/// offset and length within the window is to be expected, and none is an error.
/// </remarks>
public interface IBusDevice
{
    /// <summary>The guest reads.</summary>
    /// <param name="offset">First byte, counted from the start of the window.</param>
    /// <param name="data">Gets the bytes, little-endian; all ones until they are set. 1, 2, 4 or 8 of them on most hosts, any number up to 8 on all.</param>
    void Read(ulong offset, Span<byte> data);

    /// <summary>The guest writes.</summary>
    /// <param name="offset">First byte, counted from the start of the window.</param>
    /// <param name="data">The bytes, little-endian.</param>
    void Write(ulong offset, ReadOnlySpan<byte> data);
}
