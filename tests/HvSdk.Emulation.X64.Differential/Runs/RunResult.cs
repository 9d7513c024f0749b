using Iced.Intel;

namespace HvSdk.Emulation.Differential;

/// <summary>What a run came to.</summary>
public sealed class RunResult
{
    /// <summary>What the host says of itself.</summary>
    public required string HostDescription { get; init; }

    /// <summary>Encodings that cases were made from.</summary>
    public required int PoolSize { get; init; }

    /// <summary>Encodings of the mode that the emulator does not have.</summary>
    public required IReadOnlyList<Code> Unsupported { get; init; }

    /// <summary>Cases compared.</summary>
    public long Compared { get; set; }

    /// <summary>Cases that came to their end.</summary>
    public long Ended { get; set; }

    /// <summary>Cases that ran a second time, against a device.</summary>
    public long DeviceCases { get; set; }

    /// <summary>Cases that were not compared, by reason.</summary>
    public Dictionary<string, long> Skipped { get; } = [];

    /// <summary>Faults that cases ended with, by vector.</summary>
    public long[] Vectors { get; } = new long[256];

    /// <summary>In how many compared cases an encoding was.</summary>
    public Dictionary<Code, long> Covered { get; } = [];

    /// <summary>What differed.</summary>
    public List<Divergence> Divergences { get; } = [];

    /// <summary>How long the cases took.</summary>
    public TimeSpan Elapsed { get; set; }

    /// <inheritdoc/>
    public override string ToString() =>
        $"{HostDescription}: {Compared} cases compared in {Elapsed.TotalSeconds:F1} s ({Compared / Math.Max(0.001, Elapsed.TotalSeconds):F0}/s), {Ended} to their end, {DeviceCases} again with a device; "
        + $"{PoolSize} encodings, {Covered.Count} of them covered, {Unsupported.Count} more that the emulator does not have; "
        + $"vectors {string.Join(" ", Vectors.Index().Where(static v => v.Item > 0).Select(static v => $"{v.Index}:{v.Item}"))}; "
        + $"skipped {string.Join(", ", Skipped.Select(static s => $"{s.Value} {s.Key}"))}; {Divergences.Count} divergences";
}
