namespace HvSdk.Boot;

/// <summary>The formats that say what they are. Flat and firmware images do not: anything may be one.</summary>
public enum BootImageFormat
{
    /// <summary><see cref="LinuxImage.ReadBzImage"/>.</summary>
    LinuxBzImage,

    /// <summary><see cref="LinuxImage.ReadElf"/> with <see cref="LinuxElfEntry.Pvh"/>.</summary>
    Pvh,

    /// <summary><see cref="LinuxImage.ReadElf"/> with <see cref="LinuxElfEntry.Bits64"/>. Any 64-bit ELF program looks like one: name it after the others.</summary>
    LinuxElf,

    /// <summary><see cref="MultibootImage.ReadMultiboot1"/>.</summary>
    Multiboot1,

    /// <summary><see cref="MultibootImage.ReadMultiboot2"/>.</summary>
    Multiboot2,

    /// <summary><see cref="Arm64LinuxImage.Read"/>.</summary>
    Arm64Linux,
}
