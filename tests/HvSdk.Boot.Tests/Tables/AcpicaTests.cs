using System.Globalization;
using System.Text.RegularExpressions;
using HvSdk.Devices;

namespace HvSdk.Boot.Tests;

/// <summary>What ACPICA, which Linux and most other systems have inside, makes of the tables.</summary>
public sealed class AcpicaTests
{
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
        foreach (string signature in tables.Signatures.Where(static s => s is "FACP" or "APIC" or "XSDT" or "RSDT"))
        {
            string source = tool.RoundTrip(signature, tables[signature]);
            Assert.DoesNotContain("Unknown", source, StringComparison.Ordinal);
        }
    }
}
