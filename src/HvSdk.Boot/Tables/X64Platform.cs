using HvSdk.Devices;

namespace HvSdk.Boot;

/// <summary>A PC as its tables describe it to the guest: the ACPI tables, the MP table and SMBIOS are written from this.</summary>
public sealed record X64Platform
{
    /// <summary>The local APIC IDs of the processors, the bootstrap processor's first. IDs of 255 and more need a guest that uses x2APIC.</summary>
    public required IReadOnlyList<uint> ApicIds { get; init; }

    /// <summary>How the processors are put together. The default: each is a core of its own, all in one socket.</summary>
    public X64ProcessorDescription Processors { get; init; } = new();

    /// <summary>The I/O APIC, or null: none.</summary>
    public X64IoApicDescription? IoApic { get; init; }

    /// <summary>The 8259A pair is there (ACPI 6.5, 5.2.12: PCAT_COMPAT).</summary>
    public bool HasPicPair { get; init; }

    /// <summary>An i8042 keyboard controller is there (ACPI 6.5, table 5.10).</summary>
    public bool HasKeyboardController { get; init; }

    /// <summary>A CMOS clock is there (ACPI 6.5, table 5.10).</summary>
    public bool HasCmosClock { get; init; }

    /// <summary>The register of the CMOS that holds the century, or 0: none (ACPI 6.5, table 5.9: CENTURY).</summary>
    public byte CmosCenturyRegister { get; init; }

    /// <summary>A VGA is there, which a guest may probe (ACPI 6.5, table 5.10).</summary>
    public bool HasVga { get; init; }

    /// <summary>The ACPI power management block, or null: none; the tables then say hardware-reduced.</summary>
    public X64PowerManagementDescription? PowerManagement { get; init; }

    /// <summary>The port that resets the machine, or null: none (ACPI 6.5, 4.8.3.6).</summary>
    public X64ResetDescription? Reset { get; init; }

    /// <summary>The PCI host bridge, or null: no PCI.</summary>
    public X64PciHostDescription? PciHost { get; init; }

    /// <summary>The ISA interrupts that do not lead to the I/O APIC input of their own number. That of the system control interrupt is added where it is missing.</summary>
    public IReadOnlyList<X64InterruptOverride> InterruptOverrides { get; init; } = [];

    /// <summary>The devices; those with an ACPI identity of their own get an entry in the namespace.</summary>
    public IReadOnlyList<DeviceDescription> Devices { get; init; } = [];

    /// <summary>The RAM, by address, without overlaps. SMBIOS tells of it; the guest's memory map is not made from this.</summary>
    public IReadOnlyList<X64MemoryRange> Memory { get; init; } = [];
}

/// <summary>How processors are put together, and what their CPUID says of them.</summary>
public sealed record X64ProcessorDescription
{
    /// <summary>Sockets, among which the processors are spread evenly.</summary>
    public int Sockets { get; init; } = 1;

    /// <summary>Threads of each core.</summary>
    public int ThreadsPerCore { get; init; } = 1;

    /// <summary>CPUID leaf 1, EAX: family, model, stepping; or 0: not told.</summary>
    public uint Signature { get; init; }

    /// <summary>CPUID leaf 1, EDX: features; or 0: not told.</summary>
    public uint Features { get; init; }
}

/// <summary>An I/O APIC.</summary>
/// <param name="Id">Its APIC ID.</param>
/// <param name="Address">Its GPA.</param>
/// <param name="FirstLine">The interrupt line (GSI) of its first input.</param>
public readonly record struct X64IoApicDescription(byte Id, uint Address, uint FirstLine);

/// <summary>An ISA interrupt that leads to another line, or is signalled otherwise than ISA does (ACPI 6.5, 5.2.12.5).</summary>
/// <param name="IsaInterrupt">The ISA interrupt, 0 to 15.</param>
/// <param name="Line">The line (GSI) that it leads to.</param>
/// <param name="Sense">How it is signalled.</param>
public readonly record struct X64InterruptOverride(byte IsaInterrupt, int Line, InterruptSense Sense);

/// <summary>A port that resets the machine.</summary>
/// <param name="Port">The port.</param>
/// <param name="Value">What is written to it.</param>
public readonly record struct X64ResetDescription(ushort Port, byte Value);

/// <summary>A range of RAM.</summary>
/// <param name="Address">First GPA.</param>
/// <param name="Size">Size in bytes.</param>
public readonly record struct X64MemoryRange(ulong Address, ulong Size);

/// <summary>The ports of the ACPI power management block (ACPI 6.5, 4.8). Its SCI_EN reads one always: there is no port that switches to ACPI.</summary>
public sealed record X64PowerManagementDescription
{
    /// <summary>The system control interrupt's line, level-triggered: 0 to 15, or where an override leads.</summary>
    public required int InterruptLine { get; init; }

    /// <summary>PM1a_EVT_BLK, 4 ports.</summary>
    public required ushort Pm1EventPort { get; init; }

    /// <summary>PM1a_CNT_BLK, 2 ports.</summary>
    public required ushort Pm1ControlPort { get; init; }

    /// <summary>PM_TMR_BLK, 4 ports, 32 bits wide; or null: no timer.</summary>
    public ushort? TimerPort { get; init; }

    /// <summary>GPE0_BLK; or null: none.</summary>
    public ushort? GeneralPurposeEventPort { get; init; }

    /// <summary>GPE0_BLK_LEN: ports of the block, status and enable registers together; an even number up to 64, four events for each port.</summary>
    public byte GeneralPurposeEventLength { get; init; }

    /// <summary>There is a power button in the block: PWRBTN_STS and PWRBTN_EN (ACPI 6.5, 4.8.2.2.1).</summary>
    public bool HasPowerButton { get; init; } = true;

    /// <summary>SLP_TYP of S5, soft off: 0 to 7.</summary>
    public byte SoftOffType { get; init; }
}
