using System.Buffers.Binary;

namespace HvSdk.Boot;

/// <summary>The compressed ELF kernel within a bzImage.</summary>
internal sealed class KernelPayload
{
    private const string Step = "unpacking the kernel";
    private const uint Lz4LegacyMagic = 0x184C_2102; // the frame that "lz4 -l" writes
    private const int Lz4BlockSize = 8 << 20;
    private const int Lz4MaxPackedSize = Lz4BlockSize + (Lz4BlockSize / 255) + 16;
    private const int TrailerSize = sizeof(uint);
    private const int HeadSize = 4096;

    private readonly BootFile _file;
    private readonly long _offset;
    private readonly long _size; // without what the build appended
    private readonly uint _unpackedSize;
    private readonly bool _isGzip;

    private KernelPayload(BootFile file, long offset, long size, uint unpackedSize, bool isGzip)
    {
        _file = file;
        _offset = offset;
        _size = size;
        _unpackedSize = unpackedSize;
        _isGzip = isGzip;
        byte[] head = new byte[uint.Min(unpackedSize, HeadSize)];
        int count = isGzip ? Gzip.ReadHead(head) : ReadLz4Head(head);
        var reader = new ImageReader(BootFile.FromMemory(head.AsMemory(0, count), UnpackedName));
        Elf = ElfFile.Read(reader, unpackedSize);
        CheckElf(reader);
    }

    /// <summary>The headers of the kernel.</summary>
    public ElfFile Elf { get; }

    public string Compression => _isGzip ? "gzip" : "LZ4";

    private GzipPayload Gzip => new(_file, "gzip payload", _offset, _size);

    private string UnpackedName => $"{_file.Name} (unpacked)";

    /// <summary>Looks at the payload of an image.</summary>
    /// <returns>Null where it is of a compression that only the guest knows.</returns>
    public static KernelPayload? Find(ImageReader reader, SetupHeader header, out string compression)
    {
        compression = "none";
        if (header.PayloadSize < 2 * TrailerSize)
        {
            return null;
        }

        uint magic = reader.U32(header.PayloadOffset, "payload");
        compression = Name(magic);
        bool isGzip = (ushort)magic == 0x8B1F;
        if (!isGzip && magic != Lz4LegacyMagic)
        {
            return null;
        }

        // gzip ends with the size of what it packed; to other formats the kernel's build appends it.
        long trailer = header.PayloadOffset + header.PayloadSize - TrailerSize;
        uint unpackedSize = reader.U32(trailer, "payload's unpacked size");
        if (unpackedSize == 0 || unpackedSize > header.InitSize)
        {
            throw reader.Wrong("payload's unpacked size", trailer, unpackedSize, $"1 to init_size, 0x{header.InitSize:X}");
        }

        return new KernelPayload(
            reader.File, header.PayloadOffset, header.PayloadSize - (isGzip ? 0 : TrailerSize), unpackedSize, isGzip);
    }

    /// <summary>Unpacks the kernel to where its segments go.</summary>
    public void Unpack(BootWriter writer)
    {
        var target = new SegmentTarget(writer, Elf.Segments);
        if (_isGzip)
        {
            Gzip.Unpack(writer, Step, target, _unpackedSize);
        }
        else
        {
            UnpackLz4(writer, target);
        }

        foreach (LoadSegment segment in Elf.Segments)
        {
            segment.ClearRest(writer);
        }
    }

    private static string Name(uint magic) => magic switch
    {
        Lz4LegacyMagic => "LZ4",
        _ when (ushort)magic == 0x8B1F => "gzip",
        0x587A_37FD => "xz",
        0xFD2F_B528 => "zstd",
        0x4F5A_4C89 => "LZO",
        _ when (magic & 0xFF_FFFF) == 0x68_5A42 => "bzip2",
        _ when (magic & 0xFF_FFFF) == 0x00_005D => "LZMA",
        _ => $"unknown, it starts with 0x{magic:X8}",
    };

    private void CheckElf(ImageReader reader)
    {
        if (!Elf.Is64 || Elf.Machine != ElfFile.MachineX64)
        {
            throw reader.Wrong("e_machine", 18, $"{Elf.Machine} in a {(Elf.Is64 ? 64 : 32)}-bit file", $"{ElfFile.MachineX64} (x86-64) in a 64-bit one");
        }

        if (!Elf.Segments.Any(segment => segment.Contains(Elf.Entry)))
        {
            throw reader.Wrong("e_entry", Elf.EntryOffset, Elf.Entry, "the physical address of a byte in a segment");
        }
    }

    private int ReadLz4Head(byte[] head)
    {
        // Literals may be as long as the head, and each match costs fewer bytes than it makes.
        uint blockSize = ReadBlockSize(_offset + sizeof(uint));
        byte[] block = new byte[uint.Min(blockSize, 2 * HeadSize)];
        int count = _file.Read(_offset + (2 * sizeof(uint)), block);
        Lz4Status status = Lz4Block.Decode(block.AsSpan(0, count), head, out int consumed, out int written);
        return status switch
        {
            Lz4Status.BadOffset => throw Damaged("LZ4 block", _offset + (2 * sizeof(uint)) + consumed, "a match before its start", "a match within the block"),
            _ => written, // fewer are noticed where the ELF headers are read
        };
    }

    private void UnpackLz4(BootWriter writer, SegmentTarget target)
    {
        byte[]? packed = null;
        byte[]? unpacked = null;
        long at = _offset + sizeof(uint);
        long end = _offset + _size;
        while (target.Position < _unpackedSize)
        {
            if (at >= end)
            {
                throw Damaged("LZ4 payload", at, $"the end after 0x{target.Position:X} unpacked bytes", $"0x{_unpackedSize:X} bytes");
            }

            uint blockSize = ReadBlockSize(at);
            at += sizeof(uint);
            if (blockSize == Lz4LegacyMagic)
            {
                continue; // another frame is appended
            }

            if (packed is null || packed.Length < blockSize)
            {
                packed = GC.AllocateUninitializedArray<byte>((int)blockSize);
            }

            Span<byte> source = packed.AsSpan(0, (int)blockSize);
            if (_file.Read(at, source) < source.Length)
            {
                throw Damaged("LZ4 block", at, "cut off", $"0x{blockSize:X} bytes");
            }

            int expected = (int)long.Min(Lz4BlockSize, _unpackedSize - target.Position);
            var block = new Block(packed, (int)blockSize);
            if (target.TryGetPlace(expected, out ulong address) && writer.TryFillWhole(address, expected, block, Decode))
            {
                target.Skip(expected);
            }
            else
            {
                unpacked ??= GC.AllocateUninitializedArray<byte>(expected);
                Decode(unpacked.AsSpan(0, expected), block);
                if (block.Status == Lz4Status.Done)
                {
                    target.Write(unpacked.AsSpan(0, block.Written));
                }
            }

            block.Check(this, at, expected);
            at += blockSize;
            writer.Report(Step, target.Position, _unpackedSize);
        }
    }

    private static void Decode(Span<byte> destination, Block block)
    {
        block.Status = Lz4Block.Decode(block.Packed.AsSpan(0, block.Size), destination, out int consumed, out int written);
        block.Consumed = consumed;
        block.Written = written;
    }

    private uint ReadBlockSize(long at)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        long left = _offset + _size - at - bytes.Length;
        if (left < 0 || _file.Read(at, bytes) < bytes.Length)
        {
            throw Damaged("LZ4 block size", at, "cut off", "4 bytes");
        }

        uint size = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        if (size != Lz4LegacyMagic && (size is 0 or > Lz4MaxPackedSize || size > left))
        {
            throw Damaged("LZ4 block size", at, $"0x{size:X}", $"1 to 0x{long.Min(left, Lz4MaxPackedSize):X}");
        }

        return size;
    }

    private BootImageException Damaged(string field, long offset, string found, string expected) => new(_file.Name, field, offset, found, expected);

    /// <summary>A block that is being decoded.</summary>
    private sealed class Block(byte[] packed, int size)
    {
        public byte[] Packed { get; } = packed;

        public int Size { get; } = size;

        public Lz4Status Status { get; set; }

        public int Consumed { get; set; }

        public int Written { get; set; }

        public void Check(KernelPayload payload, long at, int expected)
        {
            string? wrong = Status switch
            {
                Lz4Status.BadOffset => "a match before the block's start",
                Lz4Status.SourceCut => "the block's end within a sequence",
                Lz4Status.DestinationFull => $"a block of more than 0x{expected:X} unpacked bytes",
                _ when Written != expected => $"the block's end after 0x{Written:X} unpacked bytes",
                _ => null,
            };
            if (wrong is not null)
            {
                throw payload.Damaged("LZ4 block", at + Consumed, wrong, $"a block of 0x{expected:X} unpacked bytes");
            }
        }
    }
}
