using HvSdk.Boot;
using HvSdk.Devices;
using HvSdk.Devices.Emulated;

namespace HvSdk.VirtualMachines;

/// <summary>The tables that tell the guest of its machine, and where they lie: among a PC's former ROMs, or, where they are too large, above the guest's memory.</summary>
internal sealed class MachineTables
{
    private const ulong SmbiosStart = 0xF_0000;
    private const ushort KeyboardControllerPort = 0x64;
    private const ushort CmosPort = 0x70;
    private const ushort PicPort = 0x20;
    private const int IsaLines = 16;

    /// <summary>Where a PC's CMOS memory keeps the century.</summary>
    private const byte CenturyRegister = 0x32;

    /// <summary>What resets everything by port 0xCF9: SYS_RST and RST_CPU (Intel I/O Controller Hub 10 data sheet, 13.7.5).</summary>
    private const byte FullReset = 0x06;

    private MachineTables(ulong? acpiRootPointer, IReadOnlyList<MachineTable> contents, IReadOnlyList<FirmwareFile> firmwareFiles)
    {
        AcpiRootPointer = acpiRootPointer;
        Contents = contents;
        FirmwareFiles = firmwareFiles;
    }

    /// <summary>GPA of the ACPI root pointer, or null: no ACPI.</summary>
    public ulong? AcpiRootPointer { get; }

    /// <summary>What to write where.</summary>
    public IReadOnlyList<MachineTable> Contents { get; }

    /// <summary>The same for a firmware, which lays them out itself.</summary>
    public IReadOnlyList<FirmwareFile> FirmwareFiles { get; }

    public static MachineTables Create(BoardOptions board, MachinePlan plan, BoardDevices devices, int processors)
    {
        X64Platform platform = Describe(plan, devices, processors);
        List<MachineTable> contents = [];
        List<FirmwareFile> files = [];
        ulong? root = null;
        if (board.Acpi && !Report(AcpiTables.FindProblems(platform), plan))
        {
            var tables = AcpiTables.Build(platform);
            root = PcRamLayout.TablesStart;
            if ((ulong)tables.Size > SmbiosStart - PcRamLayout.TablesStart && plan.Ram.TryReserve((ulong)tables.Size, AcpiTables.Alignment, out ulong above))
            {
                root = above;
            }

            contents.Add(new MachineTable(root.Value, tables.Place(root.Value)));
            files.AddRange(tables.FirmwareFiles);
        }

        ulong next = SmbiosStart;
        if (board.Smbios is { } identity && !Report(SmbiosTables.FindProblems(platform, identity), plan))
        {
            var tables = SmbiosTables.Build(platform, identity);
            next = Add(tables.Place(next), next, "SMBIOS");
            files.AddRange(tables.FirmwareFiles);
        }

        if (board.MultiprocessorTable && !Report(MultiprocessorTable.FindProblems(platform), plan))
        {
            next = Align(next, MultiprocessorTable.Alignment);
            Add(MultiprocessorTable.Build(platform).Place(next), next, "MP");
        }

        return new MachineTables(root, contents, files);

        ulong Add(byte[] table, ulong address, string name)
        {
            if ((ulong)table.Length > PcRamLayout.LegacyEnd - address)
            {
                plan.Problems.Add($"The machine's {name} tables do not fit below 1 MiB. Give it fewer processors or ranges of memory, or do without these tables.");
                return address;
            }

            contents.Add(new MachineTable(address, table));
            return address + (ulong)table.Length;
        }
    }

    // Loops rather than queries: queries over numbers and structs are compiled anew in each process that starts.
    private static X64Platform Describe(MachinePlan plan, BoardDevices devices, int processors)
    {
        uint[] apicIds = new uint[int.Max(1, processors)];
        for (int i = 0; i < apicIds.Length; i++)
        {
            apicIds[i] = (uint)i;
        }

        List<X64InterruptOverride> overrides = [];
        foreach (int line in plan.LevelLines)
        {
            if (line < IsaLines)
            {
                overrides.Add(new X64InterruptOverride((byte)line, line, InterruptSense.Level));
            }
        }

        List<X64MemoryRange> memory = [];
        foreach (MemoryRange range in plan.Ram.Ranges)
        {
            memory.Add(new X64MemoryRange(range.Address, range.Size));
        }

        return Describe(plan, devices, apicIds, overrides, memory);
    }

    private static X64Platform Describe(
        MachinePlan plan, BoardDevices devices, uint[] apicIds, IReadOnlyList<X64InterruptOverride> overrides, IReadOnlyList<X64MemoryRange> memory) => new()
        {
            ApicIds = apicIds,
            IoApic = MachineChips.Describe(apicIds.Length),
            HasPicPair = HasPort(plan, PicPort),
            HasKeyboardController = HasPort(plan, KeyboardControllerPort),
            HasCmosClock = HasPort(plan, CmosPort),
            CmosCenturyRegister = HasPort(plan, CmosPort) ? CenturyRegister : (byte)0,
            PowerManagement = devices.Power is { } power ? Describe(power) : null,
            Reset = devices.Reset is { } reset ? new X64ResetDescription(reset.Port, FullReset) : null,
            PciHost = devices.Pci is { } pci ? Describe(pci) : null,
            InterruptOverrides = overrides,
            Devices = [.. plan.Slots.Select(static slot => slot.Description)],
            Memory = memory,
        };

    private static X64PowerManagementDescription Describe(PowerManagement power) => new()
    {
        InterruptLine = power.InterruptLine,
        Pm1EventPort = power.EventPort,
        Pm1ControlPort = power.ControlPort,
        TimerPort = power.TimerPort,
        GeneralPurposeEventPort = power.GeneralPurposeEventPort,
        GeneralPurposeEventLength = power.GeneralPurposeEventLength,
        SoftOffType = power.SoftOffType,
    };

    private static X64PciHostDescription Describe(PciHostBridge pci)
    {
        List<X64MemoryRange> windows = [new(pci.LowWindow.Address, pci.LowWindow.Size)];
        if (pci.HighWindow is { } high)
        {
            windows.Add(new X64MemoryRange(high.Address, high.Size));
        }

        List<X64PciInterrupt> interrupts = [];
        foreach (PciInterruptRoute route in pci.InterruptRoutes)
        {
            interrupts.Add(new X64PciInterrupt(route.Device, route.Pin, route.Line));
        }

        return new X64PciHostDescription { EcamAddress = pci.EcamAddress, MemoryWindows = windows, Interrupts = interrupts };
    }

    private static bool HasPort(MachinePlan plan, ushort port) =>
        plan.Windows.Any(window => window.Window.Space == BusSpace.Ports && window.Window.Address <= port && port <= window.Last);

    private static bool Report(IReadOnlyList<string> problems, MachinePlan plan)
    {
        plan.Problems.AddRange(problems);
        return problems.Count > 0;
    }

    private static ulong Align(ulong address, int alignment) => (address + (ulong)alignment - 1) / (ulong)alignment * (ulong)alignment;
}
