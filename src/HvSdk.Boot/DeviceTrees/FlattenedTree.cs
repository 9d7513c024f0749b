using System.Buffers;
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

    private readonly ArrayBufferWriter<byte> _structure = new();
    private readonly ArrayBufferWriter<byte> _strings = new();
    private readonly Dictionary<string, uint> _nameOffsets = [];

    private FlattenedTree()
    {
    }

    public static byte[] Write(DeviceTree tree)
    {
        var blob = new FlattenedTree();
        blob.WriteNode(tree.Root);
        WriteWord(blob._structure, End);

        var reservations = new ArrayBufferWriter<byte>();
        foreach (DeviceTreeReservation reservation in tree.Reservations)
        {
            WriteNumber(reservations, reservation.Address);
            WriteNumber(reservations, reservation.Size);
        }

        WriteNumber(reservations, 0); // an empty one is the last
        WriteNumber(reservations, 0);
        return blob.Join(tree.BootProcessor, reservations.WrittenSpan);
    }

    private byte[] Join(uint bootProcessor, ReadOnlySpan<byte> reservations)
    {
        int structureOffset = HeaderSize + reservations.Length;
        int stringsOffset = structureOffset + _structure.WrittenCount;
        int size = stringsOffset + _strings.WrittenCount;
        Check(size);
        var blob = new ArrayBufferWriter<byte>(size);
        ReadOnlySpan<uint> header =
        [
            Magic, (uint)size, (uint)structureOffset, (uint)stringsOffset, HeaderSize, Version, LastCompatibleVersion, bootProcessor, (uint)_strings.WrittenCount,
            (uint)_structure.WrittenCount,
        ];
        foreach (uint word in header)
        {
            WriteWord(blob, word);
        }

        blob.Write(reservations);
        blob.Write(_structure.WrittenSpan);
        blob.Write(_strings.WrittenSpan);
        return blob.WrittenSpan.ToArray();
    }

    private void WriteNode(DeviceTreeNode node)
    {
        Check(_structure.WrittenCount);
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
        ReadOnlySpan<byte> bytes = Encode(value);
        Check(bytes.Length);
        Check(_structure.WrittenCount + bytes.Length);
        WriteWord(_structure, Property);
        WriteWord(_structure, (uint)bytes.Length);
        WriteWord(_structure, OffsetOf(name));
        _structure.Write(bytes);
        Pad(_structure);
    }

    private static ReadOnlySpan<byte> Encode(DeviceTreeValue value)
    {
        var bytes = new ArrayBufferWriter<byte>();
        switch (value)
        {
            case DeviceTreeValue.Bytes raw:
                return raw.Value.Span;
            case DeviceTreeValue.Cells cells:
                foreach (uint cell in cells.Values)
                {
                    WriteWord(bytes, cell);
                }

                break;
            case DeviceTreeValue.Texts texts:
                foreach (string text in texts.Values)
                {
                    WriteText(bytes, text);
                }

                break;
        }

        return bytes.WrittenSpan;
    }

    /// <summary>Each name stands once in the strings block (5.5).</summary>
    private uint OffsetOf(string name)
    {
        if (!_nameOffsets.TryGetValue(name, out uint offset))
        {
            offset = (uint)_strings.WrittenCount;
            _nameOffsets.Add(name, offset);
            WriteText(_strings, name);
        }

        return offset;
    }

    private static void Check(int size)
    {
        if (size > DeviceTree.MaxSize)
        {
            throw new InvalidOperationException($"The device tree has more than {DeviceTree.MaxSize >> 20} MiB, and guests take no larger one. Put less into it.");
        }
    }

    private static void WriteWord(ArrayBufferWriter<byte> writer, uint value)
    {
        BinaryPrimitives.WriteUInt32BigEndian(writer.GetSpan(sizeof(uint)), value);
        writer.Advance(sizeof(uint));
    }

    private static void WriteNumber(ArrayBufferWriter<byte> writer, ulong value)
    {
        BinaryPrimitives.WriteUInt64BigEndian(writer.GetSpan(sizeof(ulong)), value);
        writer.Advance(sizeof(ulong));
    }

    private static void WriteText(ArrayBufferWriter<byte> writer, string text)
    {
        writer.Write(Encoding.UTF8.GetBytes(text));
        writer.Write<byte>([0]);
    }

    /// <summary>Tokens lie at multiples of 4 bytes (5.4).</summary>
    private static void Pad(ArrayBufferWriter<byte> writer)
    {
        while (writer.WrittenCount % sizeof(uint) != 0)
        {
            writer.Write<byte>([0]);
        }
    }
}
