namespace HvSdk.Devices.Emulated.State;

/// <summary>Checks saved state field by field: it may come from anywhere.</summary>
internal static class StateCheck
{
    /// <summary>A number within a range.</summary>
    internal static void Range(string field, long value, long min, long max)
    {
        if (value < min || value > max)
        {
            throw new ArgumentException($"{field} is 0x{value:X}, outside 0x{min:X} to 0x{max:X}.", "state");
        }
    }

    /// <summary>A register of which some bits exist.</summary>
    internal static void Bits(string field, uint value, uint mask)
    {
        if ((value & ~mask) != 0)
        {
            throw new ArgumentException($"{field} is 0x{value:X2}, and only the bits of 0x{mask:X2} exist.", "state");
        }
    }

    /// <summary>An array of so many elements.</summary>
    internal static void Length(string field, byte[]? value, int min, int max)
    {
        if (value is null || value.Length < min || value.Length > max)
        {
            throw new ArgumentException(
                $"{field} {(value is null ? "is null" : $"has {value.Length} elements")}, and should have {(min == max ? $"{min}" : $"{min} to {max}")}.", "state");
        }
    }
}
