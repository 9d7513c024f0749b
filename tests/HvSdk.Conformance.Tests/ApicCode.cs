using HvSdk.Testing;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Conformance.Tests;

/// <summary>
/// Guest code for the interrupt chips of a PC. It is real-mode code, whose IRET even hosts that interpret guests know; so that it reaches the chips,
/// the test lets FS begin at the local APIC and GS at the I/O APIC (<see cref="OpenWindows"/>), as code that came from protected mode might.
/// </summary>
internal static class ApicCode
{
    public const ulong LocalApicAddress = 0xFEE0_0000;
    public const ulong IoApicAddress = 0xFEC0_0000;

    // Offsets in the local APIC's page (Intel SDM vol. 3A, table 11-1).
    public const int EndOfInterruptRegister = 0xB0;
    public const int SpuriousVector = 0xF0;
    public const int CommandLow = 0x300;
    public const int CommandHigh = 0x310;
    public const int TimerVector = 0x320;
    public const int LocalInput0 = 0x350;
    public const int TimerInitialCount = 0x380;
    public const int TimerDivide = 0x3E0;

    public const uint Masked = 0x1_0000;
    public const uint LevelTriggered = 0x8000;

    /// <summary>Lets FS begin at the local APIC and GS at the I/O APIC.</summary>
    public static void OpenWindows(Vcpu vcpu)
    {
        X64SpecialRegisters special = vcpu.X64.GetSpecialRegisters();
        vcpu.X64.SetSpecialRegisters(special with
        {
            Fs = special.Fs with { Base = LocalApicAddress },
            Gs = special.Gs with { Base = IoApicAddress },
        });
    }

    /// <summary>Writes a register of the local APIC.</summary>
    public static void WriteLocalApic(this Assembler a, int register, uint value) => a.mov(__dword_ptr.fs[register], value);

    /// <summary>Switches the local APIC on, and its LINT0 off: a PC's firmware leaves the 8259A pair connected there.</summary>
    public static void EnableLocalApic(this Assembler a)
    {
        a.WriteLocalApic(SpuriousVector, 0x1FF);
        a.WriteLocalApic(LocalInput0, Masked);
    }

    /// <summary>Sets what a pin of the I/O APIC does, for vCPU 0 (Intel 82093AA, 3.2.4).</summary>
    public static void RouteIoApicPin(this Assembler a, int pin, byte vector, uint flags = 0)
    {
        const int window = 0x10;
        int register = 0x10 + (2 * pin);
        a.mov(__dword_ptr.gs[0], register + 1);
        a.mov(__dword_ptr.gs[window], 0);
        a.mov(__dword_ptr.gs[0], register);
        a.mov(__dword_ptr.gs[window], vector | flags);
    }

    /// <summary>Initializes the master 8259A: its inputs 0 to 7 give vectors from a base on (Intel 8259A, figure 7).</summary>
    public static void InitializePic(this Assembler a, byte vectorBase, byte mask)
    {
        a.WritePort(0x20, 0x11);
        a.WritePort(0x21, vectorBase);
        a.WritePort(0x21, 4);
        a.WritePort(0x21, 1);
        a.WritePort(0x21, mask);
    }

    /// <summary>Writes a byte to a port below 256; AL is lost.</summary>
    public static void WritePort(this Assembler a, byte port, byte value)
    {
        a.mov(al, value);
        a.@out(port, al);
    }
}
