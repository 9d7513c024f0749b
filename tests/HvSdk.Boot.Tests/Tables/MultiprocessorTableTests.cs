using System.Buffers.Binary;
using System.Text;
using HvSdk.Devices;

namespace HvSdk.Boot.Tests;

/// <summary>The MP table as a guest reads it (MultiProcessor Specification 1.4, chapter 4).</summary>
public sealed class MultiprocessorTableTests
{
    private const uint Address = 0xF_1000;

    [Fact]
    public void Place_Pc_HasItsEntries()
    {
        X64Platform platform = PlatformExamples.Pc(2, new DeviceDescription { Name = "level", Lines = [new DeviceLine(5, InterruptSense.Level)] });
        platform = platform with { Processors = new() { Signature = 0x0600, Features = 0x0201 } };
        Assert.Equal(
            [
                "00 00 14 03 00060000 01020000 0000000000000000",
                "00 01 14 01 00060000 01020000 0000000000000000",
                "01 00 495341202020",
                "02 00 11 01 0000C0FE",
                "03 00 0000 00 00 00 02", // the timer is led to input 2; the cascade is none
                "03 00 0000 00 01 00 01",
                "03 00 0000 00 03 00 03",
                "03 00 0000 00 04 00 04",
                "03 00 0D00 00 05 00 05", // a device's level
                "03 00 0000 00 06 00 06",
                "03 00 0000 00 07 00 07",
                "03 00 0000 00 08 00 08",
                "03 00 0D00 00 09 00 09", // the system control interrupt
                "03 00 0000 00 0A 00 0A",
                "03 00 0000 00 0B 00 0B",
                "03 00 0000 00 0C 00 0C",
                "03 00 0000 00 0D 00 0D",
                "03 00 0000 00 0E 00 0E",
                "03 00 0000 00 0F 00 0F",
                "04 03 0000 00 00 00 00",
                "04 01 0000 00 00 FF 01",
            ],
            Read(platform));
    }

    [Fact]
    public void Place_ProcessorAlone_HasItsNmi() =>
        Assert.Equal(["00 07 14 03 00000000 00000000 0000000000000000", "01 00 495341202020", "04 01 0000 00 00 FF 01"], Read(new X64Platform { ApicIds = [7] }));

    [Fact]
    public void Place_InputThatAnotherIsLedTo_HasOneSource()
    {
        X64Platform platform = new() { ApicIds = [0], IoApic = new(1, 0xFEC0_0000, 0), InterruptOverrides = [new(3, 4, InterruptSense.Level)] };
        Assert.Equal(["03 00 0D00 00 03 01 04"], Read(platform).Where(static entry => entry.EndsWith("01 04", StringComparison.Ordinal)));
    }

    [Fact]
    public void Place_IoApicThatBeginsLater_HasNoIsaInterrupts() =>
        Assert.DoesNotContain(Read(new X64Platform { ApicIds = [0], IoApic = new(1, 0xFEC0_0000, 16) }), static entry => entry.StartsWith("03", StringComparison.Ordinal));

    [Fact]
    public void Place_255Processors_HasAll() =>
        Assert.Equal(255, Read(PlatformExamples.Pc(255)).Count(static entry => entry.StartsWith("00 ", StringComparison.Ordinal)));

    [Fact]
    public void Build_Id255_IsRefused()
    {
        ArgumentException exception = Assert.Throws<ArgumentException>(static () => MultiprocessorTable.Build(new X64Platform { ApicIds = [0, 255] }));
        Assert.Contains("255", exception.Message);
        Assert.Contains("254", exception.Message);
    }

    [Theory]
    [InlineData(0xF0008)]
    [InlineData(0x1_0000_0000)]
    [InlineData(0xFFFF_FFF0)]
    public void Place_AddressThatDoesNotDo_IsRefused(long address) =>
        Assert.Throws<ArgumentException>(nameof(address), () => MultiprocessorTable.Build(PlatformExamples.Pc()).Place((ulong)address));

    private static string[] Read(X64Platform platform)
    {
        MultiprocessorTable built = MultiprocessorTable.Build(platform);
        byte[] memory = built.Place(Address);
        Assert.Equal(built.Size, memory.Length);
        Assert.Equal("_MP_", Encoding.ASCII.GetString(memory, 0, 4));
        Assert.Equal(new byte[] { 1, 4 }, memory[8..10]);
        Assert.Equal(new byte[5], memory[11..16]);
        AcpiReader.AssertSum(memory.AsSpan(0, 16));

        byte[] table = memory[(int)(BinaryPrimitives.ReadUInt32LittleEndian(memory.AsSpan(4)) - Address)..];
        Assert.Equal("PCMP", Encoding.ASCII.GetString(table, 0, 4));
        Assert.Equal(table.Length, BinaryPrimitives.ReadUInt16LittleEndian(table.AsSpan(4)));
        Assert.Equal(4, table[6]);
        AcpiReader.AssertSum(table);
        Assert.Equal("HVSDK   HVSDK       ", Encoding.ASCII.GetString(table, 8, 20));
        Assert.Equal(0xFEE0_0000, BinaryPrimitives.ReadUInt32LittleEndian(table.AsSpan(36)));

        // The widths of an entry's fields, by its type.
        int[][] widths = [[1, 1, 1, 1, 4, 4, 8], [1, 1, 6], [1, 1, 1, 1, 4], [1, 1, 2, 1, 1, 1, 1], [1, 1, 2, 1, 1, 1, 1]];
        var entries = new List<string>();
        int offset = 44;
        while (offset < table.Length)
        {
            var parts = new List<string>();
            foreach (int width in widths[table[offset]])
            {
                parts.Add(Convert.ToHexString(table, offset, width));
                offset += width;
            }

            entries.Add(string.Join(' ', parts));
        }

        Assert.Equal(table.Length, offset);
        Assert.Equal(entries.Count, BinaryPrimitives.ReadUInt16LittleEndian(table.AsSpan(34)));
        return [.. entries];
    }
}
