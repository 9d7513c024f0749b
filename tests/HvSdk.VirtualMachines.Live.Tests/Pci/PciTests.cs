using HvSdk.Boot;
using HvSdk.VirtualMachines.Live.Tests.Chips;
using HvSdk.VirtualMachines.Live.Tests.Images;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.VirtualMachines.Live.Tests.Pci;

/// <summary>A guest finds a device on the PCI bus, uses its registers, and gets its interrupts, with the host's chips and with ours.</summary>
public sealed class PciTests
{
    private const byte Vector = 0x50;
    private const uint LocalApic = 0xFEE0_0000;
    private const uint LocalApicEnd = LocalApic + 0xB0; // EOI register (Intel SDM vol. 3A, 11.8.5)
    private const uint LocalApicSpurious = LocalApic + 0xF0;
    private const uint IoApicSelect = 0xFEC0_0000;
    private const uint IoApicWindow = 0xFEC0_0010;
    private const int LevelTriggered = 1 << 15;
    private const int FirstLine = 16; // the first that is free beyond those of ISA
    private const uint ConfigurationSpaces = 0xE000_0000; // as nothing else asks for GPAs
    private const int Command = 0x04;
    private const int Bar0 = 0x10;
    private const int Bar1 = 0x14;
    private const int MessageControl = 0x42; // that of the first capability
    private const int Kept = 0x1357_9BDF;

    [Theory]
    [InlineData(ChipPlacement.Host)]
    [InlineData(ChipPlacement.Split)]
    public async Task Device_ByPortsAndByMemory_IsFoundAndUsed(ChipPlacement chips)
    {
        uint[] told = await LiveMachine.TellAsync(
            static () => RealModeImage.Open(static (a, _) =>
            {
                a.ReachAllMemory();
                ReadByPorts(a, 1, 0);
                a.Tell(eax);
                ReadByPorts(a, 2, 0);
                a.Tell(eax);
                a.mov(ebx, ConfigurationSpaces + (1 << 15));
                a.Tell(__dword_ptr[ebx]);
                Enable(a);
                ReadByPorts(a, 1, Bar0);
                a.mov(ebx, eax);
                a.mov(__dword_ptr[ebx + EchoDevice.KeptOffset], Kept);
                a.Tell(__dword_ptr[ebx + EchoDevice.KeptOffset]);

                // At another place it answers there, and no more where it was.
                a.mov(edi, ebx);
                a.add(edi, 0x10_0000);
                a.mov(esi, ConfigurationSpaces + (1 << 15) + Bar0);
                a.mov(__dword_ptr[esi], edi);
                a.Tell(__dword_ptr[edi + EchoDevice.KeptOffset]);
                a.Tell(__dword_ptr[ebx + EchoDevice.KeptOffset]);
                a.End();
            }),
            machine => Add(machine, chips));

        Assert.Equal([EchoDevice.Id, uint.MaxValue, EchoDevice.Id, Kept, Kept, uint.MaxValue], told);
    }

    [Theory]
    [InlineData(ChipPlacement.Host)]
    [InlineData(ChipPlacement.Split)]
    public async Task Message_OfADevice_InterruptsTheProcessor(ChipPlacement chips)
    {
        uint[] told = await LiveMachine.TellAsync(
            static () => RealModeImage.Open(static (a, marks) =>
            {
                Label wait = a.CreateLabel();
                a.ReachAllMemory();
                a.WriteMemory(LocalApicSpurious, 0x1FF);
                Enable(a);
                ReadByPorts(a, 1, Bar1);
                a.mov(ebx, eax);
                a.mov(__dword_ptr[ebx], unchecked((int)LocalApic));
                a.mov(__dword_ptr[ebx + 4], 0);
                a.mov(__dword_ptr[ebx + 8], Vector);
                a.mov(__dword_ptr[ebx + 12], 0);
                a.mov(ebx, ConfigurationSpaces + (1 << 15));
                a.mov(__word_ptr[ebx + MessageControl], unchecked((short)0x8000));
                ReadByPorts(a, 1, Bar0);
                a.mov(ebx, eax);
                a.mov(__dword_ptr[ebx + EchoDevice.MessageOffset], 1);
                a.Label(ref wait);
                a.sti();
                a.hlt();
                a.jmp(wait);

                marks.Handler(Vector);
                a.mov(eax, Kept);
                a.Tell(eax);
                a.End();
            }),
            machine => Add(machine, chips));

        Assert.Equal([(uint)Kept], told);
    }

    [Theory]
    [InlineData(ChipPlacement.Host)]
    [InlineData(ChipPlacement.Split)]
    public async Task Pin_OfADevice_InterruptsUntilItIsServed(ChipPlacement chips)
    {
        uint[] told = await LiveMachine.TellAsync(
            static () => RealModeImage.Open(static (a, marks) =>
            {
                Label wait = a.CreateLabel();
                a.ReachAllMemory();
                a.xor(ebp, ebp);
                a.mov(edi, esp);
                a.WriteMemory(LocalApicSpurious, 0x1FF);
                a.WriteMemory(IoApicSelect, 0x10 + (2 * FirstLine)); // 82093AA data sheet, 3.2.4
                a.WriteMemory(IoApicWindow, Vector | LevelTriggered);
                Enable(a);
                ReadByPorts(a, 1, Bar0);
                a.mov(esi, eax);
                a.mov(__dword_ptr[esi + EchoDevice.PinOffset], 1);
                a.Label(ref wait);
                a.sti();
                a.hlt();
                a.jmp(wait);

                // Not served the first time, it comes again; with its pin held back it does not.
                marks.Handler(Vector);
                a.mov(esp, edi);
                a.inc(ebp);
                a.Tell(ebp);
                a.WriteMemory(LocalApicEnd, 0);
                a.cmp(ebp, 2);
                a.jb(wait);
                a.mov(__dword_ptr[esi + EchoDevice.PinOffset], 0);
                a.WriteMemory(ConfigurationSpaces + (1 << 15) + Command, 0x0402); // Interrupt Disable
                a.mov(__dword_ptr[esi + EchoDevice.PinOffset], 1);
                ReadByPorts(a, 1, Command);
                a.shr(eax, 16);
                a.Tell(eax);
                a.End();
            }),
            machine => Add(machine, chips));

        Assert.Equal([1U, 2, 0x18], told); // Status: an interrupt, and a list of capabilities
    }

    private static void Add(VirtualMachineBuilder machine, ChipPlacement chips) =>
        machine.ConfigureBoard(board => board.Chips = chips).AddPciDevice(new EchoDevice(), "echo");

    /// <summary>Reads a configuration register into EAX. DX is lost.</summary>
    private static void ReadByPorts(Assembler a, int device, int register)
    {
        SelectByPorts(a, device, register);
        a.mov(dx, 0xCFC);
        a.@in(eax, dx);
    }

    /// <summary>Lets the device answer accesses and send messages. EAX and DX are lost.</summary>
    private static void Enable(Assembler a)
    {
        SelectByPorts(a, 1, Command);
        a.mov(dx, 0xCFC);
        a.mov(eax, 0x0006); // memory space, bus master
        a.@out(dx, eax);
    }

    private static void SelectByPorts(Assembler a, int device, int register)
    {
        a.mov(dx, 0xCF8);
        a.mov(eax, 0x8000_0000 | ((uint)device << 11) | (uint)register);
        a.@out(dx, eax);
    }
}
