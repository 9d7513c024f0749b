using HvSdk.Boot;
using HvSdk.Testing;
using HvSdk.VirtualMachines.Live.Tests.Images;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.VirtualMachines.Live.Tests.Chips;

/// <summary>The I/O APIC's way to a processor and back, with the host's chip and with ours.</summary>
public sealed class IoApicTests
{
    private const byte Vector = 0x50;
    private const uint LocalApicEnd = 0xFEE0_00B0; // EOI register (Intel SDM vol. 3A, 11.8.5)
    private const uint LocalApicSpurious = 0xFEE0_00F0;
    private const uint IoApicSelect = 0xFEC0_0000;
    private const uint IoApicWindow = 0xFEC0_0010;
    private const int Redirection = 0x10 + (2 * LevelLineDevice.Line); // 82093AA data sheet, 3.2.4
    private const int LevelTriggered = 1 << 15;
    private const int Interrupts = 3;

    [Theory]
    [InlineData(ChipPlacement.Host)]
    [InlineData(ChipPlacement.Split)]
    public async Task LevelLine_HeldAsserted_InterruptsAgainAtEachEnd(ChipPlacement chips)
    {
        LiveMachine.SkipUnlessPossible(chips);
        uint[] told = await LiveMachine.TellAsync(OpenImage, machine => machine.ConfigureBoard(board => board.Chips = chips).AddDevice(new LevelLineDevice()));

        Assert.Equal([1U, 2, 3], told);
    }

    /// <summary>
    /// Leads the device's line to a vector, asserts it and leaves it so. The handler counts, tells the number, and ends the interrupt. It does not return, but
    /// goes on waiting from where it is.
    /// </summary>
    private static BootImage OpenImage()
    {
        GuestProgram program = GuestProgram.RealMode(static (a, marks) =>
        {
            Label wait = a.CreateLabel();
            ReachAllMemory(a);
            a.xor(ebp, ebp);
            a.mov(edi, esp);
            Write(a, LocalApicSpurious, 0x1FF);
            Write(a, IoApicSelect, Redirection);
            Write(a, IoApicWindow, Vector | LevelTriggered);
            a.mov(dx, LevelLineDevice.Port);
            a.mov(al, 1);
            a.@out(dx, al);
            a.Label(ref wait);
            a.sti();
            a.hlt();
            a.jmp(wait);

            marks.Handler(Vector);
            a.mov(esp, edi);
            a.inc(ebp);
            a.Tell(ebp);
            Write(a, LocalApicEnd, 0);
            a.cmp(ebp, Interrupts);
            a.jb(wait);
            a.End();
        });

        // Code and interrupt vectors as one image, from address 0 on.
        byte[] image = new byte[program.Parts.Max(static part => (int)part.Address + part.Bytes.Length)];
        foreach (GuestImagePart part in program.Parts)
        {
            part.Bytes.CopyTo(image.AsMemory((int)part.Address));
        }

        return FlatImage.Read(BootFile.FromMemory(image), new FlatImageOptions { Mode = FlatImageMode.Real, LoadAddress = 0, EntryPoint = program.EntryPoint });
    }

    /// <summary>Goes to protected mode for a moment and brings back a data segment that reaches 4 GiB, so that this real-mode code, whose interrupts every host knows, reaches the controllers.</summary>
    private static void ReachAllMemory(Assembler a)
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

    private static void Write(Assembler a, uint address, int value)
    {
        a.mov(ebx, address);
        a.mov(__dword_ptr[ebx], value);
    }
}
