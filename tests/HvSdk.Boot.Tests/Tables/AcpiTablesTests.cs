using System.Buffers.Binary;
using System.Text;
using HvSdk.Devices;

namespace HvSdk.Boot.Tests;

/// <summary>The tables as a whole: wherever they are put, and whoever puts them there.</summary>
public sealed class AcpiTablesTests
{
    public static TheoryData<string> Platforms => PlatformExamples.Names;

    [Theory]
    [MemberData(nameof(Platforms))]
    public void Place_AnyAddress_GivesTablesThatAreFoundFromTheRoot(string platform)
    {
        AcpiTables tables = AcpiTables.Build(PlatformExamples.All[platform]);
        foreach (ulong address in new ulong[] { 0, 0xE_0000, 0x7FFF_FFC0, (uint.MaxValue - (ulong)tables.Size) & ~63ul })
        {
            byte[] memory = tables.Place(address);
            Assert.Equal(tables.Size, memory.Length);
            string[] signatures = [.. new AcpiReader(memory, address).Signatures.Order()];
            X64Platform described = PlatformExamples.All[platform];
            string[] power = described.PowerManagement is null ? [] : ["FACS"];
            string[] pci = described.PciHost is null ? [] : ["MCFG"];
            Assert.Equal(["APIC", "DSDT", "FACP", .. power, .. pci, "RSDT", "XSDT"], signatures);
        }
    }

    [Fact]
    public void Place_Twice_DoesNotChangeTheTables()
    {
        AcpiTables tables = AcpiTables.Build(PlatformExamples.Pc());
        byte[] first = tables.Place(0xE_0000);
        tables.Place(0x1000);
        Assert.Equal(first, tables.Place(0xE_0000));
    }

    [Theory]
    [InlineData(0xE_0010)]
    [InlineData(0x1_0000_0000)]
    [InlineData(0xFFFF_FFC0)]
    public void Place_AddressThatDoesNotDo_IsRefused(long address)
    {
        AcpiTables tables = AcpiTables.Build(PlatformExamples.Pc());
        ArgumentException exception = Assert.Throws<ArgumentException>(nameof(address), () => tables.Place((ulong)address));
        Assert.Contains($"0x{address:X}", exception.Message);
    }

    [Fact]
    public void Size_PcOfAFewProcessors_FitsBelow1MiB() =>
        Assert.InRange(AcpiTables.Build(PlatformExamples.All["many devices"]).Size, 1, 0x2_0000);

    [Theory]
    [MemberData(nameof(Platforms))]
    public void FirmwareFiles_LoadedByTheScript_GiveTheSameTables(string platform)
    {
        AcpiTables tables = AcpiTables.Build(PlatformExamples.All[platform]);
        IReadOnlyList<FirmwareFile> files = tables.FirmwareFiles;
        Assert.Equal(["etc/acpi/rsdp", "etc/acpi/tables", "etc/table-loader"], files.Select(static file => file.Name));

        (Dictionary<string, byte[]> memory, Dictionary<string, ulong> addresses) = Firmware.Load(files);
        AcpiReader loaded = new(memory["etc/acpi/tables"], addresses["etc/acpi/tables"], memory["etc/acpi/rsdp"], addresses["etc/acpi/rsdp"]);
        byte[] placed = tables.Place(addresses["etc/acpi/tables"] - AcpiTables.Alignment);
        Assert.Equal(placed[AcpiTables.Alignment..], memory["etc/acpi/tables"]);
        Assert.Equal(placed[..36], memory["etc/acpi/rsdp"]);
        Assert.Contains("DSDT", loaded.Signatures);
    }

    /// <summary>What a firmware does with a linker script (QEMU, hw/acpi/bios-linker-loader.c).</summary>
    private static class Firmware
    {
        public static (Dictionary<string, byte[]> Memory, Dictionary<string, ulong> Addresses) Load(IReadOnlyList<FirmwareFile> files)
        {
            var memory = new Dictionary<string, byte[]>();
            var addresses = new Dictionary<string, ulong>();
            byte[] script = files[^1].Content.ToArray();
            Assert.Equal(0, script.Length % 128);
            for (int offset = 0; offset < script.Length; offset += 128)
            {
                ReadOnlySpan<byte> command = script.AsSpan(offset, 128);
                uint kind = BinaryPrimitives.ReadUInt32LittleEndian(command);
                string name = Name(command[4..]);
                switch (kind)
                {
                    case 1:
                        bool low = command[64] == 2;
                        Assert.True(low || command[64] == 1);
                        uint alignment = BinaryPrimitives.ReadUInt32LittleEndian(command[60..]);
                        Assert.True(alignment is 16 or 64);
                        memory.Add(name, files.Single(file => file.Name == name).Content.ToArray());
                        addresses.Add(name, low ? 0xF_5AE0ul : 0x7FFE_0040ul);
                        break;
                    case 2:
                        uint place = BinaryPrimitives.ReadUInt32LittleEndian(command[116..]);
                        Span<byte> pointer = memory[name].AsSpan((int)place, command[120]);
                        ulong target = addresses[Name(command[60..])];
                        if (pointer.Length == 4)
                        {
                            BinaryPrimitives.WriteUInt32LittleEndian(pointer, BinaryPrimitives.ReadUInt32LittleEndian(pointer) + (uint)target);
                        }
                        else
                        {
                            BinaryPrimitives.WriteUInt64LittleEndian(pointer, BinaryPrimitives.ReadUInt64LittleEndian(pointer) + target);
                        }

                        break;
                    case 3:
                        int sumAt = (int)BinaryPrimitives.ReadUInt32LittleEndian(command[60..]);
                        int start = (int)BinaryPrimitives.ReadUInt32LittleEndian(command[64..]);
                        int length = (int)BinaryPrimitives.ReadUInt32LittleEndian(command[68..]);
                        byte sum = 0;
                        foreach (byte value in memory[name].AsSpan(start, length))
                        {
                            sum += value;
                        }

                        Assert.Equal(0, memory[name][sumAt]); // as firmware may take it to be
                        memory[name][sumAt] -= sum;
                        break;
                    default:
                        Assert.Fail($"Command {kind} at {offset} is none.");
                        break;
                }
            }

            return (memory, addresses);
        }

        private static string Name(ReadOnlySpan<byte> field) => Encoding.ASCII.GetString(field[..field[..56].IndexOf((byte)0)]);
    }
}
