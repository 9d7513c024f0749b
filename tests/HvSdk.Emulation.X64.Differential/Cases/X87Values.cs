using System.Buffers.Binary;

namespace HvSdk.Emulation.Differential;

/// <summary>Values of an x87 register, in extended precision.</summary>
internal static class X87Values
{
    private static readonly (ushort Exponent, ulong Significand)[] s_values =
    [
        (0, 0), (0x8000, 0), (0x3FFF, 1UL << 63), (0xBFFF, 1UL << 63), (0x7FFF, 1UL << 63), (0xFFFF, 1UL << 63), (0x7FFF, 3UL << 62), (0x7FFF, 0x8000_0000_0000_0001),
        (0, 1), (0, 1UL << 63), (1, 1UL << 63), (0x7FFE, ulong.MaxValue), (0x403E, 1UL << 63), (0xC03E, 1UL << 63), (0x4000, 0xC90F_DAA2_2168_C235), (0x3FFE, 1UL << 63),
    ];

    /// <summary>Writes ten bytes, and six of zero.</summary>
    public static void Write(ref RandomSource random, Span<byte> register)
    {
        (ushort exponent, ulong significand) = random.Below(4) switch
        {
            0 or 1 => random.Pick<(ushort, ulong)>(s_values),
            2 => ((ushort)((int)(random.Next() & 0x8000) + 0x3FF0 + random.Below(80)), random.Next() | (1UL << 63)),
            _ => ((ushort)((int)(random.Next() & 0x8000) + 0x3FFF + random.Below(20)), ((ulong)random.Below(1 << 20) << 44) | (1UL << 63)),
        };
        BinaryPrimitives.WriteUInt64LittleEndian(register, significand);
        BinaryPrimitives.WriteUInt64LittleEndian(register[8..], exponent);
    }
}
