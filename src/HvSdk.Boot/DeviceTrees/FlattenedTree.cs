using System.Buffers.Binary;
using System.Text;
using HvSdk.Devices;

namespace HvSdk.Boot;

/// <summary>Writes a device tree as a blob: header, memory reservation block, structure block, strings block (Devicetree Specification 0.4, 5).</summary>
internal sealed class FlattenedTree
{
    /* 5.2: the header's fields are big-endian words. */
    private const uint Magic = 0xD00D_FEED;
    private const uint Version = 17;
    private const uint LastCompatibleVersion = 16;
    private const int HeaderSize = 40;

    /* 5.4.1: tokens. */
    private const uint BeginNode = 1;
    private const uint EndNode = 2;
    private const uint Property = 3;
    private const uint End = 9;

    private readonly MemoryStream _structure = new();
    private readonly MemoryStream _strings = new();
    private readonly Dictionary<string, uint> _nameOffsets = [];

    private FlattenedTree()
    {
    }

    public static byte[] Write(DeviceTree tree)
    {
        var blob = new FlattenedTree();
        blob.WriteNode(tree.Root);
        WriteWord(blob._structure, End);

        var reservations = new MemoryStream();
        foreach (DeviceTreeReservation reservation in tree.Reservations)
        {
            WriteNumber(reservations, reservation.Address);
            WriteNumber(reservations, reservation.Size);
        }

        WriteNumber(reservations, 0); // an empty one is the last
        WriteNumber(reservations, 0);
        return blob.Join(tree.BootProcessor, reservations);
    }

    private byte[] Join(uint bootProcessor, MemoryStream reservations)
    {
        long structureOffset = HeaderSize + reservations.Length;
        long stringsOffset = structureOffset + _structure.Length;
        long size = stringsOffset + _strings.Length;
        Check(size);
        var blob = new MemoryStream((int)size);
        ReadOnlySpan<uint> header =
        [
            Magic, (uint)size, (uint)structureOffset, (uint)stringsOffset, HeaderSize, Version, LastCompatibleVersion, bootProcessor, (uint)_strings.Length, (uint)_structure.Length,
        ];
        foreach (uint word in header)
        {
            WriteWord(blob, word);
        }

        reservations.WriteTo(blob);
        _structure.WriteTo(blob);
        _strings.WriteTo(blob);
        return blob.ToArray();
    }

    private void WriteNode(DeviceTreeNode node)
    {
        Check(_structure.Length);
        WriteWord(_structure, BeginNode);
        WriteText(_structure, node.Name);
        Pad(_structure);
        foreach ((string name, DeviceTreeValue value) in node.Properties)
        {
            WriteProperty(name, value);
        }

        foreach (DeviceTreeNode child in node.Children)
        {
            WriteNode(child);
        }

        WriteWord(_structure, EndNode);
    }

    private void WriteProperty(string name, DeviceTreeValue value)
    {
        WriteWord(_structure, Property);
        long lengthAt = _structure.Position;
        WriteWord(_structure, 0); // its length, once it is known
        WriteWord(_structure, OffsetOf(name));
        long start = _structure.Position;
        switch (value)
        {
            case DeviceTreeValue.Cells cells:
                foreach (uint cell in cells.Values)
                {
                    WriteWord(_structure, cell);
                }

                break;
            case DeviceTreeValue.Texts texts:
                foreach (string text in texts.Values)
                {
                    WriteText(_structure, text);
                }

                break;
            case DeviceTreeValue.Bytes bytes:
                _structure.Write(bytes.Value.Span);
                break;
        }

        long end = _structure.Position;
        Check(end);
        _structure.Position = lengthAt;
        WriteWord(_structure, (uint)(end - start));
        _structure.Position = end;
        Pad(_structure);
    }

    /// <summary>Each name stands once in the strings block (5.5).</summary>
    private uint OffsetOf(string name)
    {
        if (!_nameOffsets.TryGetValue(name, out uint offset))
        {
            offset = (uint)_strings.Length;
            _nameOffsets.Add(name, offset);
            WriteText(_strings, name);
        }

        return offset;
    }

    private static void Check(long size)
    {
        if (size > DeviceTree.MaxSize)
        {
            throw new InvalidOperationException($"The device tree has more than {DeviceTree.MaxSize >> 20} MiB, and guests take no larger one. Put less into it.");
        }
    }

    private static void WriteWord(MemoryStream stream, uint value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        stream.Write(bytes);
    }

    private static void WriteNumber(MemoryStream stream, ulong value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, value);
        stream.Write(bytes);
    }

    private static void WriteText(MemoryStream stream, string text)
    {
        stream.Write(Encoding.UTF8.GetBytes(text));
        stream.WriteByte(0);
    }

    /// <summary>Tokens lie at multiples of 4 bytes (5.4).</summary>
    private static void Pad(MemoryStream stream)
    {
        while (stream.Length % sizeof(uint) != 0)
        {
            stream.WriteByte(0);
        }
    }
}
