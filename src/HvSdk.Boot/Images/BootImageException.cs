namespace HvSdk.Boot;

/// <summary>An image cannot be booted: it is damaged, cut, of another kind, or for another machine.</summary>
public sealed class BootImageException : Exception
{
    internal BootImageException(string image, string field, long offset, string found, string expected)
        : base($"{image}: {field} at offset 0x{offset:X} is {found}; expected {expected}.")
    {
        Image = image;
        Field = field;
        Offset = offset;
        Found = found;
        Expected = expected;
    }

    /// <summary>Name of the image.</summary>
    public string Image { get; }

    /// <summary>The field of its format that is wrong.</summary>
    public string Field { get; }

    /// <summary>Where in the image the field is, in bytes.</summary>
    public long Offset { get; }

    /// <summary>What was found there.</summary>
    public string Found { get; }

    /// <summary>What can be booted.</summary>
    public string Expected { get; }
}
