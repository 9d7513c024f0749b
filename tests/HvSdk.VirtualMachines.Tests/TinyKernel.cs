using System.Buffers.Binary;
using HvSdk.Boot;

namespace HvSdk.VirtualMachines.Tests;

/// <summary>The least that counts as a Linux kernel: an ELF file of one instruction, with the note that PVH is entered by.</summary>
internal static class TinyKernel
{
    private const int HeaderLength = 64;
    private const int ProgramHeaderLength = 56;
    private const int NotesAt = HeaderLength + (2 * ProgramHeaderLength);
    private const int NotesLength = 20;
    private const int CodeAt = 0x1000;
    private const int FileLength = CodeAt + 16;
    private const ulong LoadAddress = 0x10_0000;

    public static LinuxImage Open(string commandLine) => LinuxImage.ReadElf(BootFile.FromMemory(Build()), LinuxElfEntry.Pvh, new LinuxBootOptions { CommandLine = commandLine });

    private static byte[] Build()
    {
        byte[] file = new byte[FileLength];
        "\u007fELF"u8.CopyTo(file);
        (file[4], file[5], file[6]) = (2, 1, 1); // 64-bit, little-endian, version 1
        Half(file, 16, 2); // ET_EXEC
        Half(file, 18, 62); // EM_X86_64
        Word(file, 20, 1);
        Long(file, 24, LoadAddress);
        Long(file, 32, HeaderLength); // the program headers
        Half(file, 52, HeaderLength);
        Half(file, 54, ProgramHeaderLength);
        Half(file, 56, 2);
        AddSegment(file, 0, type: 1, flags: 5, CodeAt, LoadAddress, FileLength - CodeAt); // PT_LOAD
        AddSegment(file, 1, type: 4, flags: 4, NotesAt, 0, NotesLength); // PT_NOTE
        Word(file, NotesAt, 4); // the name's length
        Word(file, NotesAt + 4, 4); // the value's
        Word(file, NotesAt + 8, 18); // XEN_ELFNOTE_PHYS32_ENTRY
        "Xen\0"u8.CopyTo(file.AsSpan(NotesAt + 12));
        Word(file, NotesAt + 16, (uint)LoadAddress);
        file[CodeAt] = 0xF4; // HLT
        return file;
    }

    private static void AddSegment(byte[] file, int index, uint type, uint flags, ulong offset, ulong address, ulong length)
    {
        int at = HeaderLength + (index * ProgramHeaderLength);
        Word(file, at, type);
        Word(file, at + 4, flags);
        Long(file, at + 8, offset);
        Long(file, at + 16, address);
        Long(file, at + 24, address);
        Long(file, at + 32, length);
        Long(file, at + 40, length);
        Long(file, at + 48, 4);
    }

    private static void Half(byte[] file, int at, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(at), value);

    private static void Word(byte[] file, int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(at), value);

    private static void Long(byte[] file, int at, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(at), value);
}
