namespace HvSdk.Boot;

/// <summary>The fixed description of a platform (ACPI 6.5, 5.2.9). It tells a guest what is not there, so that it need not look.</summary>
internal static class Fadt
{
    public const byte Revision = 6;
    private const byte MinorRevision = 5;
    private const ushort NoSuchState = 0xFFFF;

    /// <summary>Adds the table.</summary>
    /// <param name="tables">Where to.</param>
    /// <param name="platform">The platform.</param>
    /// <param name="dsdt">Offset of the DSDT.</param>
    /// <param name="facs">Offset of the FACS; null: none.</param>
    /// <returns>Its offset.</returns>
    public static int Add(AcpiTableLayout tables, X64Platform platform, int dsdt, int? facs)
    {
        X64PowerManagementDescription? block = platform.PowerManagement;
        var table = new TableBytes();
        table.U32((uint)(facs ?? 0)); // 36 FIRMWARE_CTRL
        table.U32((uint)dsdt); // 40 DSDT
        table.U8(0);
        table.U8(0); // 45 Preferred_PM_Profile: unspecified
        table.U16(block is null ? (ushort)0 : InterruptMap.SystemControlInterrupt(platform, block)); // 46 SCI_INT
        table.U32(0); // 48 SMI_CMD: none, ACPI is always on
        table.U8(0); // 52 ACPI_ENABLE
        table.U8(0); // 53 ACPI_DISABLE
        table.U8(0); // 54 S4BIOS_REQ
        table.U8(0); // 55 PSTATE_CNT
        table.U32(block?.Pm1EventPort ?? 0); // 56 PM1a_EVT_BLK
        table.U32(0); // 60 PM1b_EVT_BLK
        table.U32(block?.Pm1ControlPort ?? 0); // 64 PM1a_CNT_BLK
        table.U32(0); // 68 PM1b_CNT_BLK
        table.U32(0); // 72 PM2_CNT_BLK
        table.U32(block?.TimerPort ?? 0); // 76 PM_TMR_BLK
        table.U32(block?.GeneralPurposeEventPort ?? 0); // 80 GPE0_BLK
        table.U32(0); // 84 GPE1_BLK
        table.U8(Length(block?.Pm1EventPort, 4)); // 88 PM1_EVT_LEN
        table.U8(Length(block?.Pm1ControlPort, 2)); // 89 PM1_CNT_LEN
        table.U8(0); // 90 PM2_CNT_LEN
        table.U8(Length(block?.TimerPort, 4)); // 91 PM_TMR_LEN
        table.U8(block?.GeneralPurposeEventLength ?? 0); // 92 GPE0_BLK_LEN
        table.U8(0); // 93 GPE1_BLK_LEN
        table.U8(0); // 94 GPE1_BASE
        table.U8(0); // 95 CST_CNT
        table.U16(NoSuchState); // 96 P_LVL2_LAT: above 100, no C2
        table.U16(NoSuchState); // 98 P_LVL3_LAT: above 1000, no C3
        table.U16(0); // 100 FLUSH_SIZE: WBINVD works
        table.U16(0); // 102 FLUSH_STRIDE
        table.U8(0); // 104 DUTY_OFFSET
        table.U8(0); // 105 DUTY_WIDTH: no throttling
        table.U8(0); // 106 DAY_ALRM
        table.U8(0); // 107 MON_ALRM
        table.U8(platform.CmosCenturyRegister); // 108 CENTURY
        table.U16(BootFlags(platform)); // 109 IAPC_BOOT_ARCH
        table.U8(0);
        table.U32(Flags(platform)); // 112 Flags
        Port(table, platform.Reset?.Port, 1, 1); // 116 RESET_REG
        table.U8(platform.Reset?.Value ?? 0); // 128 RESET_VALUE
        table.U16(0); // 129 ARM_BOOT_ARCH
        table.U8(MinorRevision); // 131
        table.U64(0); // 132 X_FIRMWARE_CTRL: the short one does, all tables are below 4 GiB
        table.U64((ulong)dsdt); // 140 X_DSDT
        Port(table, block?.Pm1EventPort, 4, 2); // 148 X_PM1a_EVT_BLK: two registers of 16 bits
        Port(table, null, 0, 0); // 160 X_PM1b_EVT_BLK
        Port(table, block?.Pm1ControlPort, 2, 2); // 172 X_PM1a_CNT_BLK
        Port(table, null, 0, 0); // 184 X_PM1b_CNT_BLK
        Port(table, null, 0, 0); // 196 X_PM2_CNT_BLK
        Port(table, block?.TimerPort, 4, 3); // 208 X_PM_TMR_BLK
        Port(table, block?.GeneralPurposeEventPort, block?.GeneralPurposeEventLength ?? 0, 1); // 220 X_GPE0_BLK
        Port(table, null, 0, 0); // 232 X_GPE1_BLK
        Port(table, null, 0, 0); // 244 SLEEP_CONTROL_REG
        Port(table, null, 0, 0); // 256 SLEEP_STATUS_REG
        table.U64(0); // 268 Hypervisor Vendor Identity

        TablePointer toDsdt = new(40, 4);
        TablePointer toDsdtExtended = new(140, 8);
        return facs is null
            ? tables.Add("FACP", Revision, table.ToArray(), toDsdt, toDsdtExtended)
            : tables.Add("FACP", Revision, table.ToArray(), new TablePointer(36, 4), toDsdt, toDsdtExtended);
    }

    /// <summary>Adds the firmware ACPI control structure (5.2.10), which has the global lock: for fixed hardware only.</summary>
    /// <returns>Its offset.</returns>
    public static int AddFacs(AcpiTableLayout tables)
    {
        var facs = new TableBytes();
        facs.Ascii("FACS");
        facs.U32(64);
        facs.Zeros(24); // hardware signature, waking vector, global lock, flags, extended waking vector
        facs.U8(2); // version
        facs.Zeros(31);
        return tables.AddRaw(facs.ToArray());
    }

    // IAPC_BOOT_ARCH (table 5.10).
    private static ushort BootFlags(X64Platform platform)
    {
        // User-visible devices on ISA ports: a guest must not conclude that there are none.
        bool legacyDevices = platform.HasKeyboardController
            || platform.Devices.Any(static device => device.Windows.Any(static window => window.Space == BusSpace.Ports));
        int flags = 1 << 4; // no PCIe ASPM controls
        flags |= legacyDevices ? 1 << 0 : 0;
        flags |= platform.HasKeyboardController ? 1 << 1 : 0;
        flags |= platform.HasVga ? 0 : 1 << 2;
        flags |= platform.HasCmosClock ? 0 : 1 << 5;
        return (ushort)flags;
    }

    // Fixed feature flags (table 5.11).
    private static uint Flags(X64Platform platform)
    {
        uint flags = 1u << 0 // WBINVD
            | 1u << 2 // PROC_C1
            | 1u << 5 // SLP_BUTTON: not a fixed one
            | 1u << 6; // FIX_RTC: its wake status is not in fixed registers
        flags |= platform.PowerManagement is { HasPowerButton: true } ? 0 : 1u << 4; // PWR_BUTTON: not a fixed one
        flags |= platform.PowerManagement is { TimerPort: not null } ? 1u << 8 : 0; // TMR_VAL_EXT
        flags |= platform.Reset is null ? 0 : 1u << 10; // RESET_REG_SUP
        flags |= platform.HasKeyboardController || platform.HasVga ? 0 : 1u << 12; // HEADLESS
        flags |= platform.PowerManagement is null ? 1u << 20 : 0; // HW_REDUCED_ACPI
        return flags;
    }

    private static byte Length(ushort? port, byte length) => port is null ? (byte)0 : length;

    // Generic address structure (5.2.3.2); zeros where there is no port. A size of more than 31 bytes does not fit the field, as 5.2.9 has it.
    private static void Port(TableBytes table, ushort? port, int size, byte accessSize)
    {
        table.U8(port is null ? (byte)0 : (byte)1); // system I/O
        table.U8(port is null ? (byte)0 : (byte)Math.Min(size * 8, byte.MaxValue));
        table.U8(0);
        table.U8(port is null ? (byte)0 : accessSize);
        table.U64(port ?? 0);
    }
}
