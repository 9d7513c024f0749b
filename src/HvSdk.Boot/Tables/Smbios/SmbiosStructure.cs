namespace HvSdk.Boot;

/// <summary>One structure of SMBIOS (DSP0134 3.0, 6.1): a header, fields, and after them the texts that the fields count.</summary>
internal sealed class SmbiosStructure
{
    private const int HeaderLength = 4;

    private readonly byte _type;
    private readonly List<string> _texts = [];

    public SmbiosStructure(byte type, int index = 0)
    {
        _type = type;
        Handle = (ushort)(type << 8 | index);
    }

    /// <summary>Its handle: the type, and a number among those of the type.</summary>
    public ushort Handle { get; }

    /// <summary>The fields after the header.</summary>
    public TableBytes Fields { get; } = new();

    /// <summary>Adds a field that is a text: its number, from 1; 0 for an empty one.</summary>
    public void Text(string text)
    {
        if (text.Length > 0)
        {
            _texts.Add(text);
        }

        Fields.U8(text.Length > 0 ? (byte)_texts.Count : (byte)0);
    }

    public void AddTo(TableBytes table)
    {
        table.U8(_type);
        table.U8((byte)(HeaderLength + Fields.Length));
        table.U16(Handle);
        table.Raw(Fields.ToArray());
        foreach (string text in _texts)
        {
            table.Ascii(text);
            table.U8(0);
        }

        table.Zeros(_texts.Count > 0 ? 1 : 2);
    }
}
