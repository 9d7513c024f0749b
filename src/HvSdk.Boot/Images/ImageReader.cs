using System.Buffers.Binary;

namespace HvSdk.Boot;

/// <summary>Reads the header fields of an image; what is not there is an error that names the field.</summary>
internal sealed class ImageReader
{
    private readonly BootFile _file;
    private readonly byte[] _head; // most headers lie here, and are read at once

    public ImageReader(BootFile file)
    {
        _file = file;
        byte[] head = new byte[4096];
        _head = head[..file.Read(0, head)];
    }

    public BootFile File => _file;

    public string Name => _file.Name;

    public long Length => _file.Length;

    public byte U8(long offset, string field)
    {
        Span<byte> bytes = stackalloc byte[sizeof(byte)];
        Read(offset, bytes, field);
        return bytes[0];
    }

    public ushort U16(long offset, string field)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ushort)];
        Read(offset, bytes, field);
        return BinaryPrimitives.ReadUInt16LittleEndian(bytes);
    }

    public uint U32(long offset, string field)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        Read(offset, bytes, field);
        return BinaryPrimitives.ReadUInt32LittleEndian(bytes);
    }

    public ulong U64(long offset, string field)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        Read(offset, bytes, field);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    public void Read(long offset, Span<byte> destination, string field)
    {
        if (offset >= 0 && offset <= _head.Length && destination.Length <= _head.Length - offset)
        {
            _head.AsSpan((int)offset, destination.Length).CopyTo(destination);
        }
        else if (offset < 0 || offset > Length || destination.Length > Length - offset || _file.Read(offset, destination) < destination.Length)
        {
            throw Wrong(field, offset, Length == 0 ? "missing: the file is empty" : $"cut off: the file has {Length} bytes", $"{destination.Length} bytes there");
        }
    }

    public BootImageException Wrong(string field, long offset, string found, string expected) => new(Name, field, offset, found, expected);

    public BootImageException Wrong(string field, long offset, ulong found, string expected) => new(Name, field, offset, $"0x{found:X}", expected);

    /// <summary>What the image looks like, where a look at its first bytes tells, as " (an ELF file)"; else nothing.</summary>
    public string Guess()
    {
        ReadOnlySpan<byte> head = _head;
        return head switch
        {
            _ when head.StartsWith("\u007FELF"u8) => " (an ELF file)",
            _ when head.Length >= 0x3C && head.Slice(0x38, 4).SequenceEqual("ARM\x64"u8) => " (a kernel for arm64)",
            _ when head.Length >= 0x38 && head.Slice(0x30, 5).SequenceEqual("RISCV"u8) => " (a kernel for RISC-V)",
            _ when head.Length >= 0x206 && head.Slice(0x202, 4).SequenceEqual("HdrS"u8) => " (a Linux bzImage)",
            _ when head.StartsWith("MZ"u8) => " (an EFI or DOS program)",
            [0x1F, 0x8B, ..] => " (a gzip file)",
            _ => "",
        };
    }
}
