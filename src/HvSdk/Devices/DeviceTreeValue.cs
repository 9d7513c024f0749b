namespace HvSdk.Devices;

/// <summary>The value of a device tree property (Devicetree Specification 0.4, 2.2.4).</summary>
public abstract record DeviceTreeValue
{
    private DeviceTreeValue()
    {
    }

    /// <summary>A property whose presence is all it says.</summary>
    public static DeviceTreeValue Present { get; } = new Cells([]);

    /// <summary>Cells of 32 bits.</summary>
    /// <param name="values">The cells.</param>
    public static DeviceTreeValue Of(params IReadOnlyList<uint> values) => new Cells(values);

    /// <summary>One string or several.</summary>
    /// <param name="values">The strings.</param>
    public static DeviceTreeValue Of(params IReadOnlyList<string> values) => new Texts(values);

    /// <summary>Bytes as they are.</summary>
    /// <param name="value">The bytes.</param>
    public static DeviceTreeValue Of(ReadOnlyMemory<byte> value) => new Bytes(value);

    /// <summary>Cells.</summary>
    /// <param name="Values">The cells.</param>
    public sealed record Cells(IReadOnlyList<uint> Values) : DeviceTreeValue;

    /// <summary>Strings.</summary>
    /// <param name="Values">The strings.</param>
    public sealed record Texts(IReadOnlyList<string> Values) : DeviceTreeValue;

    /// <summary>Bytes.</summary>
    /// <param name="Value">The bytes.</param>
    public sealed record Bytes(ReadOnlyMemory<byte> Value) : DeviceTreeValue;
}
