namespace HvSdk.Backends.Whp.Tests.Layout;

/// <summary>A debugging information entry, as far as layouts need it (DWARF 4, chapters 5.5 to 5.7).</summary>
internal sealed class DwarfEntry(string tag)
{
    internal string Tag { get; } = tag;

    internal string Name { get; set; } = "";

    internal ulong? Size { get; set; }

    internal ulong Offset { get; set; }

    internal ulong? BitSize { get; set; }

    internal ulong BitOffset { get; set; }

    internal ulong? UpperBound { get; set; }

    internal long ConstValue { get; set; }

    internal DwarfEntry? Type { get; set; }

    internal List<DwarfEntry> Children { get; } = [];

    /// <summary>Bytes of a value of the type, arrays included.</summary>
    internal ulong TotalSize
    {
        get
        {
            DwarfEntry type = Strip();
            if (type.Tag != "DW_TAG_array_type")
            {
                return type.Size ?? 8;
            }

            ulong size = type.Type!.TotalSize;
            foreach (DwarfEntry range in type.Children)
            {
                size *= range.UpperBound + 1 ?? 1;
            }

            return size;
        }
    }

    /// <summary>The type behind other names and qualifiers.</summary>
    internal DwarfEntry Strip()
    {
        DwarfEntry type = this;
        while (type.Tag is "DW_TAG_typedef" or "DW_TAG_const_type" or "DW_TAG_volatile_type")
        {
            type = type.Type!;
        }

        return type;
    }
}
