using System.Buffers.Binary;
using HvSdk.Devices;

namespace HvSdk.Boot.Tests;

/// <summary>The entries of the MADT (ACPI 6.5, 5.2.12), as text: "type: bytes".</summary>
public sealed class MadtTests
{
    [Fact]
    public void Madt_Pc_HasProcessorsControllerOverridesAndNmi()
    {
        byte[] madt = AcpiReader.Of(PlatformExamples.Pc(2))["APIC"];
        Assert.Equal(6, madt[8]);
        Assert.Equal(0xFEE0_0000, BinaryPrimitives.ReadUInt32LittleEndian(madt.AsSpan(36)));
        Assert.Equal(1u, BinaryPrimitives.ReadUInt32LittleEndian(madt.AsSpan(40)));
        Assert.Equal(
            [
                "0: 00 00 01000000",
                "0: 01 01 01000000",
                "1: 00 00 0000C0FE 00000000",
                "2: 00 00 02000000 0000", // the timer
                "2: 00 09 09000000 0D00", // the system control interrupt, added: level, active high
                "4: FF 0000 01",
            ],
            Entries(madt));
    }

    [Fact]
    public void Madt_NoControllers_HasProcessorsAndNmiOnly()
    {
        byte[] madt = AcpiReader.Of(new X64Platform { ApicIds = [7] })["APIC"];
        Assert.Equal(0u, BinaryPrimitives.ReadUInt32LittleEndian(madt.AsSpan(40)));
        Assert.Equal(["0: 07 07 01000000", "4: FF 0000 01"], Entries(madt));
    }

    [Fact]
    public void Madt_IdsAtTheEdge_AreWideFrom255()
    {
        byte[] madt = AcpiReader.Of(new X64Platform { ApicIds = [0, 254, 255, 256, 0xFFFF_FFFE] })["APIC"];
        Assert.Equal(
            [
                "0: 00 00 01000000",
                "0: FE FE 01000000",
                "9: 0000 FF000000 01000000 FF000000",
                "9: 0000 00010000 01000000 00010000",
                "9: 0000 FEFFFFFF 01000000 FEFFFFFF",
                "4: FF 0000 01",
                "10: 0000 FFFFFFFF 01 000000",
            ],
            Entries(madt));
    }

    [Fact]
    public void Madt_OverridesGiven_AreWrittenByIsaInterrupt()
    {
        byte[] madt = AcpiReader.Of(PlatformExamples.All["system control interrupt led elsewhere"])["APIC"];
        Assert.Equal(
            ["2: 00 00 02000000 0000", "2: 00 05 05000000 0D00", "2: 00 09 14000000 0D00"],
            Entries(madt).Where(static entry => entry.StartsWith("2:", StringComparison.Ordinal)));
    }

    [Fact]
    public void Madt_IoApicWithAnotherFirstLine_SaysSo()
    {
        byte[] madt = AcpiReader.Of(new X64Platform { ApicIds = [0], IoApic = new X64IoApicDescription(9, 0xFEC0_1000, 24) })["APIC"];
        Assert.Equal("1: 09 00 0010C0FE 18000000", Entries(madt)[1]);
    }

    [Fact]
    public void Madt_1024Processors_HasAll()
    {
        string[] entries = Entries(AcpiReader.Of(PlatformExamples.All["1024 processors"])["APIC"]);
        Assert.Equal(255, entries.Count(static entry => entry.StartsWith("0:", StringComparison.Ordinal)));
        Assert.Equal(769, entries.Count(static entry => entry.StartsWith("9:", StringComparison.Ordinal)));
        Assert.Equal(entries.Length, entries.Distinct().Count());
    }

    private static string[] Entries(byte[] madt)
    {
        // The widths of the fields after type and length.
        var fields = new Dictionary<byte, int[]>
        {
            [0] = [1, 1, 4],
            [1] = [1, 1, 4, 4],
            [2] = [1, 1, 4, 2],
            [4] = [1, 2, 1],
            [9] = [2, 4, 4, 4],
            [10] = [2, 4, 1, 3],
        };
        var entries = new List<string>();
        int offset = 44;
        while (offset < madt.Length)
        {
            byte type = madt[offset];
            int[] widths = fields[type];
            Assert.Equal(2 + widths.Sum(), madt[offset + 1]);
            offset += 2;
            var parts = new List<string>();
            foreach (int width in widths)
            {
                parts.Add(Convert.ToHexString(madt, offset, width));
                offset += width;
            }

            entries.Add($"{type}: {string.Join(' ', parts)}");
        }

        Assert.Equal(madt.Length, offset);
        return [.. entries];
    }
}
