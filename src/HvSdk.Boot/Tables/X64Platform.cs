using HvSdk.Devices;

namespace HvSdk.Boot;

/// <summary>A PC as its tables describe it to the guest: the ACPI tables, the MP table and SMBIOS are written from this.</summary>
public sealed record X64Platform
{
    /// <summary>The local APIC IDs of the processors, the bootstrap processor's first.</summary>
    public required IReadOnlyList<uint> ApicIds { get; init; }

    /// <summary>The I/O APIC, or null: none.</summary>
    public X64IoApicDescription? IoApic { get; init; }

    /// <summary>The 8259A pair is there (ACPI 6.5, 5.2.12: PCAT_COMPAT).</summary>
    public bool HasPicPair { get; init; }

    /// <summary>An i8042 keyboard controller is there (ACPI 6.5, table 5.10).</summary>
    public bool HasKeyboardController { get; init; }

    /// <summary>A CMOS clock is there (ACPI 6.5, table 5.10).</summary>
    public bool HasCmosClock { get; init; }

    /// <summary>The ACPI power management block, or null: none; the tables then say hardware-reduced.</summary>
    public X64PowerManagementDescription? PowerManagement { get; init; }

    /// <summary>The ISA interrupts that do not lead to the I/O APIC input of their own number.</summary>
    public IReadOnlyList<X64InterruptOverride> InterruptOverrides { get; init; } = [];

    /// <summary>The devices with an ACPI identity of their own.</summary>
    public IReadOnlyList<DeviceDescription> Devices { get; init; } = [];

    /// <summary>Bytes of RAM.</summary>
    public ulong MemorySize { get; init; }
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

/// <summary>The ports of the ACPI power management block (ACPI 6.5, 4.8).</summary>
public sealed record X64PowerManagementDescription
{
    /// <summary>The system control interrupt's line, level-triggered.</summary>
    public required int InterruptLine { get; init; }

    /// <summary>PM1a_EVT_BLK, 4 ports.</summary>
    public required ushort Pm1EventPort { get; init; }

    /// <summary>PM1a_CNT_BLK, 2 ports.</summary>
    public required ushort Pm1ControlPort { get; init; }

    /// <summary>PM_TMR_BLK, 4 ports, 32 bits wide; or null: no timer.</summary>
    public ushort? TimerPort { get; init; }

    /// <summary>GPE0_BLK; or null: none.</summary>
    public ushort? GeneralPurposeEventPort { get; init; }

    /// <summary>GPE0_BLK_LEN: ports of the block, status and enable registers together; an even number.</summary>
    public byte GeneralPurposeEventLength { get; init; }

    /// <summary>The port that resets the machine and the value to write, or null (ACPI 6.5, 4.8.3.6).</summary>
    public (ushort Port, byte Value)? Reset { get; init; }

    /// <summary>SLP_TYP of S5, soft off: 0 to 7.</summary>
    public byte SoftOffType { get; init; }
}
