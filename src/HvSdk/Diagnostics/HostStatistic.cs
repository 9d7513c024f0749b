namespace HvSdk;

/// <summary>A counter that the host's hypervisor keeps.</summary>
/// <param name="Name">Its name, as the host spells it.</param>
/// <param name="Values">Its value, or the buckets of a histogram.</param>
/// <param name="Unit">What it counts: "", "bytes", "seconds", "cycles" or "boolean".</param>
/// <param name="Exponent">The values times 10 (or 2, where <paramref name="ExponentBase"/> is 2) to this power are in <paramref name="Unit"/>.</param>
/// <param name="ExponentBase">10 or 2.</param>
public sealed record HostStatistic(string Name, IReadOnlyList<ulong> Values, string Unit, int Exponent, int ExponentBase)
{
    /// <summary>The value of a counter that has just one.</summary>
    public ulong Value => Values.Count == 1
        ? Values[0]
        : throw new InvalidOperationException($"{Name} is a histogram of {Values.Count} buckets; read {nameof(Values)}.");
}
