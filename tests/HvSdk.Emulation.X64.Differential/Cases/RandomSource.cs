namespace HvSdk.Emulation.Differential;

/// <summary>Random numbers that are the same everywhere and for ever, for a seed: SplitMix64.</summary>
public struct RandomSource(ulong seed)
{
    private ulong _state = seed;

    /// <summary>64 random bits.</summary>
    public ulong Next()
    {
        _state += 0x9E37_79B9_7F4A_7C15;
        ulong value = _state;
        value = (value ^ (value >> 30)) * 0xBF58_476D_1CE4_E5B9;
        value = (value ^ (value >> 27)) * 0x94D0_49BB_1331_11EB;
        return value ^ (value >> 31);
    }

    /// <summary>A number from 0 to <paramref name="end"/> - 1.</summary>
    /// <param name="end">What the number is below of.</param>
    public int Below(int end) => (int)((UInt128)Next() * (ulong)end >> 64);

    /// <summary>True as often as this.</summary>
    /// <param name="percent">Out of 100 times.</param>
    public bool Chance(int percent) => Below(100) < percent;

    /// <summary>One of these.</summary>
    /// <typeparam name="T">What they are.</typeparam>
    /// <param name="items">These.</param>
    public T Pick<T>(ReadOnlySpan<T> items) => items[Below(items.Length)];

    /// <summary>The seed of the case with this number.</summary>
    /// <param name="seed">The run's seed.</param>
    /// <param name="index">The case's number.</param>
    public static ulong Derive(ulong seed, long index) => new RandomSource(seed ^ new RandomSource((ulong)index).Next()).Next();
}
