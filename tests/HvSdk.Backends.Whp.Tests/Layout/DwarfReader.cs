using System.Globalization;
using System.Text.RegularExpressions;

namespace HvSdk.Backends.Whp.Tests.Layout;

/// <summary>Reads what objdump --dwarf=info prints.</summary>
internal static partial class DwarfReader
{
    [GeneratedRegex(@"^ <(?<level>[0-9a-f]+)><(?<offset>[0-9a-f]+)>: Abbrev Number: \d+ \((?<tag>DW_TAG_\w+)\)")]
    private static partial Regex EntryLine();

    [GeneratedRegex(@"^    <[0-9a-f]+>   (?<name>DW_AT_\w+)\s*: (?<value>.*)$")]
    private static partial Regex AttributeLine();

    /// <summary>The entries of the outermost level.</summary>
    internal static IReadOnlyList<DwarfEntry> Read(string text)
    {
        var byOffset = new Dictionary<ulong, DwarfEntry>();
        var references = new List<(DwarfEntry Entry, ulong Type)>();
        var parents = new List<DwarfEntry>();
        var roots = new List<DwarfEntry>();
        DwarfEntry? current = null;
        foreach (string line in text.Split('\n').Select(static line => line.TrimEnd()))
        {
            if (EntryLine().Match(line) is { Success: true } entry)
            {
                current = new DwarfEntry(entry.Groups["tag"].Value);
                byOffset.Add(Hex(entry.Groups["offset"].Value), current);
                int level = (int)Hex(entry.Groups["level"].Value);
                parents.RemoveRange(level, parents.Count - level);
                if (level == 1)
                {
                    roots.Add(current);
                }
                else if (level > 1)
                {
                    parents[^1].Children.Add(current);
                }

                parents.Add(current);
            }
            else if (current is not null && AttributeLine().Match(line) is { Success: true } attribute)
            {
                Set(current, attribute.Groups["name"].Value, attribute.Groups["value"].Value, references);
            }
        }

        foreach ((DwarfEntry from, ulong type) in references)
        {
            from.Type = byOffset[type];
        }

        return roots;
    }

    private static void Set(DwarfEntry entry, string name, string value, List<(DwarfEntry Entry, ulong Type)> references)
    {
        switch (name)
        {
            case "DW_AT_name":
                entry.Name = value[(value.LastIndexOf(": ", StringComparison.Ordinal) is >= 0 and var colon ? colon + 2 : 0)..].Trim();
                break;
            case "DW_AT_byte_size":
                entry.Size = Number(value);
                break;
            case "DW_AT_data_member_location":
                entry.Offset = Number(value);
                break;
            case "DW_AT_bit_size":
                entry.BitSize = Number(value);
                break;
            case "DW_AT_bit_offset":
                entry.BitOffset = Number(value);
                break;
            case "DW_AT_upper_bound":
                entry.UpperBound = Number(value);
                break;
            case "DW_AT_const_value":
                entry.ConstValue = (long)Number(value);
                break;
            case "DW_AT_type":
                references.Add((entry, Hex(value.Trim('<', '>')[2..])));
                break;
        }
    }

    /// <summary>Decimal, with or without a sign, or hexadecimal.</summary>
    private static ulong Number(string value)
    {
        string number = value.Split(' ')[0];
        return number.StartsWith("0x", StringComparison.Ordinal) ? Hex(number[2..])
            : number.StartsWith('-') ? (ulong)long.Parse(number, CultureInfo.InvariantCulture)
            : ulong.Parse(number, CultureInfo.InvariantCulture);
    }

    private static ulong Hex(string value) => ulong.Parse(value, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
