using System.Buffers.Binary;
using HvSdk.Boot;
using HvSdk.Testing;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.VirtualMachines.Live.Tests.Images;

/// <summary>Small kernels in the formats that are booted, and what their code shares.</summary>
internal static class TestKernel
{
    /// <summary>Where kernels are linked to.</summary>
    public const uint Address = 0x20_0000;

    /// <summary>Bytes of zeros behind an ELF kernel's segment, which the file does not hold.</summary>
    public const uint BssSize = 0x3000;

    private const int ElfHeaderSize = 52;
    private const int ProgramHeaderSize = 32;
    private const int SegmentOffset = 0x1000;
    private const uint Load = 1;
    private const uint Note = 4;

    /// <summary>32-bit code for behind a header of a kernel.</summary>
    public static byte[] Code32(int headerSize, Action<Assembler> body) =>
        GuestProgram.ProtectedMode(body, GuestLayout.Default with { CodeAddress = Address + (uint)headerSize }).Code.ToArray();

    /// <summary>An ELF file for 32-bit x86 of one segment, entered behind its header, and notes.</summary>
    /// <param name="header">What comes first in the segment.</param>
    /// <param name="code">The code behind it.</param>
    /// <param name="notes">The segment of notes, or none.</param>
    public static BootFile Elf(byte[] header, byte[] code, params byte[] notes)
    {
        byte[] segment = [.. header, .. code];
        byte[] file = new byte[SegmentOffset + segment.Length + notes.Length];
        "\u007FELF\u0001\u0001\u0001"u8.CopyTo(file);
        Half(16, 2); // ET_EXEC
        Half(18, 3); // EM_386
        Word(20, 1);
        Word(24, Address + (uint)header.Length);
        Word(28, ElfHeaderSize);
        Half(40, ElfHeaderSize);
        Half(42, ProgramHeaderSize);
        Half(44, (ushort)(notes.Length == 0 ? 1 : 2));
        Program(ElfHeaderSize, Load, SegmentOffset, Address, (uint)segment.Length, BssSize);
        segment.CopyTo(file, SegmentOffset);
        if (notes.Length > 0)
        {
            Program(ElfHeaderSize + ProgramHeaderSize, Note, SegmentOffset + (uint)segment.Length, 0, (uint)notes.Length, 0);
            notes.CopyTo(file, SegmentOffset + segment.Length);
        }

        return BootFile.FromMemory(file, "kernel.elf");

        void Program(int at, uint type, uint offset, uint address, uint size, uint further)
        {
            Word(at, type);
            Word(at + 4, offset);
            Word(at + 8, address);
            Word(at + 12, address);
            Word(at + 16, size);
            Word(at + 20, size + further);
            Word(at + 24, 7);
            Word(at + 28, type == Note ? 4U : 0x1000);
        }

        void Half(int at, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(at), value);
        void Word(int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(at), value);
    }

    /// <summary>Words as bytes.</summary>
    public static byte[] Words(params ReadOnlySpan<uint> values)
    {
        byte[] bytes = new byte[values.Length * sizeof(uint)];
        for (int i = 0; i < values.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(i * sizeof(uint)), values[i]);
        }

        return bytes;
    }

    /// <summary>Four characters as a guest reads them in one access.</summary>
    public static uint Word(string characters) => BinaryPrimitives.ReadUInt32LittleEndian(System.Text.Encoding.ASCII.GetBytes(characters));

    /// <summary>Tells a word to the debug console, byte by byte. EAX is lost.</summary>
    public static void Tell(this Assembler a, AssemblerRegister32 value)
    {
        if (value != eax)
        {
            a.mov(eax, value);
        }

        for (int i = 0; i < sizeof(uint); i++)
        {
            a.@out(0xE9, al);
            a.shr(eax, 8);
        }
    }

    /// <summary>Tells a word of memory. EAX is lost.</summary>
    public static void Tell(this Assembler a, AssemblerMemoryOperand word)
    {
        a.mov(eax, word);
        a.Tell(eax);
    }

    /// <summary>Ends the machine by the debug exit with 0: all is told.</summary>
    public static void End(this Assembler a)
    {
        a.xor(eax, eax);
        a.@out(0xF4, eax);
        a.hlt();
    }
}
