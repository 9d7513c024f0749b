using System.Buffers.Binary;

namespace HvSdk.Devices.Virtio;

/// <summary>The sum that IP, TCP and UDP check themselves with (RFC 1071): 16-bit words, in ones' complement.</summary>
internal static class InternetChecksum
{
    /// <summary>Adds bytes to a sum, as words in network order. A last odd byte counts as the upper half of a word.</summary>
    public static ulong Add(ulong sum, ReadOnlySpan<byte> bytes)
    {
        // Words of 32 bits sum up to the same; 64 bits have room for the carries of four billion of them.
        while (bytes.Length >= sizeof(uint))
        {
            sum += BinaryPrimitives.ReadUInt32BigEndian(bytes);
            bytes = bytes[sizeof(uint)..];
        }

        if (bytes.Length >= sizeof(ushort))
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(bytes);
            bytes = bytes[sizeof(ushort)..];
        }

        return bytes.IsEmpty ? sum : sum + ((ulong)bytes[0] << 8);
    }

    /// <summary>Brings a sum down to 16 bits; its complement is the checksum.</summary>
    public static ushort Fold(ulong sum)
    {
        while (sum > ushort.MaxValue)
        {
            sum = (sum & ushort.MaxValue) + (sum >> 16);
        }

        return (ushort)sum;
    }
}
