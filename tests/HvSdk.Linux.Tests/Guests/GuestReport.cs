using System.Globalization;

namespace HvSdk.Linux.Tests.Guests;

/// <summary>The lines 'HVSDK name=value' of what a guest said (tests/guests/README.md).</summary>
internal sealed class GuestReport
{
    private const string Mark = "HVSDK ";

    private readonly string _said;
    private readonly ILookup<string, string> _values;

    public GuestReport(string said)
    {
        _said = said;
        _values = said.Split('\n')
            .Where(static line => line.StartsWith(Mark, StringComparison.Ordinal))
            .Select(static line => line[Mark.Length..].TrimEnd().Split('=', 2))
            .ToLookup(static parts => parts[0], static parts => parts.Length > 1 ? parts[1] : "", StringComparer.Ordinal);
    }

    /// <summary>The last value of a name; fails where the guest has not said it.</summary>
    public string this[string name] =>
        _values.Contains(name) ? _values[name].Last() : throw new KeyNotFoundException($"The guest has not said 'HVSDK {name}=...'. It said:{Environment.NewLine}{_said}");

    /// <summary>The first number of a name's last value: of 'irq.ttyS0=38 line=4' the 38.</summary>
    public long Number(string name) => Parse(this[name]);

    /// <summary>The number of each time that the name was said.</summary>
    public IReadOnlyList<long> Numbers(string name) => [.. _values[name].Select(Parse)];

    /// <summary>Fails where the guest has said that something went wrong.</summary>
    public void AssertNoError() => Assert.Empty(_values["error"]);

    private static long Parse(string value) => long.Parse(value.Split(' ')[0], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
}
