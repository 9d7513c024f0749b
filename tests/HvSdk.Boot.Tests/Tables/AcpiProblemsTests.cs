using HvSdk.Devices;

namespace HvSdk.Boot.Tests;

/// <summary>What cannot be described is said with what it is, why, and what to do.</summary>
public sealed class AcpiProblemsTests
{
    private static readonly AcpiIdentity s_identity = new() { HardwareId = "HVSD0001" };

    public static TheoryData<string> Platforms => PlatformExamples.Names;

    public static TheoryData<string, X64Platform, string[]> BadPlatforms => new()
    {
        { "no processors", PlatformExamples.Pc(0), ["ApicIds", "0 processors", "Give 1 to 4096"] },
        { "too many processors", PlatformExamples.Pc(4097), ["ApicIds", "4097"] },
        { "two processors of one ID", PlatformExamples.Pc() with { ApicIds = [3, 3] }, ["ApicIds", "3 more than once"] },
        { "the broadcast ID", PlatformExamples.Pc() with { ApicIds = [uint.MaxValue] }, ["ApicIds", "0xFFFFFFFF"] },
        { "sockets that do not come out even", PlatformExamples.Pc(3) with { Processors = new() { Sockets = 2 } }, ["Processors", "3 processors", "2 sockets"] },
        { "no sockets", PlatformExamples.Pc() with { Processors = new() { Sockets = 0 } }, ["Processors", "0 sockets"] },
        { "an I/O APIC at 0", PlatformExamples.Pc() with { IoApic = new(0, 0, 0) }, ["Address is 0", "0xFEC00000"] },
        { "ISA interrupt 16", Overriding(new X64InterruptOverride(16, 16, InterruptSense.Edge)), ["no ISA interrupt 16", "0 to 15"] },
        { "a negative line", Overriding(new X64InterruptOverride(1, -1, InterruptSense.Edge)), ["line -1"] },
        { "two overrides of one interrupt", Overriding(new(1, 2, InterruptSense.Edge), new(1, 3, InterruptSense.Edge)), ["ISA interrupt 1"] },
        { "two overrides to one line", Overriding(new(1, 2, InterruptSense.Edge), new(3, 2, InterruptSense.Edge)), ["line 2"] },
        { "overrides without an I/O APIC", PlatformExamples.Pc() with { IoApic = null }, ["InterruptOverrides", "no I/O APIC"] },
        { "an edge as system control interrupt", Overriding(new X64InterruptOverride(9, 9, InterruptSense.Edge)), ["system control interrupt", "Level"] },
        { "a system control interrupt that no ISA interrupt leads to", With(PlatformExamples.Block with { InterruptLine = 20 }), ["InterruptLine is 20", "0 to 15"] },
        { "a system control interrupt led elsewhere", With(PlatformExamples.Block with { InterruptLine = 0 }), ["InterruptLine is 0", "elsewhere"] },
        { "ports beyond the last", With(PlatformExamples.Block with { Pm1EventPort = 0xFFFD }), ["Pm1EventPort is 0xFFFD", "0xFFFF"] },
        { "port 0", With(PlatformExamples.Block with { TimerPort = 0 }), ["TimerPort is 0"] },
        { "a soft-off type of four bits", With(PlatformExamples.Block with { SoftOffType = 8 }), ["SoftOffType is 8", "0 to 7"] },
        { "an odd event block", With(PlatformExamples.Block with { GeneralPurposeEventLength = 3 }), ["GeneralPurposeEventLength is 3", "2 to 64"] },
        { "too many events", With(PlatformExamples.Block with { GeneralPurposeEventLength = 66 }), ["GeneralPurposeEventLength is 66", "256 events"] },
        { "an event block without ports", With(PlatformExamples.Block with { GeneralPurposeEventLength = 0 }), ["GeneralPurposeEventLength is 0"] },
        { "events without a block", With(PlatformExamples.Block with { GeneralPurposeEventPort = null }), ["GeneralPurposeEventLength is 4"] },
        { "configuration spaces out of line", WithPci(PlatformExamples.PciHost with { EcamAddress = 0xE000_1000 }), ["EcamAddress is 0xE0001000", "1 MiB"] },
        { "a PCI bus without windows", WithPci(PlatformExamples.PciHost with { MemoryWindows = [] }), ["MemoryWindows is empty"] },
        { "an empty PCI window", WithPci(PlatformExamples.PciHost with { MemoryWindows = [new(0xE010_0000, 0)] }), ["MemoryWindows", "empty"] },
        { "PCI device 32", WithPci(PlatformExamples.PciHost with { Interrupts = [new(32, 0, 16)] }), ["Device = 32", "0 to 31"] },
        { "a PCI pin twice", WithPci(PlatformExamples.PciHost with { Interrupts = [new(1, 0, 16), new(1, 0, 17)] }), ["device 1 with pin 0 more than once"] },
        { "a device named as the PCI bus", WithPci(PlatformExamples.PciHost, PlatformExamples.Device("bad", s_identity with { Name = "PCI0" })), ["PCI0", "PCI host bridge"] },
        { "too many devices", PlatformExamples.Pc(1, [.. Enumerable.Range(0, 4097).Select(static i => PlatformExamples.Device($"{i}", s_identity))]), ["4097 devices"] },
    };

    public static TheoryData<string, DeviceDescription, string[]> BadDevices => new()
    {
        { "a name of five characters", Identified(s_identity with { Name = "COM10" }), ["\"COM10\" of 5 characters", "four characters"] },
        { "a name of three characters", Identified(s_identity with { Name = "COM" }), ["\"COM\" of 3 characters"] },
        { "a name that begins with a digit", Identified(s_identity with { Name = "1COM" }), ["1COM", "not a digit"] },
        { "a reserved name", Identified(s_identity with { Name = "_STA" }), ["_STA", "Begin with a letter"] },
        { "an empty hardware ID", Identified(new() { HardwareId = "" }), ["HardwareId is \"\"", "PNP ID"] },
        { "a hardware ID with a bad suffix", Identified(new() { HardwareId = "QEMUVGID" }), ["QEMUVGID", "four hexadecimal digits"] },
        { "a hardware ID in small letters", Identified(new() { HardwareId = "pnp0501" }), ["pnp0501"] },
        { "a hardware ID of nine characters", Identified(new() { HardwareId = "HVSD00011" }), ["HVSD00011"] },
        { "an empty compatible ID", Identified(s_identity with { CompatibleIds = [""] }), ["CompatibleIds has \"\""] },
        { "256 compatible IDs", Identified(s_identity with { CompatibleIds = [.. Enumerable.Repeat("PNP0501", 256)] }), ["CompatibleIds has 256 IDs", "255"] },
        { "a negative unique ID", Identified(s_identity with { UniqueId = -1 }), ["UniqueId is -1"] },
        { "an object's bad name", Identified(WithObject("ADDRESS", AcpiValue.Of(1))), ["\"ADDRESS\" of 7 characters"] },
        { "an object that is written anyway", Identified(WithObject("_CRS", AcpiValue.Of(1))), ["_CRS", "Leave it out"] },
        { "an object twice", Identified(s_identity with { Objects = [new("ADDR", AcpiValue.Of(1)), new("ADDR", AcpiValue.Of(2))] }), ["ADDR more than once"] },
        { "a package of 256 values", Identified(WithObject("ADDR", AcpiValue.Package([.. Enumerable.Repeat(AcpiValue.Of(1), 256)]))), ["ADDR", "256 elements", "255"] },
        { "a text that is not ASCII", Identified(WithObject("ADDR", AcpiValue.Of("ß"))), ["ADDR", "U+00DF"] },
        { "an empty window", PlatformExamples.Device("bad", s_identity, new DeviceWindow(BusSpace.Mmio, 0xD000_0000, 0)), ["Windows", "empty"] },
        { "ports beyond the last", PlatformExamples.Device("bad", s_identity, new DeviceWindow(BusSpace.Ports, 0xFFFF, 2)), ["Windows", "0xFFFF"] },
        { "all ports", PlatformExamples.Device("bad", s_identity, new DeviceWindow(BusSpace.Ports, 0, 0x1_0000)), ["65,536 ports", "two windows"] },
        { "addresses beyond the last", PlatformExamples.Device("bad", s_identity, new DeviceWindow(BusSpace.Mmio, ulong.MaxValue, 2)), ["Windows", "0xFFFFFFFFFFFFFFFF"] },
        { "a negative line", Identified(s_identity) with { Lines = [new(-1, InterruptSense.Edge)] }, ["line -1"] },
        { "an event beyond the last", Identified(s_identity) with { NotificationEvent = 16 }, ["NotificationEvent is 16", "16 general-purpose events"] },
        { "a negative event", Identified(s_identity) with { NotificationEvent = -1 }, ["NotificationEvent is -1"] },
    };

    [Theory]
    [MemberData(nameof(Platforms))]
    public void FindProblems_GoodPlatform_FindsNone(string platform) => Assert.Empty(AcpiTables.FindProblems(PlatformExamples.All[platform]));

    [Theory]
    [MemberData(nameof(BadPlatforms))]
    public void Build_BadPlatform_SaysWhatWhyAndTheRemedy(string what, X64Platform platform, string[] expected)
    {
        _ = what;
        AssertOneProblem(platform, expected);
    }

    [Theory]
    [MemberData(nameof(BadDevices))]
    public void Build_BadDevice_SaysWhichWhatWhyAndTheRemedy(string what, DeviceDescription device, string[] expected)
    {
        _ = what;
        AssertOneProblem(PlatformExamples.Pc(1, device), ["Device \"bad\": ", .. expected]);
    }

    [Fact]
    public void Build_TwoDevicesOfOneName_NamesBoth() => AssertOneProblem(
        PlatformExamples.Pc(1, PlatformExamples.Device("first", s_identity with { Name = "SAME" }), PlatformExamples.Device("second", s_identity with { Name = "SAME" })),
        "\"second\"", "\"first\"", "SAME");

    [Fact]
    public void Build_TwoDevicesOfOneUniqueId_NamesBoth() => AssertOneProblem(
        PlatformExamples.Pc(1, PlatformExamples.Device("first", s_identity with { UniqueId = 1 }), PlatformExamples.Device("second", s_identity with { UniqueId = 1 })),
        "\"second\"", "\"first\"", "UniqueId is 1");

    [Fact]
    public void Build_NotificationWithoutEvents_SaysSo() => AssertOneProblem(
        PlatformExamples.Pc(1, Identified(s_identity) with { NotificationEvent = 0 }) with { PowerManagement = null }, "NotificationEvent is 0", "0 general-purpose events");

    [Fact]
    public void Build_LineBeyondThePicPair_SaysSo() => AssertOneProblem(
        PlatformExamples.Pc(1, Identified(s_identity) with { Lines = [new(16, InterruptSense.Edge)] }) with { IoApic = null, InterruptOverrides = [] }, "line 16", "0 to 15");

    [Fact]
    public void Build_SeveralProblems_SaysAll()
    {
        X64Platform platform = PlatformExamples.Pc(0, Identified(s_identity with { Name = "COM10" }));
        Assert.Equal(2, AcpiTables.FindProblems(platform).Count);
        ArgumentException exception = Assert.Throws<ArgumentException>(nameof(platform), () => AcpiTables.Build(platform));
        Assert.All(AcpiTables.FindProblems(platform), problem => Assert.Contains(problem, exception.Message));
    }

    private static void AssertOneProblem(X64Platform platform, params string[] expected)
    {
        string problem = Assert.Single(AcpiTables.FindProblems(platform));
        Assert.All(expected, part => Assert.Contains(part, problem));
        Assert.EndsWith(".", problem.TrimEnd(')'));
        Assert.Contains(problem, Assert.Throws<ArgumentException>(nameof(platform), () => AcpiTables.Build(platform)).Message);
    }

    private static X64Platform WithPci(X64PciHostDescription pci, params IReadOnlyList<DeviceDescription> devices) => PlatformExamples.Pc(1, devices) with { PciHost = pci };

    private static X64Platform Overriding(params X64InterruptOverride[] overrides) => PlatformExamples.Pc() with { InterruptOverrides = overrides };

    private static X64Platform With(X64PowerManagementDescription block) => PlatformExamples.Pc() with { PowerManagement = block };

    private static DeviceDescription Identified(AcpiIdentity identity) => PlatformExamples.Device("bad", identity);

    private static AcpiIdentity WithObject(string name, AcpiValue value) => s_identity with { Objects = [new(name, value)] };
}
