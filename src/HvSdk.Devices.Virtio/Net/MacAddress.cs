using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;

namespace HvSdk.Devices.Virtio;

/// <summary>An Ethernet address, 48 bits.</summary>
public readonly record struct MacAddress : ISpanParsable<MacAddress>
{
    internal const int Length = 6;

    private const ulong MulticastBit = 1UL << 40;
    private const ulong LocalBit = 2UL << 40;
    private const int TextLength = 17;

    private readonly ulong _value; // the first byte is the highest of six

    private MacAddress(ulong value)
    {
        _value = value;
    }

    /// <summary>Takes an address from its bytes, in the order in which they go over a wire.</summary>
    /// <param name="bytes">Six bytes.</param>
    /// <exception cref="ArgumentException">They are not six.</exception>
    public MacAddress(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Length)
        {
            throw new ArgumentException($"An Ethernet address has {Length} bytes, and these are {bytes.Length}.", nameof(bytes));
        }

        _value = Read(bytes);
    }

    /// <summary>It names a group of stations, or all of them, and cannot be a station's own.</summary>
    public bool IsMulticast => (_value & MulticastBit) != 0;

    /// <summary>It can be a station's own: not a group's, and not all zeroes.</summary>
    public bool IsStation => !IsMulticast && _value != 0;

    internal ulong Value => _value;

    /// <summary>A random address of the range that belongs to no manufacturer.</summary>
    public static MacAddress CreateRandom()
    {
        Span<byte> bytes = stackalloc byte[Length];
        RandomNumberGenerator.Fill(bytes);
        return new MacAddress((Read(bytes) & ~MulticastBit) | LocalBit);
    }

    /// <summary>Reads text such as 52:54:00:12:34:56, or with hyphens.</summary>
    /// <param name="s">The text.</param>
    /// <param name="provider">Not used.</param>
    /// <exception cref="FormatException">It is no such address.</exception>
    public static MacAddress Parse(string s, IFormatProvider? provider = null)
    {
        ArgumentNullException.ThrowIfNull(s);
        return Parse(s.AsSpan(), provider);
    }

    /// <inheritdoc cref="Parse(string, IFormatProvider?)"/>
    public static MacAddress Parse(ReadOnlySpan<char> s, IFormatProvider? provider = null) =>
        TryParse(s, provider, out MacAddress address) ? address : throw new FormatException($"\"{s}\" is no Ethernet address. Write six bytes in hexadecimal, as 52:54:00:12:34:56.");

    /// <inheritdoc/>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out MacAddress result) => TryParse(s.AsSpan(), provider, out result);

    /// <inheritdoc/>
    public static bool TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, out MacAddress result)
    {
        result = default;
        if (s.Length != TextLength)
        {
            return false;
        }

        ulong value = 0;
        for (int i = 0; i < Length; i++)
        {
            int at = i * 3;
            if ((i > 0 && s[at - 1] is not (':' or '-')) || !byte.TryParse(s.Slice(at, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte part))
            {
                return false;
            }

            value = (value << 8) | part;
        }

        result = new MacAddress(value);
        return true;
    }

    /// <summary>Writes the six bytes in the order in which they go over a wire.</summary>
    /// <param name="destination">At least six bytes.</param>
    /// <exception cref="ArgumentException">It is shorter.</exception>
    public void CopyTo(Span<byte> destination)
    {
        if (destination.Length < Length)
        {
            throw new ArgumentException($"An Ethernet address has {Length} bytes, and there is room for {destination.Length}.", nameof(destination));
        }

        BinaryPrimitives.WriteUInt16BigEndian(destination, (ushort)(_value >> 32));
        BinaryPrimitives.WriteUInt32BigEndian(destination[2..], (uint)_value);
    }

    /// <summary>The address as text, as 52:54:00:12:34:56.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Part(5):x2}:{Part(4):x2}:{Part(3):x2}:{Part(2):x2}:{Part(1):x2}:{Part(0):x2}");

    internal static ulong Read(ReadOnlySpan<byte> bytes) => ((ulong)BinaryPrimitives.ReadUInt16BigEndian(bytes) << 32) | BinaryPrimitives.ReadUInt32BigEndian(bytes[2..]);

    private byte Part(int index) => (byte)(_value >> (8 * index));
}
