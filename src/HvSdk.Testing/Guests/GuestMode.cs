namespace HvSdk.Testing;

/// <summary>The processor mode that a <see cref="GuestProgram"/> starts in.</summary>
public enum GuestMode
{
    /// <summary>Real mode: 16-bit code, no protection.</summary>
    Real = 16,

    /// <summary>Protected mode: 32-bit code in flat segments of 4 GiB, with or without paging.</summary>
    Protected = 32,

    /// <summary>Long mode: 64-bit code under 4-level page tables.</summary>
    Long = 64,
}
