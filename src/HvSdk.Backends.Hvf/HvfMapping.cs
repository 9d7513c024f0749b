namespace HvSdk.Backends.Hvf;

/// <summary>Memory that the guest sees: the token of a mapping. <see cref="HvfMemory"/> guards it.</summary>
internal sealed unsafe class HvfMapping(ulong address, ulong size, byte* host, MemoryAccess access)
{
    internal ulong Address { get; } = address;

    internal ulong Size { get; } = size;

    internal MemoryAccess Access { get; } = access;

    // SAFETY: valid until the mapping is gone.
    internal byte* Host { get; } = host;

    /// <summary>Pages that the guest has written since they were collected, or null where nobody wants to know.</summary>
    internal ulong[]? DirtyPages { get; set; }
}
