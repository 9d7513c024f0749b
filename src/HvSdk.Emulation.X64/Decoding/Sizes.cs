namespace HvSdk.Emulation;

/// <summary>Sizes of operands.</summary>
internal static class Sizes
{
    /// <summary>The bits of a value of so many bytes.</summary>
    internal static ulong Mask(int size) => size switch
    {
        1 => 0xFF,
        2 => 0xFFFF,
        4 => 0xFFFF_FFFF,
        _ => ulong.MaxValue,
    };

    /// <summary>Extends the sign of a value of so many bytes to 64 bits.</summary>
    internal static ulong SignExtend(ulong value, int size) => size switch
    {
        1 => (ulong)(sbyte)value,
        2 => (ulong)(short)value,
        4 => (ulong)(int)value,
        _ => value,
    };
}
