namespace HvSdk.Devices.Virtio;

/// <summary>How a name moves; the values are those of renameat2(2).</summary>
[Flags]
public enum RenameModes
{
    /// <summary>What has the new name goes.</summary>
    None = 0,

    /// <summary>An error where the new name exists.</summary>
    NoReplace = 1,

    /// <summary>The two change places; both exist.</summary>
    Exchange = 2,
}
