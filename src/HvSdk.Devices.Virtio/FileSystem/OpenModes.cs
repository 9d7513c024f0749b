namespace HvSdk.Devices.Virtio;

/// <summary>What a file is opened for.</summary>
[Flags]
public enum OpenModes
{
    /// <summary>Neither; such as for its attributes.</summary>
    None = 0,

    /// <summary>Reading.</summary>
    Read = 1,

    /// <summary>Writing. A guest that appends says where its end is, so offsets count then too.</summary>
    Write = 2,

    /// <summary>The content goes first.</summary>
    Truncate = 4,
}
