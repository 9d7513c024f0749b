namespace HvSdk.Devices.Virtio.Linux.Interop;

/// <summary>Names for system calls: one component of a path, with a NUL behind it.</summary>
/// <remarks>Whatever the callers have checked, a name that could lead anywhere else than into its directory ends here.</remarks>
internal static class NativeName
{
    /// <summary>Room for the longest name and its NUL.</summary>
    internal const int Size = 256;

    /// <summary>Room for the longest target of a symbolic link and its NUL (PATH_MAX).</summary>
    internal const int TargetSize = 4096;

    /// <summary>No name: the descriptor itself, with AT_EMPTY_PATH.</summary>
    internal static ReadOnlySpan<byte> Empty => "\0"u8;

    /// <summary>The directory itself.</summary>
    internal static ReadOnlySpan<byte> Dot => ".\0"u8;

    /// <summary>Copies a name; false where it is none.</summary>
    internal static bool TryCopy(ReadOnlySpan<byte> name, Span<byte> destination)
    {
        if (name.IsEmpty || name.Length >= Size || name.ContainsAny((byte)'/', (byte)0) || name.SequenceEqual("."u8) || name.SequenceEqual(".."u8))
        {
            return false;
        }

        name.CopyTo(destination);
        destination[name.Length] = 0;
        return true;
    }

    /// <summary>Copies the target of a symbolic link; false where it is none.</summary>
    internal static bool TryCopyTarget(ReadOnlySpan<byte> target, Span<byte> destination)
    {
        if (target.IsEmpty || target.Length >= TargetSize || target.Contains((byte)0))
        {
            return false;
        }

        target.CopyTo(destination);
        destination[target.Length] = 0;
        return true;
    }
}
