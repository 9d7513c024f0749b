namespace HvSdk.Devices.Emulated;

/// <summary>The well-known keys of a <see cref="FirmwareConfiguration"/>. Numbers in items are little-endian except where the firmware's interface says otherwise.</summary>
public static class FirmwareConfigurationKey
{
    /// <summary>"QEMU": the device is there. Its own.</summary>
    public const ushort Signature = 0x00;

    /// <summary>32 bits: bit 0 the traditional interface, bit 1 DMA. Its own.</summary>
    public const ushort Id = 0x01;

    /// <summary>The machine's UUID, 16 bytes.</summary>
    public const ushort Uuid = 0x02;

    /// <summary>Bytes of RAM, 64 bits.</summary>
    public const ushort RamSize = 0x03;

    /// <summary>1: no display, 16 bits.</summary>
    public const ushort NoGraphic = 0x04;

    /// <summary>How many processors are there, 16 bits.</summary>
    public const ushort ProcessorCount = 0x05;

    /// <summary>The kernel's address, 32 bits.</summary>
    public const ushort KernelAddress = 0x07;

    /// <summary>The kernel's size, 32 bits.</summary>
    public const ushort KernelSize = 0x08;

    /// <summary>The initial RAM disk's address, 32 bits.</summary>
    public const ushort InitrdAddress = 0x0A;

    /// <summary>The initial RAM disk's size, 32 bits.</summary>
    public const ushort InitrdSize = 0x0B;

    /// <summary>The boot device, a letter, 16 bits.</summary>
    public const ushort BootDevice = 0x0C;

    /// <summary>The NUMA layout.</summary>
    public const ushort Numa = 0x0D;

    /// <summary>1: the firmware shows its boot menu, 16 bits.</summary>
    public const ushort BootMenu = 0x0E;

    /// <summary>One more than the highest APIC ID that may come, 16 bits.</summary>
    public const ushort MaxProcessorCount = 0x0F;

    /// <summary>The kernel's entry, 32 bits.</summary>
    public const ushort KernelEntry = 0x10;

    /// <summary>The kernel.</summary>
    public const ushort KernelData = 0x11;

    /// <summary>The initial RAM disk.</summary>
    public const ushort InitrdData = 0x12;

    /// <summary>The command line's address, 32 bits.</summary>
    public const ushort CommandLineAddress = 0x13;

    /// <summary>The command line's size with its final zero, 32 bits.</summary>
    public const ushort CommandLineSize = 0x14;

    /// <summary>The command line with its final zero.</summary>
    public const ushort CommandLineData = 0x15;

    /// <summary>The setup code's address, 32 bits.</summary>
    public const ushort SetupAddress = 0x16;

    /// <summary>The setup code's size, 32 bits.</summary>
    public const ushort SetupSize = 0x17;

    /// <summary>The kernel's setup code.</summary>
    public const ushort SetupData = 0x18;

    /// <summary>The directory of named items. Its own.</summary>
    public const ushort FileDirectory = 0x19;

    /// <summary>The first key that the directory gives to a named item.</summary>
    public const ushort FirstFile = 0x20;

    /// <summary>x86: ACPI tables to add.</summary>
    public const ushort AcpiTables = 0x8000;

    /// <summary>x86: SMBIOS entries.</summary>
    public const ushort SmbiosEntries = 0x8001;

    /// <summary>x86: 1 where IRQ 0 leads to input 2 of the I/O APIC, 32 bits.</summary>
    public const ushort Irq0Override = 0x8002;

    /// <summary>x86: the E820 table of the firmware's first versions.</summary>
    public const ushort E820Table = 0x8003;

    /// <summary>x86: the HPETs.</summary>
    public const ushort Hpet = 0x8004;
}
