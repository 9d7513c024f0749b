using System.Buffers.Binary;

namespace HvSdk.Boot;

/// <summary>Multiboot2 Specification version 2.0: the header (3.1).</summary>
internal static class Multiboot2
{
    public const uint BootMagic = 0x36D7_6289; // in EAX

    private const uint Magic = 0xE852_50D6;
    private const int SearchSize = 32768;
    private const int FixedSize = 16;
    private const int TagHeaderSize = 8;
    private const ushort Optional = 1;
    private const uint LastKnownRequest = 21;
    private const uint ElfSectionsRequest = 9;

    public static MultibootHeader Read(ImageReader reader)
    {
        long at = Find(reader);
        uint architecture = reader.U32(at + 4, "architecture");
        if (architecture != 0)
        {
            throw reader.Wrong("architecture", at + 4, architecture == 4 ? "4 (MIPS)" : $"{architecture}", "0 (x86, 32-bit protected mode)");
        }

        uint length = reader.U32(at + 8, "header_length");
        if (length < FixedSize + TagHeaderSize || length > SearchSize - at || length > reader.Length - at)
        {
            throw reader.Wrong(
                "header_length", at + 8, length, $"0x{FixedSize + TagHeaderSize:X} to 0x{long.Min(SearchSize, reader.Length) - at:X}: the header lies in the first {SearchSize} bytes");
        }

        var tags = new Tags();
        for (long tag = at + FixedSize; ;)
        {
            if (tag + TagHeaderSize > at + length)
            {
                throw reader.Wrong("tags", tag, "the end of the header", "an end tag (type 0)");
            }

            ushort type = reader.U16(tag, "tag type");
            uint size = reader.U32(tag + 4, "tag size");
            if (size < TagHeaderSize || size > at + length - tag)
            {
                throw reader.Wrong($"size of tag of type {type}", tag + 4, size, $"{TagHeaderSize} to 0x{at + length - tag:X}");
            }

            if (type == 0)
            {
                break;
            }

            ReadTag(reader, at, tag, type, size, (reader.U16(tag + 2, "tag flags") & Optional) != 0, tags);
            tag += (size + 7) & ~7L;
        }

        return Combine(reader, at, tags);
    }

    private static void ReadTag(ImageReader reader, long header, long tag, ushort type, uint size, bool isOptional, Tags tags)
    {
        void Require(uint least)
        {
            if (size < least)
            {
                throw reader.Wrong($"size of tag of type {type}", tag + 4, size, $"{least}");
            }
        }

        switch (type)
        {
            case 1: // information request
                for (uint i = TagHeaderSize; i + sizeof(uint) <= size && !isOptional; i += sizeof(uint))
                {
                    uint request = reader.U32(tag + i, "mbi_tag_types");
                    if (request > LastKnownRequest || request == ElfSectionsRequest)
                    {
                        throw reader.Wrong(
                            "mbi_tag_types", tag + i, request == ElfSectionsRequest ? $"{request}, the ELF sections" : $"{request}",
                            $"0 to {LastKnownRequest} without {ElfSectionsRequest}, or the request marked as optional");
                    }
                }

                break;
            case 2: // addresses
                Require(24);
                tags.Image = MultibootHeader.ReadAddresses(reader, header, tag + 8);
                break;
            case 3: // entry address
                Require(12);
                tags.EntryOffset = tag + 8;
                tags.Entry = reader.U32(tag + 8, "entry_addr");
                break;
            case 4: // console flags; bit 1, that it can use a text screen, asks for nothing
                Require(12);
                uint flags = reader.U32(tag + 8, "console_flags");
                if ((flags & 1) != 0 && !isOptional)
                {
                    throw reader.Wrong("console_flags", tag + 8, $"0x{flags:X}, which requires a console", "a kernel that needs none: there is no display");
                }

                break;
            case 5 when !isOptional:
                throw reader.Wrong("tag type", tag, "5, which requires a framebuffer", "a kernel that needs none, or the tag marked as optional: there is no display");
            case 10: // relocatable
                Require(24);
                uint alignment = reader.U32(tag + 16, "align");
                if (!ulong.IsPow2(alignment))
                {
                    throw reader.Wrong("align", tag + 16, alignment, "a power of two");
                }

                tags.Relocation = new MultibootRelocation(
                    reader.U32(tag + 8, "min_addr"), reader.U32(tag + 12, "max_addr"), alignment, reader.U32(tag + 20, "preference"));
                break;
            case 5 or 6 or 7 or 8 or 9: // a framebuffer that it can do without; modules are on pages anyway; EFI, which is not here
                break;
            default:
                if (!isOptional)
                {
                    throw reader.Wrong("tag type", tag, $"{type}", "1 to 10, or a tag marked as optional");
                }

                break;
        }
    }

    private static MultibootHeader Combine(ImageReader reader, long header, Tags tags)
    {
        if (tags.Image is { } image)
        {
            if (tags.Entry is not { } entry)
            {
                throw reader.Wrong("tags", header, "addresses (type 2) without an entry address (type 3)", "both");
            }

            MultibootHeader.Check(reader, [image], "entry_addr", tags.EntryOffset, entry);
            return new MultibootHeader { Version = 2, Segments = [image], Entry = entry, Relocation = tags.Relocation };
        }

        if (!ElfFile.IsElf(reader))
        {
            throw reader.Wrong("tags", header, "no addresses (type 2) in a file that is no ELF file", "the addresses of such a kernel in its multiboot header");
        }

        ElfFile elf = ElfFile.Read(reader, reader.Length);
        ulong elfEntry = tags.Entry ?? MultibootHeader.FindElfEntry(elf);
        MultibootHeader.Check(
            reader, elf.Segments, tags.Entry is null ? "e_entry" : "entry_addr", tags.Entry is null ? elf.EntryOffset : tags.EntryOffset, elfEntry);
        return new MultibootHeader { Version = 2, Segments = elf.Segments, Entry = elfEntry, Relocation = tags.Relocation };
    }

    private static long Find(ImageReader reader)
    {
        byte[] head = new byte[(int)long.Min(SearchSize, reader.Length)];
        reader.Read(0, head, "multiboot 2 header");
        Span<byte> magic = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(magic, Magic);
        BootImageException? wrong = null;
        int found;
        for (int at = 0; (found = head.AsSpan(at).IndexOf(magic)) >= 0; at += 1)
        {
            at += found;
            if (at % 8 != 0 || head.Length - at < FixedSize)
            {
                continue;
            }

            uint sum = Magic;
            for (int i = 4; i < FixedSize; i += sizeof(uint))
            {
                sum = unchecked(sum + BinaryPrimitives.ReadUInt32LittleEndian(head.AsSpan(at + i)));
            }

            if (sum == 0)
            {
                return at;
            }

            uint checksum = BinaryPrimitives.ReadUInt32LittleEndian(head.AsSpan(at + 12));
            wrong ??= reader.Wrong("checksum", at + 12, checksum, $"0x{unchecked(checksum - sum):X}: with the three fields before it, it makes zero");
        }

        throw wrong ?? reader.Wrong("multiboot 2 header", 0, $"not in the first {head.Length} bytes{reader.Guess()}", $"the number 0x{Magic:X8} at a multiple of 8");
    }

    private sealed class Tags
    {
        public LoadSegment? Image { get; set; }

        public ulong? Entry { get; set; }

        public long EntryOffset { get; set; }

        public MultibootRelocation? Relocation { get; set; }
    }
}
