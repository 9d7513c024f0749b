namespace HvSdk.Devices;

/// <summary>The value of a named ACPI object (ACPI 6.5, 19.3.5).</summary>
public abstract record AcpiValue
{
    private AcpiValue()
    {
    }

    /// <summary>An integer of 64 bits.</summary>
    /// <param name="value">The value.</param>
    public static AcpiValue Of(ulong value) => new Integer(value);

    /// <summary>A string of ASCII characters.</summary>
    /// <param name="value">The value.</param>
    public static AcpiValue Of(string value) => new Text(value);

    /// <summary>A buffer of bytes.</summary>
    /// <param name="value">The value.</param>
    public static AcpiValue Of(ReadOnlyMemory<byte> value) => new Bytes(value);

    /// <summary>A package: an ordered list of at most 255 values.</summary>
    /// <param name="elements">The values.</param>
    public static AcpiValue Package(params IReadOnlyList<AcpiValue> elements) => new List(elements);

    /// <summary>An integer.</summary>
    /// <param name="Value">The value.</param>
    public sealed record Integer(ulong Value) : AcpiValue;

    /// <summary>A string.</summary>
    /// <param name="Value">The value.</param>
    public sealed record Text(string Value) : AcpiValue;

    /// <summary>A buffer.</summary>
    /// <param name="Value">The value.</param>
    public sealed record Bytes(ReadOnlyMemory<byte> Value) : AcpiValue;

    /// <summary>A package.</summary>
    /// <param name="Elements">The values.</param>
    public sealed record List(IReadOnlyList<AcpiValue> Elements) : AcpiValue;
}
