using System.Text.Json;
using System.Text.Json.Serialization;

namespace HvSdk.Live.Transcripts;

/// <summary>What a run of the field kit has seen on one machine, behaviour by behaviour.</summary>
/// <param name="Format">Version of this form: <see cref="CurrentFormat"/>.</param>
/// <param name="Version">Version of HvSdk that was run.</param>
/// <param name="Date">The day, in UTC: "2026-11-29".</param>
/// <param name="Host">The machine.</param>
/// <param name="Hypervisor">The probe, and what the hypervisor offers.</param>
/// <param name="Platform">What the platform's library answered to plain questions; empty where there is none.</param>
/// <param name="Behaviours">The behaviours that were run, by number.</param>
public sealed record Transcript(
    int Format,
    string Version,
    string Date,
    HostFacts Host,
    HypervisorFacts Hypervisor,
    IReadOnlyList<PlatformAnswer> Platform,
    IReadOnlyList<BehaviourResult> Behaviours)
{
    /// <summary>The version of this form that is written, and the only one that is read.</summary>
    public const int CurrentFormat = 1;

    private static readonly JsonSerializerOptions s_options = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        Converters = { new JsonStringEnumConverter<TestOutcome>(JsonNamingPolicy.CamelCase) },
    };

    /// <summary>Reads a transcript.</summary>
    /// <param name="json">Its JSON form.</param>
    /// <exception cref="FormatException">It is none, or of another version.</exception>
    public static Transcript Parse(string json)
    {
        ArgumentNullException.ThrowIfNull(json);
        try
        {
            using (var document = JsonDocument.Parse(json))
            {
                // The version first: another one may have other members.
                if (document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.TryGetProperty("format", out JsonElement format)
                    || !format.TryGetInt32(out int number))
                {
                    throw new FormatException("It has no number 'format', so it is no transcript of the field kit.");
                }

                if (number != CurrentFormat)
                {
                    throw new FormatException($"It is a transcript of format {number}, and this reads {CurrentFormat}: use the field kit of this version.");
                }
            }

            Transcript transcript = JsonSerializer.Deserialize<Transcript>(json, s_options) ?? throw new FormatException("It is empty.");
            return transcript.Behaviours.DistinctBy(static behaviour => behaviour.Number).Count() == transcript.Behaviours.Count
                ? transcript
                : throw new FormatException("A behaviour stands in it twice.");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new FormatException($"It is no transcript of the field kit: {e.Message}", e);
        }
    }

    /// <summary>The JSON form.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, s_options).ReplaceLineEndings("\n") + "\n";

    /// <summary>How many tests ended in one of the ways.</summary>
    /// <param name="outcomes">The ways.</param>
    public int Count(params ReadOnlySpan<TestOutcome> outcomes)
    {
        int count = 0;
        foreach (BehaviourResult behaviour in Behaviours)
        {
            count += behaviour.Count(outcomes);
        }

        return count;
    }
}
