namespace HvSdk.Boot.Tests;

/// <summary>What ACPICA, which Linux and most other systems have inside, makes of the tables.</summary>
public sealed class AcpicaTests
{
    private static readonly string[] s_dataTables = ["FACP", "APIC", "XSDT", "RSDT"];

    public static TheoryData<string> Platforms => PlatformExamples.Names;

    [Theory]
    [MemberData(nameof(Platforms))]
    public void Dsdt_DisassembledAndCompiledAgain_IsTheSame(string platform)
    {
        using var tool = new AcpicaTool();
        AcpiReader tables = AcpiReader.Of(PlatformExamples.All[platform]);
        tool.RoundTrip("DSDT", tables["DSDT"]);
    }

    [Theory]
    [MemberData(nameof(Platforms))]
    public void DataTables_DisassembledAndCompiledAgain_AreTheSame(string platform)
    {
        using var tool = new AcpicaTool();
        AcpiReader tables = AcpiReader.Of(PlatformExamples.All[platform]);
        foreach (string signature in (IEnumerable<string>)[.. s_dataTables, .. tables.Signatures.Where(static signature => signature == "MCFG")])
        {
            string source = tool.RoundTrip(signature, tables[signature]);
            Assert.DoesNotContain("Unknown", source, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Identities_Evaluated_AreTheDevices()
    {
        string[] objects = Evaluate("many devices", "D001._HID", "D001._UID", "D002._UID", "KBD_._CID", "D003._CID", "D003._UID", "D005._STA", "D000._STA", "C001._HID", "C002._UID");
        Assert.Equal(
            [
                "[Integer] = 000000000105D041", // PNP0501
                "[Integer] = 0000000000000000", // numbers made, as two have this ID
                "[Integer] = 0000000000000001",
                "[Integer] = 000000000B03D041", // PNP030B
                "[Package] Contains 4 Elements:",
                "[Integer] = 00000000030AD041", // PNP0A03
                "[String] Length 0E = \"VM_GEN_COUNTER\"", // ACPICA gives IDs in capitals
                "[String] Length 0B = \"PCI\\\\CC_0604\"",
                "[String] Length 08 = \"HVSD0004\"",
                "[Integer] = 000000000000004D",
                "[Integer] = 000000000000000B",
                "[Integer] = 000000000000000F",
                "[String] Length 08 = \"ACPI0007\"", // C000 is a device's
                "[Integer] = 0000000000000001",
            ],
            objects);
    }

    [Fact]
    public void Resources_Evaluated_AreWindowsAndLines()
    {
        using var tool = new AcpicaTool();
        string[] kept = ["Address", "Address Minimum", "Address Maximum", "Address Length", "Triggering", "Polarity", "Sharing", "Interrupt List", "Dword00"];
        string[] resources =
        [
            .. Execute(tool, "many devices", @"resources \_SB.D003").Split('\n')
                .Select(static line => line.Split(" : "))
                .Where(parts => parts.Length == 2 && kept.Contains(parts[0].Trim()))
                .Select(static parts => parts[1].Trim()),
        ];
        Assert.Equal(
            [
                "FFFF", "FFFF", "01",
                "1000", "1000", "FF",
                "2000", "20FF", "0100",
                "8000", "FFFF", "8000",
                "0001", "FFFF", "FFFF",
                "FFFFF000", "00001000",
                "00000000FFFFF000", "0000000100000000", "0000000000001001",
                "0000000000000000", "00000000FFFFFFFF", "0000000100000000",
                "0000000100000000", "0000000100000FFF", "0000000000001000",
                "FFFFFFFFFFFF0000", "FFFFFFFFFFFFFFFF", "0000000000010000",
                "Edge", "ActiveHigh", "Exclusive", "0",
                "Level", "ActiveHigh", "Shared", "0000000F",
                "Edge", "ActiveHigh", "Exclusive", "00000010",
                "Level", "ActiveHigh", "Shared", "00000017",
                "Level", "ActiveHigh", "Shared", "00000FA0",
            ],
            resources);
    }

    [Fact]
    public void PciHost_Evaluated_IsABridgeWithItsWindowsAndRoutes()
    {
        using var tool = new AcpicaTool();
        string identity = Execute(tool, "PCI", @"evaluate \_SB.PCI0._HID;evaluate \_SB.PCI0._CID;evaluate \_SB.PCI0._BBN;evaluate \_SB.PCI0._SEG;evaluate \_SB.ECAM._HID");
        Assert.Equal(
            [
                "[Integer] = 00000000080AD041", // PNP0A08
                "[Integer] = 00000000030AD041", // PNP0A03
                "[Integer] = 0000000000000000",
                "[Integer] = 0000000000000000",
                "[Integer] = 00000000020CD041", // PNP0C02
            ],
            Objects(identity));

        string resources = Execute(tool, "PCI", @"resources \_SB.PCI0;resources \_SB.ECAM");
        Assert.All(
            (string[])["Bus Number Range", "Producer", "00000CF8", "E0100000", "FEBFFFFF", "0000000140000000", "000000113FFFFFFF", "E0000000"],
            part => Assert.Contains(part.TrimStart('0'), resources, StringComparison.Ordinal));
        string[] routes = Objects(Execute(tool, "PCI", @"evaluate \_SB.PCI0._PRT"));
        Assert.Equal("[Package] Contains 31 Elements:", routes[0]);
        Assert.Equal(
            ["[Integer] = 000000000001FFFF", "[Integer] = 0000000000000000", "[Integer] = 0000000000000000", "[Integer] = 0000000000000011"],
            routes[2..6]);
    }

    [Fact]
    public void EventMethod_Executed_NotifiesEachOfItsDevices()
    {
        using var tool = new AcpicaTool();
        string output = Execute(tool, "several devices of one event", @"evaluate \_GPE._E03;evaluate \_GPE._E0F");
        string[] notified =
        [
            .. output.Split('\n').Where(static line => line.Contains("Received a Device Notify on", StringComparison.Ordinal))
                .Select(static line => line[(line.IndexOf('[') + 1)..line.IndexOf(']')] + (line.Contains("Value 0x80", StringComparison.Ordinal) ? " 0x80" : line)),
        ];
        // acpiexec has a thread for each.
        Assert.Equal(["D000 0x80", "D001 0x80", "D002 0x80"], notified.Order());
    }

    [Fact]
    public void SoftOff_Evaluated_IsTheSleepType()
    {
        using var tool = new AcpicaTool();
        Assert.Equal(
            ["[Package] Contains 4 Elements:", .. Enumerable.Repeat("[Integer] = 0000000000000005", 2), .. Enumerable.Repeat("[Integer] = 0000000000000000", 2)],
            Objects(Execute(tool, "a PC", @"evaluate \_S5")));
    }

    [Fact]
    public void SoftOff_HardwareReduced_IsNotThere()
    {
        using var tool = new AcpicaTool();
        Assert.Contains("AE_NOT_FOUND", Execute(tool, "hardware-reduced", @"evaluate \_S5"));
    }

    private static string[] Evaluate(string platform, params IEnumerable<string> objects)
    {
        using var tool = new AcpicaTool();
        return Objects(Execute(tool, platform, string.Join(';', objects.Select(static name => $@"evaluate \_SB.{name}"))));
    }

    // The values among what was printed.
    private static string[] Objects(string output)
    {
        string[] starts = ["[Integer] =", "[String] Length", "[Package]"];
        return [.. output.Split('\n').Select(static line => line.Trim()).Where(line => starts.Any(start => line.StartsWith(start, StringComparison.Ordinal)))];
    }

    private static string Execute(AcpicaTool tool, string platform, string commands)
    {
        tool.Write("dsdt.aml", AcpiReader.Of(PlatformExamples.All[platform])["DSDT"]);
        (int exitCode, string output) = tool.Run("acpiexec", "-b", commands, "dsdt.aml");
        Assert.True(exitCode == 0, output);
        return output;
    }
}
