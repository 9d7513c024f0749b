namespace HvSdk.Emulation.Differential;

/// <summary>Values at which instructions tend to differ.</summary>
internal static class InterestingValues
{
    private static readonly ulong[] s_edges =
    [
        0, 1, 2, 3, 7, 8, 15, 16, 31, 32, 33, 63, 64, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x1_0000, 0x7FFF_FFFF, 0x8000_0000,
        0xFFFF_FFFF, 0x1_0000_0000, 0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, 0xFFFF_FFFF_FFFF_FFFF, 0xFFFF_FFFF_FFFF_FF80,
        0xFFFF_FFFF_FFFF_8000, 0xFFFF_FFFF_8000_0000, 0x5555_5555_5555_5555, 0xAAAA_AAAA_AAAA_AAAA, 0x0123_4567_89AB_CDEF,
        0x9999_9999_9999_9999, 0x0A, 0x99, 0x9A, 0x0F0F,
    ];

    private static readonly ulong[] s_floats =
    [
        0x0000_0000_0000_0000, 0x8000_0000_0000_0000, 0x3FF0_0000_0000_0000, 0xBFF0_0000_0000_0000, 0x7FF0_0000_0000_0000,
        0xFFF0_0000_0000_0000, 0x7FF8_0000_0000_0000, 0x7FF0_0000_0000_0001, 0x0000_0000_0000_0001, 0x000F_FFFF_FFFF_FFFF,
        0x0010_0000_0000_0000, 0x7FEF_FFFF_FFFF_FFFF, 0x41E0_0000_0000_0000, 0xC1E0_0000_0000_0000, 0x43E0_0000_0000_0000,
        0x3FE0_0000_0000_0000, 0x3FF8_0000_0000_0000, 0x4004_0000_0000_0000, 0x3F80_0000_3F80_0000, 0xBF80_0000_7F80_0000,
        0x7FC0_0000_7F80_0001, 0x0000_0001_8000_0000, 0x007F_FFFF_0080_0000, 0x7F7F_FFFF_4F00_0000, 0x3F00_0000_3FC0_0000,
        0xFFC0_0000_FF80_0000, 0x3F80_0000_0000_0000, 0x4049_0FDB_402D_F854,
    ];

    /// <summary>A register's value, of 64 bits.</summary>
    public static ulong Register(ref RandomSource random) => random.Below(8) switch
    {
        0 or 1 => random.Pick<ulong>(s_edges),
        2 => random.Next(),
        3 => random.Next() & 0xFFFF_FFFF,
        4 => (ulong)random.Below(256),
        5 => (ulong)(long)(sbyte)random.Next(),
        6 => 1UL << random.Below(64),
        _ => random.Pick<ulong>(s_edges) ^ (random.Chance(50) ? 0 : ulong.MaxValue),
    };

    /// <summary>Eight bytes of memory or of a vector register.</summary>
    public static ulong Memory(ref RandomSource random) => random.Below(8) switch
    {
        0 or 1 => random.Next(),
        2 => random.Pick<ulong>(s_edges),
        3 or 4 => random.Pick<ulong>(s_floats),
        5 => (random.Next() & 0x800F_FFFF_FFFF_FFFF) | ((ulong)(0x3F0 + random.Below(32)) << 52), // a double near 1
        6 => Single(ref random) | ((ulong)Single(ref random) << 32),
        _ => (ulong)random.Below(64),
    };

    private static uint Single(ref RandomSource random) => ((uint)random.Next() & 0x807F_FFFF) | ((uint)(0x70 + random.Below(32)) << 23);
}
