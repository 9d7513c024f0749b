namespace HvSdk.Testing;

/// <summary>Hands out pieces of guest memory, one after the other: what a driver's allocator does, for a test that plays the driver. One thread at a time.</summary>
public sealed class GuestArena
{
    private readonly ulong _start;
    private readonly ulong _end;
    private ulong _next;

    /// <summary>Makes one over a range of guest memory.</summary>
    /// <param name="memory">The memory.</param>
    /// <param name="address">First GPA.</param>
    /// <param name="size">Bytes.</param>
    public GuestArena(GuestMemory memory, ulong address, ulong size)
    {
        ArgumentNullException.ThrowIfNull(memory);
        Memory = memory;
        _start = _next = address;
        _end = address + size;
    }

    /// <summary>The memory.</summary>
    public GuestMemory Memory { get; }

    /// <summary>Takes a piece. Its bytes are as the last user left them.</summary>
    /// <param name="size">Bytes.</param>
    /// <param name="alignment">A power of two that its address is a multiple of.</param>
    /// <returns>Its GPA.</returns>
    /// <exception cref="InvalidOperationException">There is no room left.</exception>
    public ulong Allocate(ulong size, ulong alignment = 16)
    {
        ulong address = (_next + alignment - 1) & ~(alignment - 1);
        if (address + size > _end)
        {
            throw new InvalidOperationException($"The arena of 0x{_end - _start:X} bytes has no room for 0x{size:X} more. Make it larger, or call {nameof(Clear)} between rounds.");
        }

        _next = address + size;
        return address;
    }

    /// <summary>Takes a piece and fills it.</summary>
    /// <param name="content">The bytes.</param>
    /// <returns>Its GPA.</returns>
    public ulong Allocate(ReadOnlySpan<byte> content)
    {
        ulong address = Allocate((ulong)content.Length);
        Memory.Write(address, content);
        return address;
    }

    /// <summary>Where the arena stands, for <see cref="Clear"/>.</summary>
    public ulong Mark => _next;

    /// <summary>Takes all pieces back that were handed out since a mark.</summary>
    /// <param name="mark">A value of <see cref="Mark"/>; null: all pieces.</param>
    public void Clear(ulong? mark = null) => _next = mark ?? _start;
}
