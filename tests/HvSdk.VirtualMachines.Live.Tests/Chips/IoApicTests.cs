using HvSdk.Boot;
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
        uint[] told = await LiveMachine.TellAsync(OpenImage, machine => machine.ConfigureBoard(board => board.Chips = chips).AddDevice(new LevelLineDevice()));

        Assert.Equal([1U, 2, 3], told);
    }

    /// <summary>
    /// Leads the device's line to a vector, asserts it and leaves it so. The handler counts, tells the number, and ends the interrupt. It does not return, but
    /// goes on waiting from where it is.
    /// </summary>
    private static BootImage OpenImage() => RealModeImage.Open(static (a, marks) =>
    {
        Label wait = a.CreateLabel();
        a.ReachAllMemory();
        a.xor(ebp, ebp);
        a.mov(edi, esp);
        a.WriteMemory(LocalApicSpurious, 0x1FF);
        a.WriteMemory(IoApicSelect, Redirection);
        a.WriteMemory(IoApicWindow, Vector | LevelTriggered);
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
        a.WriteMemory(LocalApicEnd, 0);
        a.cmp(ebp, Interrupts);
        a.jb(wait);
        a.End();
    });
}
