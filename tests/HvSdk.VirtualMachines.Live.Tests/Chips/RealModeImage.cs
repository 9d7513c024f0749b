using HvSdk.Boot;
using HvSdk.Testing;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.VirtualMachines.Live.Tests.Chips;

/// <summary>Guests of real mode, whose interrupts every host knows, that reach all memory below 4 GiB.</summary>
internal static class RealModeImage
{
    /// <summary>Code and interrupt vectors as one image, from address 0 on.</summary>
    public static BootImage Open(Action<Assembler, GuestMarks> body)
    {
        GuestProgram program = GuestProgram.RealMode(body);
        byte[] image = new byte[program.Parts.Max(static part => (int)part.Address + part.Bytes.Length)];
        foreach (GuestImagePart part in program.Parts)
        {
            part.Bytes.CopyTo(image.AsMemory((int)part.Address));
        }

        return FlatImage.Read(BootFile.FromMemory(image), new FlatImageOptions { Mode = FlatImageMode.Real, LoadAddress = 0, EntryPoint = program.EntryPoint });
    }

    /// <summary>Goes to protected mode for a moment and brings back a data segment that reaches 4 GiB, so that this code reaches controllers and devices.</summary>
    public static void ReachAllMemory(this Assembler a)
    {
        const int Gdt = 0x600; // with its pointer behind it
        a.mov(__dword_ptr[Gdt + 8], 0x0000_FFFF);
        a.mov(__dword_ptr[Gdt + 12], 0x00CF_9300);
        a.mov(__word_ptr[Gdt + 16], 15);
        a.mov(__dword_ptr[Gdt + 18], Gdt);
        a.lgdt(__[Gdt + 16]);
        a.mov(eax, cr0);
        a.or(al, 1);
        a.mov(cr0, eax);
        a.mov(bx, 8);
        a.mov(ds, bx);
        a.and(al, -2);
        a.mov(cr0, eax);
    }

    /// <summary>Writes a word to memory. EBX is lost.</summary>
    public static void WriteMemory(this Assembler a, uint address, int value)
    {
        a.mov(ebx, address);
        a.mov(__dword_ptr[ebx], value);
    }
}
