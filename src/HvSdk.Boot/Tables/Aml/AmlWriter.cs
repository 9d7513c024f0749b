using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using HvSdk.Devices;

namespace HvSdk.Boot;

/// <summary>Writes the bytes of ACPI machine language (ACPI 6.5, chapter 20): each thing in its shortest encoding.</summary>
/// <remarks>For tables of revision 2 or later, whose integers have 64 bits.</remarks>
internal sealed class AmlWriter
{
    /// <summary>How deep packages may nest; a value that contains itself would nest for ever.</summary>
    public const int MaxPackageDepth = 16;

    private const int MaxBlock = (1 << 28) - 1;

    private readonly ArrayBufferWriter<byte> _bytes = new();

    /// <summary>What was written.</summary>
    public ReadOnlySpan<byte> Written => _bytes.WrittenSpan;

    /// <summary>ConstObj or ByteConst to QWordConst (20.2.3).</summary>
    public void Integer(ulong value)
    {
        switch (value)
        {
            case 0:
                Byte(0x00); // ZeroOp
                break;
            case 1:
                Byte(0x01); // OneOp
                break;
            case ulong.MaxValue:
                Byte(0xFF); // OnesOp
                break;
            case <= byte.MaxValue:
                Prefixed(0x0A, value, 1);
                break;
            case <= ushort.MaxValue:
                Prefixed(0x0B, value, 2);
                break;
            case <= uint.MaxValue:
                DWord((uint)value);
                break;
            default:
                Prefixed(0x0E, value, 8);
                break;
        }
    }

    /// <summary>DWordConst, also where fewer bytes would hold the value: so compilers write an EISA ID.</summary>
    public void DWord(uint value) => Prefixed(0x0C, value, 4);

    /// <summary>String (20.2.3): ASCII characters without NUL.</summary>
    public void Text(string value)
    {
        foreach (char character in value)
        {
            if (character is '\0' or > '\x7F')
            {
                throw new ArgumentException(
                    $"The string has the character U+{(int)character:X4}, and ACPI strings have U+0001 to U+007F only (ACPI 6.5, 20.2.3). Give a buffer instead.");
            }
        }

        Byte(0x0D);
        Encoding.ASCII.GetBytes(value, _bytes);
        Byte(0x00);
    }

    /// <summary>DefBuffer (20.2.5.4).</summary>
    public void Buffer(ReadOnlySpan<byte> value)
    {
        var body = new AmlWriter();
        body.Integer((ulong)value.Length);
        body.Raw(value);
        Block([0x11], body.Written);
    }

    /// <summary>DefPackage (20.2.5.4) of at most 255 elements.</summary>
    public void Package(int count, Action<AmlWriter> elements)
    {
        if (count is < 0 or > byte.MaxValue)
        {
            throw new ArgumentException(
                $"The package has {count} elements, and a package has at most 255 (ACPI 6.5, 20.2.5.4). Nest packages.");
        }

        var body = new AmlWriter();
        body.Byte((byte)count);
        elements(body);
        Block([0x12], body.Written);
    }

    /// <summary>A value as devices give it.</summary>
    public void Value(AcpiValue value) => Value(value, 0);

    /// <summary>DefName (20.2.5.1): the caller writes the value.</summary>
    public void Name(string path, Action<AmlWriter> value)
    {
        Byte(0x08);
        Path(path);
        value(this);
    }

    /// <summary>DefScope (20.2.5.1).</summary>
    public void Scope(string path, Action<AmlWriter> terms) => Named([0x10], path, null, terms);

    /// <summary>DefDevice (20.2.5.2).</summary>
    public void Device(string path, Action<AmlWriter> terms) => Named([0x5B, 0x82], path, null, terms);

    /// <summary>DefMethod (20.2.5.2), not serialized: its terms create no objects.</summary>
    public void Method(string path, int arguments, Action<AmlWriter> terms)
    {
        if (arguments is < 0 or > 7)
        {
            throw new ArgumentException($"The method has {arguments} arguments; 0 to 7 can be (ACPI 6.5, 20.2.5.2).");
        }

        Named([0x14], path, (byte)arguments, terms);
    }

    /// <summary>DefNotify (20.2.5.3).</summary>
    public void Notify(string path, byte value)
    {
        Byte(0x86);
        Path(path);
        Integer(value);
    }

    /// <summary>NameString (20.2.2).</summary>
    public void Path(string path)
    {
        bool fromRoot = path.StartsWith('\\');
        string[] names = path.Length == (fromRoot ? 1 : 0) ? [] : path[(fromRoot ? 1 : 0)..].Split('.');
        if (names.Length > byte.MaxValue)
        {
            throw new ArgumentException($"The path has {names.Length} names; at most 255 can be (ACPI 6.5, 20.2.2).");
        }

        if (fromRoot)
        {
            Byte((byte)'\\');
        }

        switch (names.Length)
        {
            case 0:
                Byte(0x00); // NullName
                break;
            case 1:
                break;
            case 2:
                Byte(0x2E); // DualNamePrefix
                break;
            default:
                Byte(0x2F); // MultiNamePrefix
                Byte((byte)names.Length);
                break;
        }

        foreach (string name in names)
        {
            // ASL lets trailing underscores be left out (19.2.2).
            string padded = name.Length is > 0 and < 4 ? name.PadRight(4, '_') : name;
            if (AmlNames.FindProblem(padded) is { } problem)
            {
                throw new ArgumentException($"The path {path} {problem}");
            }

            Encoding.ASCII.GetBytes(padded, _bytes);
        }
    }

    /// <summary>PkgLength (20.2.4): how long a block is, the bytes that say so included.</summary>
    /// <param name="content">Bytes that it covers besides its own.</param>
    public static byte[] PackageLength(int content)
    {
        int bytes = content switch
        {
            <= 0x3F - 1 => 1,
            <= 0xFFF - 2 => 2,
            <= 0xF_FFFF - 3 => 3,
            <= MaxBlock - 4 => 4,
            _ => throw new ArgumentException(
                $"A block of {content} bytes does not fit a package length; at most {MaxBlock - 4} do (ACPI 6.5, 20.2.4). Give less."),
        };

        int length = content + bytes;
        if (bytes == 1)
        {
            return [(byte)length];
        }

        // The first byte: how many follow, and the lowest four bits.
        byte[] encoded = new byte[bytes];
        encoded[0] = (byte)((bytes - 1) << 6 | length & 0xF);
        for (int rest = length >> 4, i = 1; i < bytes; i++, rest >>= 8)
        {
            encoded[i] = (byte)rest;
        }

        return encoded;
    }

    private void Block(ReadOnlySpan<byte> opcode, ReadOnlySpan<byte> content)
    {
        Raw(opcode);
        Raw(PackageLength(content.Length));
        Raw(content);
    }

    private void Named(ReadOnlySpan<byte> opcode, string path, byte? flags, Action<AmlWriter> terms)
    {
        var body = new AmlWriter();
        body.Path(path);
        if (flags is { } byteOfFlags)
        {
            body.Byte(byteOfFlags);
        }

        terms(body);
        Block(opcode, body.Written);
    }

    private void Value(AcpiValue value, int depth)
    {
        switch (value)
        {
            case AcpiValue.Integer integer:
                Integer(integer.Value);
                break;
            case AcpiValue.Text text:
                Text(text.Value);
                break;
            case AcpiValue.Bytes bytes:
                Buffer(bytes.Value.Span);
                break;
            case AcpiValue.List when depth == MaxPackageDepth:
                throw new ArgumentException($"Packages nest deeper than {MaxPackageDepth}. Flatten them.");
            case AcpiValue.List list:
                Package(list.Elements.Count, body =>
                {
                    foreach (AcpiValue element in list.Elements)
                    {
                        body.Value(element, depth + 1);
                    }
                });
                break;
            default:
                throw new ArgumentException("A value is null. Give each named object, and each element of a package, a value.");
        }
    }

    private void Prefixed(byte prefix, ulong value, int size)
    {
        Byte(prefix);
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        Raw(bytes[..size]);
    }

    private void Byte(byte value) => _bytes.Write([value]);

    private void Raw(ReadOnlySpan<byte> bytes) => _bytes.Write(bytes);
}
