using System.Globalization;

namespace HvSdk.Backends.Whp.Tests.Layout;

/// <summary>Sizes, offsets, bit fields and numbers of a C header, by name.</summary>
/// <remarks>
/// Facts are "sizeof STRUCT", "offset STRUCT.FIELD", "size STRUCT.FIELD", "firstbit STRUCT.FIELD", "bits STRUCT.FIELD" and "enum ENUM.NAME". The
/// checked-in text was generated from the debug information that the header's compiler writes (HVSDK_UPDATE=1 writes it anew).
/// </remarks>
internal sealed class HeaderLayout
{
    private const string Resource = "winhvplatform.layout.txt";

    private HeaderLayout(SortedDictionary<string, ulong> facts) => Facts = facts;

    internal SortedDictionary<string, ulong> Facts { get; }

    /// <summary>The checked-in facts.</summary>
    internal static HeaderLayout Load()
    {
        using Stream stream = typeof(HeaderLayout).Assembly.GetManifestResourceStream(Resource)!;
        using var reader = new StreamReader(stream);
        var facts = new SortedDictionary<string, ulong>(StringComparer.Ordinal);
        while (reader.ReadLine() is { } line)
        {
            int space = line.LastIndexOf(' ');
            if (space > 0 && !line.StartsWith('#'))
            {
                facts.Add(line[..space], ulong.Parse(line[(space + 1)..], CultureInfo.InvariantCulture));
            }
        }

        return new HeaderLayout(facts);
    }

    /// <summary>Facts of debug information, as far as they belong to the platform.</summary>
    internal static HeaderLayout FromDwarf(IReadOnlyList<DwarfEntry> roots)
    {
        var facts = new SortedDictionary<string, ulong>(StringComparer.Ordinal);
        foreach (DwarfEntry entry in roots)
        {
            string name = entry.Name.TrimStart('_');
            if (!name.StartsWith("WHV_", StringComparison.Ordinal) || entry.Size is null)
            {
                continue;
            }

            if (entry.Tag == "DW_TAG_enumeration_type")
            {
                foreach (DwarfEntry value in entry.Children.Where(static child => child.Tag == "DW_TAG_enumerator"))
                {
                    facts[$"enum {name}.{value.Name}"] = (uint)value.ConstValue;
                }
            }
            else if (entry.Tag is "DW_TAG_structure_type" or "DW_TAG_union_type")
            {
                facts[$"sizeof {name}"] = entry.Size.Value;
                AddFields(facts, name, entry, 0);
            }
        }

        return new HeaderLayout(facts);
    }

    internal string ToText(string source) =>
        $"# {source}. Generated: see HeaderLayout.\n" + string.Concat(Facts.Select(static fact => $"{fact.Key} {fact.Value}\n"));

    private static void AddFields(SortedDictionary<string, ulong> facts, string type, DwarfEntry entry, ulong start)
    {
        foreach (DwarfEntry member in entry.Children.Where(static child => child.Tag == "DW_TAG_member"))
        {
            ulong offset = start + member.Offset;
            DwarfEntry target = member.Type!.Strip();
            if (member.Name.Length == 0)
            {
                AddFields(facts, type, target, offset);
                continue;
            }

            if (member.BitSize is { } bits)
            {
                // DWARF 4 as gcc writes it: bits are counted from the most significant one of the storage unit.
                ulong unit = member.Size ?? target.TotalSize;
                facts[$"firstbit {type}.{member.Name}"] = (offset * 8) + (unit * 8) - member.BitOffset - bits;
                facts[$"bits {type}.{member.Name}"] = bits;
                continue;
            }

            facts[$"offset {type}.{member.Name}"] = offset;
            facts[$"size {type}.{member.Name}"] = target.TotalSize;
        }
    }
}
