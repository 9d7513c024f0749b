namespace HvSdk.Boot;

/// <summary>The mode in which a flat image is entered.</summary>
public enum FlatImageMode
{
    /// <summary>16-bit real mode.</summary>
    Real,

    /// <summary>32-bit protected mode: flat segments, no paging.</summary>
    Protected,

    /// <summary>64-bit mode: the first 4 GiB, and the image, are seen at their own addresses.</summary>
    Long,
}
