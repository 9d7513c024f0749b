using HvSdk.Devices.Emulated;
using HvSdk.Testing;
using Iced.Intel;

namespace HvSdk.VirtualMachines.Live.Tests.Firmware;

/// <summary>A floppy disk that a BIOS finds among the items of its firmware configuration (SeaBIOS: "floppyimg/...").</summary>
internal static class BootFloppy
{
    private const int Size = 160 << 10; // the smallest format there was
    private const int SectorSize = 512;
    private const ulong LoadAddress = 0x7C00;

    /// <summary>Puts in a disk with a boot sector.</summary>
    /// <param name="firmware">The firmware configuration.</param>
    /// <param name="body">Writes the boot sector's code; it is entered in real mode with the drive in DL.</param>
    public static void Insert(FirmwareConfiguration firmware, Action<Assembler> body)
    {
        ReadOnlyMemory<byte> code = GuestProgram.RealMode(body, GuestLayout.Default with { CodeAddress = LoadAddress }).Code;
        byte[] disk = new byte[Size];
        code.CopyTo(disk);
        disk[SectorSize - 2] = 0x55;
        disk[SectorSize - 1] = 0xAA;
        Assert.True(code.Length <= SectorSize - 2, $"The boot sector has {code.Length} bytes.");
        firmware.Add("floppyimg/test", disk);
    }
}
