using System.Buffers.Binary;
using HvSdk.Boot;
using HvSdk.Testing;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Samples.KernelTest;

/// <summary>
/// Makes the kernels that are tested, from instructions in C#, so that this sample needs no other compiler. Yours comes from its build:
/// <c>MultibootImage.ReadMultiboot1(BootFile.Open("build/kernel.elf"))</c>.
/// </summary>
internal static class Kernels
{
    public const ushort Serial = 0x3F8;
    public const byte DebugConsole = 0xE9;
    public const byte DebugExit = 0xF4;

    private const ushort SerialLineStatus = Serial + 5;
    private const int TransmitterEmpty = 1 << 5;

    private const uint LoadAddress = 0x10_0000;
    private const int HeaderSize = 32;
    private const uint Magic = 0x1BAD_B002;
    private const uint Flags = (1 << 1) | (1 << 16); // wants the size of the memory; gives its own addresses below

    /// <summary>A multiboot kernel. It starts in 32-bit protected mode, EBX pointing to what the boot loader knows, on a stack of the loader's.</summary>
    public static Func<BootImage> Multiboot(Action<Assembler> body, string commandLine = "")
    {
        GuestProgram code = GuestProgram.ProtectedMode(body, GuestLayout.Default with { CodeAddress = LoadAddress + HeaderSize });
        uint end = LoadAddress + HeaderSize + (uint)code.Code.Length;
        uint[] header = [Magic, Flags, unchecked(0 - Magic - Flags), LoadAddress, LoadAddress, end, end, (uint)code.EntryPoint];
        byte[] kernel = new byte[HeaderSize + code.Code.Length];
        for (int i = 0; i < header.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(kernel.AsSpan(i * sizeof(uint)), header[i]);
        }

        code.Code.CopyTo(kernel.AsMemory(HeaderSize));
        return () => MultibootImage.ReadMultiboot1(BootFile.FromMemory(kernel), new MultibootOptions { CommandLine = commandLine });
    }

    /// <summary>A boot sector's worth of 16-bit code, entered at 0x7C00 in real mode.</summary>
    public static Func<BootImage> BootSector(Action<Assembler> body)
    {
        const ulong Start = 0x7C00;
        GuestProgram code = GuestProgram.RealMode(body, GuestLayout.Default with { CodeAddress = Start });
        return () => FlatImage.Read(BootFile.FromMemory(code.Code), new FlatImageOptions { Mode = FlatImageMode.Real, LoadAddress = Start });
    }

    /// <summary>Writes AL to the serial port once it can take a byte. Uses AH and DX.</summary>
    public static void PutSerial(this Assembler a)
    {
        Label wait = a.CreateLabel();
        a.mov(ah, al);
        a.mov(dx, SerialLineStatus);
        a.Label(ref wait);
        a.@in(al, dx);
        a.test(al, TransmitterEmpty);
        a.jz(wait);
        a.mov(al, ah);
        a.mov(dx, Serial);
        a.@out(dx, al);
    }

    /// <summary>Ends the machine; its exit code is twice the number, plus one.</summary>
    public static void Exit(this Assembler a, int number)
    {
        a.mov(eax, number);
        a.@out(DebugExit, eax);
    }
}
