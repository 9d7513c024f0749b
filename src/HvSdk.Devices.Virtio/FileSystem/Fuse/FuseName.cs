namespace HvSdk.Devices.Virtio;

/// <summary>Which names a directory can have.</summary>
internal static class FuseName
{
    /// <summary>NAME_MAX of Linux.</summary>
    public const int MaxLength = 255;

    /// <summary>PATH_MAX of Linux, without the NUL at the end: what a symbolic link's target can have.</summary>
    public const int MaxTargetLength = 4095;

    public static FileError Check(ReadOnlySpan<byte> name)
    {
        if (name.Length > MaxLength)
        {
            return FileError.ENAMETOOLONG;
        }

        return name.IsEmpty || name.ContainsAny((byte)'/', (byte)0) || name.SequenceEqual("."u8) || name.SequenceEqual(".."u8) ? FileError.EINVAL : FileError.None;
    }
}
