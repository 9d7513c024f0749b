using System.Globalization;

namespace HvSdk;

/// <summary>The write that rings a <see cref="Doorbell"/>.</summary>
/// <param name="Space">Which bus the guest writes to.</param>
/// <param name="Address">The port or GPA.</param>
/// <param name="Size">Bytes of the write: 1, 2, 4 or 8 (ports: not 8), or 0 for a write of any size, which is the fastest.</param>
/// <param name="Value">The value that must be written, or null for any; needs a <paramref name="Size"/>.</param>
public readonly record struct DoorbellLocation(BusSpace Space, ulong Address, int Size, ulong? Value)
{
    /// <summary>A doorbell in the GPAs without memory.</summary>
    /// <param name="address">The GPA.</param>
    /// <param name="size">Bytes of the write, or 0 for any.</param>
    /// <param name="value">The value that must be written, or null for any.</param>
    public static DoorbellLocation Mmio(ulong address, int size = 0, ulong? value = null) => new(BusSpace.Mmio, address, size, value);

    /// <summary>A doorbell in the I/O ports.</summary>
    /// <param name="port">The port.</param>
    /// <param name="size">Bytes of the write, or 0 for any.</param>
    /// <param name="value">The value that must be written, or null for any.</param>
    public static DoorbellLocation Port(ushort port, int size = 0, ulong? value = null) => new(BusSpace.Ports, port, size, value);

    /// <inheritdoc/>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Space} 0x{Address:X}, {(Size == 0 ? "any size" : $"{Size} bytes")}, {(Value is { } value ? $"value 0x{value:X}" : "any value")}");

    internal bool Matches(ulong address, ReadOnlySpan<byte> data)
    {
        if (address != Address || (Size != 0 && data.Length != Size))
        {
            return false;
        }

        ulong written = 0;
        for (int i = data.Length - 1; i >= 0; i--)
        {
            written = (written << 8) | data[i];
        }

        return Value is null || Value == written;
    }

    internal void Validate(string parameter)
    {
        bool sizeFits = Size is 0 or 1 or 2 or 4 || (Size == 8 && Space == BusSpace.Mmio);
        if (!sizeFits)
        {
            throw new ArgumentException($"A doorbell on {Space} cannot have {Size} bytes. Use 0 for any size, or 1, 2, 4, and 8 on MMIO.", parameter);
        }

        if (Space == BusSpace.Ports && Address > ushort.MaxValue)
        {
            throw new ArgumentException($"There is no port 0x{Address:X}; the last one is 0xFFFF.", parameter);
        }

        if (Value is not { } value)
        {
            return;
        }

        if (Size == 0)
        {
            throw new ArgumentException("A doorbell that waits for a value needs to know the size of the write.", parameter);
        }

        if (Size < 8 && value >> (Size * 8) != 0)
        {
            throw new ArgumentException($"The value 0x{value:X} does not fit a write of {Size} bytes, so it would never ring.", parameter);
        }
    }
}

/// <summary>The address spaces that devices live in.</summary>
public enum BusSpace
{
    /// <summary>GPAs without memory.</summary>
    Mmio,

    /// <summary>I/O ports (x64).</summary>
    Ports,
}
