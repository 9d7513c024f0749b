namespace HvSdk.Testing;

/// <summary>What a page mapped by a <see cref="PageTableBuilder"/> allows; the values are bits of a page table entry.</summary>
[Flags]
public enum PageFlags : ulong
{
    /// <summary>Readable and executable by privilege levels 0 to 2.</summary>
    None = 0,

    /// <summary>Writable.</summary>
    Writable = 1UL << 1,

    /// <summary>Accessible from privilege level 3.</summary>
    User = 1UL << 2,

    /// <summary>Write-through caching.</summary>
    WriteThrough = 1UL << 3,

    /// <summary>No caching.</summary>
    CacheDisable = 1UL << 4,

    /// <summary>Not executable; needs <see cref="X64Efer.NoExecuteEnable"/>, which a <see cref="GuestProgram"/> then sets.</summary>
    NoExecute = 1UL << 63,
}
