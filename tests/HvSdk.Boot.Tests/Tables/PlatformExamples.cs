using HvSdk.Devices;

namespace HvSdk.Boot.Tests;

/// <summary>Platforms of all kinds, by name.</summary>
internal static class PlatformExamples
{
    public static X64PowerManagementDescription Block { get; } = new()
    {
        InterruptLine = 9,
        Pm1EventPort = 0x600,
        Pm1ControlPort = 0x604,
        TimerPort = 0x608,
        GeneralPurposeEventPort = 0x620,
        GeneralPurposeEventLength = 4,
        SoftOffType = 5,
    };

    /// <summary>A bus with a pin for each device, which four lines share.</summary>
    public static X64PciHostDescription PciHost { get; } = new()
    {
        EcamAddress = 0xE000_0000,
        MemoryWindows = [new X64MemoryRange(0xE010_0000, 0x1EB0_0000), new X64MemoryRange(0x1_4000_0000, 0x10_0000_0000)],
        Interrupts = [.. Enumerable.Range(1, 31).Select(static i => new X64PciInterrupt(i, 0, 16 + (i % 4)))],
    };

    /// <summary>A PC with all that one has, and these devices.</summary>
    public static X64Platform Pc(int processors = 1, params IReadOnlyList<DeviceDescription> devices) => new()
    {
        ApicIds = [.. Enumerable.Range(0, processors).Select(static i => (uint)i)],
        IoApic = new X64IoApicDescription(0, 0xFEC0_0000, 0),
        HasPicPair = true,
        HasKeyboardController = true,
        HasCmosClock = true,
        CmosCenturyRegister = 0x32,
        PowerManagement = Block,
        Reset = new X64ResetDescription(0xCF9, 0x0E),
        InterruptOverrides = [new X64InterruptOverride(0, 2, InterruptSense.Edge)],
        Memory = [new X64MemoryRange(0, 0xC000_0000), new X64MemoryRange(0x1_0000_0000, 0x4000_0000)],
        Devices = devices,
    };

    public static DeviceDescription Device(string name, AcpiIdentity? acpi, params IReadOnlyList<DeviceWindow> windows) =>
        new() { Name = name, Acpi = acpi, Windows = windows };

    public static IReadOnlyDictionary<string, X64Platform> All { get; } = new Dictionary<string, X64Platform>
    {
        ["a PC"] = Pc(),
        ["two processors"] = Pc(2),
        ["four processors"] = Pc(4),
        ["300 processors"] = Pc(300),
        ["1024 processors"] = Pc(1024),
        ["4096 processors"] = Pc(4096),
        ["processors with wide IDs only"] = Pc() with { ApicIds = [1000, 2000] },
        ["hardware-reduced"] = new X64Platform { ApicIds = [0] },
        ["hardware-reduced with devices"] = Pc(2, SerialPort("com1", 0x3F8, 4)) with { PowerManagement = null },
        ["a power management block alone"] = new X64Platform
        {
            ApicIds = [0],
            PowerManagement = new X64PowerManagementDescription { InterruptLine = 9, Pm1EventPort = 0x600, Pm1ControlPort = 0x604, HasPowerButton = false },
        },
        ["system control interrupt led elsewhere"] = Pc() with
        {
            PowerManagement = Block with { InterruptLine = 20 },
            InterruptOverrides = [new(9, 20, InterruptSense.Level), new(0, 2, InterruptSense.Edge), new(5, 5, InterruptSense.Level)],
        },
        ["256 events"] = Pc(1, [.. Enumerable.Range(0, 256).Select(static i => Notifying(i, i))]) with
        {
            PowerManagement = Block with { GeneralPurposeEventLength = 64 },
        },
        ["several devices of one event"] = Pc(1, Notifying(0, 3), Notifying(1, 3), Notifying(2, 15)),
        ["many devices"] = Pc(2, ManyDevices()),
        ["PCI"] = Pc(2, SerialPort("com1", 0x3F8, 4)) with { PciHost = PciHost },
        ["PCI above 4 GiB alone"] = Pc() with
        {
            PciHost = new() { EcamAddress = 0x40_0000_0000, MemoryWindows = [new(0x50_0000_0000, 0x10_0000_0000), new(0x8000_0000, 0x1_0000_0000)] },
        },
        ["300 devices without names"] = Pc(1, [.. Enumerable.Range(0, 300).Select(static i => Device($"device {i}", new AcpiIdentity { HardwareId = "HVSD0001" }))]),
    };

    public static TheoryData<string> Names => [.. All.Keys];

    public static DeviceDescription SerialPort(string name, ushort port, int line) => new()
    {
        Name = name,
        Acpi = new AcpiIdentity { HardwareId = "PNP0501" },
        Windows = [new DeviceWindow(BusSpace.Ports, port, 8)],
        Lines = [new DeviceLine(line, InterruptSense.Edge)],
    };

    private static DeviceDescription Notifying(int number, int notification) =>
        new() { Name = $"sender {number}", NotificationEvent = notification, Acpi = new AcpiIdentity { HardwareId = "HVSD0002" } };

    private static DeviceDescription[] ManyDevices() =>
    [
        SerialPort("com1", 0x3F8, 4),
        SerialPort("com2", 0x2F8, 3),
        Device("without identity", null, new DeviceWindow(BusSpace.Ports, 0xE9, 1)),
        Device(
            "keyboard",
            new AcpiIdentity { HardwareId = "PNP0303", Name = "KBD_", CompatibleIds = ["PNP030B"] },
            new DeviceWindow(BusSpace.Ports, 0x60, 1),
            new DeviceWindow(BusSpace.Ports, 0x64, 1)) with
        {
            Lines = [new DeviceLine(1, InterruptSense.Edge)],
        },
        Device("picture", new AcpiIdentity { HardwareId = "HVSD0003", Name = "D000" }, new DeviceWindow(BusSpace.Mmio, 0xD000_0000, 0x1000_0000)),
        Device("named as a processor", new AcpiIdentity { HardwareId = "HVSD0003", Name = "C000", UniqueId = 0 }),
        Device(
            "windows of all kinds",
            new AcpiIdentity { HardwareId = "LNRO0005", UniqueId = 77, CompatibleIds = ["PNP0A03", "VM_Gen_Counter", @"PCI\CC_0604", "HVSD0004"] },
            new DeviceWindow(BusSpace.Ports, 0xFFFF, 1),
            new DeviceWindow(BusSpace.Ports, 0x1000, 255),
            new DeviceWindow(BusSpace.Ports, 0x2000, 256),
            new DeviceWindow(BusSpace.Ports, 0x8000, 0x8000),
            new DeviceWindow(BusSpace.Ports, 1, 0xFFFF),
            new DeviceWindow(BusSpace.Mmio, 0xFFFF_F000, 0x1000),
            new DeviceWindow(BusSpace.Mmio, 0xFFFF_F000, 0x1001),
            new DeviceWindow(BusSpace.Mmio, 0, 0x1_0000_0000),
            new DeviceWindow(BusSpace.Mmio, 0x1_0000_0000, 0x1000),
            new DeviceWindow(BusSpace.Mmio, 0xFFFF_FFFF_FFFF_0000, 0x1_0000)) with
        {
            Lines = [new(0, InterruptSense.Edge), new(15, InterruptSense.Level), new(16, InterruptSense.Edge), new(23, InterruptSense.Level), new(4000, InterruptSense.Level)],
        },
        Device("values of all kinds", new AcpiIdentity { HardwareId = "HVSD0005", Objects = Values() }),
        Device("a state of its own", new AcpiIdentity { HardwareId = "HVSD0006", Objects = [new("_STA", AcpiValue.Of(0x0B)), new("_DDN", AcpiValue.Of("VM_Gen_Counter"))] }),
    ];

    private static KeyValuePair<string, AcpiValue>[] Values()
    {
        AcpiValue[] values =
        [
            .. new ulong[] { 0, 1, 2, 0xFF, 0x100, 0xFFFF, 0x1_0000, 0xFFFF_FFFF, 0x1_0000_0000, ulong.MaxValue - 1, ulong.MaxValue }.Select(AcpiValue.Of),
            AcpiValue.Of(""),
            AcpiValue.Of("text with \"quotes\", \\ and \t\n\x01\x7F"),
            AcpiValue.Of(new string('x', 5000)),
            AcpiValue.Of(new byte[] { 0xDE }),
            AcpiValue.Of(Enumerable.Range(0, 70).Select(static i => (byte)(i * 7)).ToArray()),
            AcpiValue.Of(Enumerable.Range(0, 5000).Select(static i => (byte)(i * 7)).ToArray()),
            AcpiValue.Package(AcpiValue.Of(1), AcpiValue.Of("two"), AcpiValue.Package(AcpiValue.Of(3), AcpiValue.Of(new byte[] { 4, 5 }))),
            AcpiValue.Package([.. Enumerable.Range(0, 255).Select(static i => AcpiValue.Of((ulong)i))]),
            Nested(AmlWriter.MaxPackageDepth),
        ];
        return [.. values.Select(static (value, i) => new KeyValuePair<string, AcpiValue>($"V{i:X3}", value))];
    }

    private static AcpiValue Nested(int depth)
    {
        AcpiValue value = AcpiValue.Of(1);
        for (int i = 0; i < depth; i++)
        {
            value = AcpiValue.Package(value);
        }

        return value;
    }
}
