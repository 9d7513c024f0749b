using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace HvSdk.Benchmarks;

/// <summary>One number and what it should be.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Value">The number.</param>
/// <param name="Unit">Its unit.</param>
/// <param name="Relation">Compared by this with the goal.</param>
/// <param name="Limit">The goal.</param>
/// <param name="Detail">What it is made of, for people.</param>
internal sealed record Result(string Name, double Value, string Unit, Relation Relation, double Limit, string Detail)
{
    internal string Goal => Relation == Relation.Shown ? "-" : string.Create(CultureInfo.InvariantCulture, $"{Sign} {Limit:0.##}");

    private string Sign => Relation switch
    {
        Relation.AtMost => "<=",
        Relation.AtLeast => ">=",
        Relation.Below => "<",
        _ => "=",
    };

    internal bool Met => Relation switch
    {
        Relation.AtMost => Value <= Limit,
        Relation.AtLeast => Value >= Limit,
        Relation.Below => Value < Limit,
        Relation.Shown => true,
        _ => Value == Limit,
    };
}

/// <summary>How a number is compared with its goal.</summary>
internal enum Relation
{
    /// <summary>No more than the goal.</summary>
    AtMost,

    /// <summary>No less than the goal.</summary>
    AtLeast,

    /// <summary>Less than the goal.</summary>
    Below,

    /// <summary>The goal.</summary>
    Exactly,

    /// <summary>There is no goal.</summary>
    Shown,
}

/// <summary>Where results go.</summary>
internal static class Report
{
    internal static void PrintHeader(string host)
    {
        Console.WriteLine(host);
        Console.WriteLine();
        Console.WriteLine("| name | value | goal | met | details |");
        Console.WriteLine("| --- | --- | --- | --- | --- |");
    }

    internal static void Print(Result result) => Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"| {result.Name} | {Number(result)} {result.Unit} | {result.Goal} | {(result.Relation == Relation.Shown ? "-" : result.Met ? "yes" : "**no**")} | {result.Detail} |"));

    internal static void WriteJson(string path, IEnumerable<Result> results)
    {
        using FileStream file = File.Create(path);
        using var json = new Utf8JsonWriter(file, new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        json.WriteStartArray();
        foreach (Result result in results)
        {
            json.WriteStartObject();
            json.WriteString("name", result.Name);
            json.WriteNumber("value", double.Round(result.Value, 4));
            json.WriteString("unit", result.Unit);
            json.WriteString("goal", result.Goal);
            json.WriteBoolean("met", result.Met);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static string Number(Result result) =>
        result.Value.ToString(result.Unit == "ratio" ? "0.000" : "0.#", CultureInfo.InvariantCulture);
}
