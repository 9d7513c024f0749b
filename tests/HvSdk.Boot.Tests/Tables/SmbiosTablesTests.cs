using System.Buffers.Binary;
using System.Text;

namespace HvSdk.Boot.Tests;

/// <summary>SMBIOS as a guest reads it (DSP0134 3.0).</summary>
public sealed class SmbiosTablesTests
{
    private const ulong Address = 0xF_0000;
    private const ulong Gibibyte = 1 << 30;

    [Fact]
    public void Place_EntryPoint_LeadsToTheStructures()
    {
        SmbiosTables tables = SmbiosTables.Build(PlatformExamples.Pc());
        byte[] memory = tables.Place(Address);
        Assert.Equal(tables.Size, memory.Length);
        Assert.Equal("_SM3_", Encoding.ASCII.GetString(memory, 0, 5));
        AcpiReader.AssertSum(memory.AsSpan(0, 24));
        Assert.Equal(new byte[] { 24, 3, 0, 0, 1, 0 }, memory[6..12]);
        ulong start = BinaryPrimitives.ReadUInt64LittleEndian(memory.AsSpan(16));
        Assert.Equal(memory.Length, (int)(start - Address) + (int)BinaryPrimitives.ReadUInt32LittleEndian(memory.AsSpan(12)));
    }

    [Fact]
    public void Structures_Pc_AreAllThere()
    {
        List<Structure> structures = Read(PlatformExamples.Pc() with { Processors = new() { Sockets = 1, Signature = 0x00A2_0F12, Features = 0x1789_FBFF } }, new()
        {
            Manufacturer = "Maker",
            Product = "Product",
            Version = "1.2",
            SerialNumber = "S-1",
            Uuid = Guid.Parse("00112233-4455-6677-8899-AABBCCDDEEFF"),
            StockKeepingNumber = "SKU",
            Family = "Family",
            AssetTag = "Tag",
            FirmwareVendor = "Vendor",
            FirmwareVersion = "9",
            FirmwareDate = new DateOnly(2025, 7, 31),
            ProcessorManufacturer = "Chips",
            ProcessorVersion = "Model",
        });
        Assert.Equal([0, 1, 3, 4, 16, 17, 19, 19, 32, 127], structures.Select(static s => (int)s.Type));
        Assert.Equal([0x18, 0x1B, 0x16, 0x30, 0x17, 0x28, 0x1F, 0x1F, 0x0B, 4], structures.Select(static s => s.Fields.Length));
        Assert.Equal(structures.Count, structures.Select(static s => s.Handle).Distinct().Count());

        Structure firmware = structures[0];
        Assert.Equal(["Vendor", "9", "07/31/2025"], [firmware.Text(4), firmware.Text(5), firmware.Text(8)]);
        Assert.Equal(0x10, firmware.Fields[0x13]); // a virtual machine

        Structure system = structures[1];
        Assert.Equal(["Maker", "Product", "1.2", "S-1", "SKU", "Family"], [system.Text(4), system.Text(5), system.Text(6), system.Text(7), system.Text(0x19), system.Text(0x1A)]);
        Assert.Equal("33221100554477668899AABBCCDDEEFF", Convert.ToHexString(system.Fields.AsSpan(8, 16)));

        Structure chassis = structures[2];
        Assert.Equal(["Maker", "1.2", "S-1", "Tag", "SKU"], [chassis.Text(4), chassis.Text(6), chassis.Text(7), chassis.Text(8), chassis.Text(0x15)]);

        Structure processor = structures[3];
        Assert.Equal(["CPU 0", "Chips", "Model"], [processor.Text(4), processor.Text(7), processor.Text(0x10)]);
        Assert.Equal(0x1789_FBFF_00A2_0F12u, processor.U64(8));
        Assert.Equal(0x41, processor.Fields[0x18]);
        Assert.Equal(new byte[] { 1, 1, 1 }, processor.Fields[0x23..0x26]);
        Assert.Equal(1 << 2, processor.U16(0x26));

        Structure device = structures[5];
        Assert.Equal(structures[4].Handle, device.U16(4));
        Assert.Equal(4096, device.U16(0x0C)); // MiB
        Assert.Equal(4u << 20, structures[4].U32(7)); // KiB
        Assert.Equal(1, structures[4].U16(0x0D));
        Assert.Equal((0u, 0x2F_FFFFu), (structures[6].U32(4), structures[6].U32(8)));
        Assert.Equal((0x40_0000u, 0x4F_FFFFu), (structures[7].U32(4), structures[7].U32(8)));
    }

    [Fact]
    public void Processors_SocketsCoresAndThreads_AreCounted()
    {
        List<Structure> structures = Read(PlatformExamples.Pc(1024) with { Processors = new() { Sockets = 2, ThreadsPerCore = 2 } });
        Structure[] processors = [.. structures.Where(static s => s.Type == 4)];
        Assert.Equal(["CPU 0", "CPU 1"], processors.Select(static s => s.Text(4)));
        foreach (Structure processor in processors)
        {
            Assert.Equal(new byte[] { 0xFF, 0xFF, 0xFF }, processor.Fields[0x23..0x26]); // see the wider fields
            Assert.Equal((256, 256, 512), (processor.U16(0x2A), processor.U16(0x2C), processor.U16(0x2E)));
            Assert.Equal(1 << 2 | 1 << 3 | 1 << 4, processor.U16(0x26));
        }
    }

    [Theory]
    [InlineData(640 * 1024, 0x8000 | 640, 0)]
    [InlineData(128 << 20, 128, 0)]
    [InlineData((32767L << 20) - 1024 * 1024, 32766, 0)]
    [InlineData(32767L << 20, 0x7FFF, 32767)]
    [InlineData((1L << 30) + 1024, 1025, 0)]
    [InlineData(3L << 40, 0x7FFF, 3 << 20)]
    public void MemoryDevice_AnySize_IsInTheFieldThatHoldsIt(long size, int shortSize, int extendedSize)
    {
        Structure device = Read(PlatformExamples.Pc() with { Memory = [new(0, (ulong)size)] }).Single(static s => s.Type == 17);
        Assert.Equal((shortSize, (uint)extendedSize), (device.U16(0x0C), device.U32(0x1C)));
    }

    [Fact]
    public void Memory_BeyondTheShortFields_IsInTheExtendedOnes()
    {
        List<Structure> structures = Read(PlatformExamples.Pc() with { Memory = [new(0, Gibibyte), new(4096 * Gibibyte - 1024, 2048 * Gibibyte)] });
        Structure array = structures.Single(static s => s.Type == 16);
        Assert.Equal((0x8000_0000u, 2049 * Gibibyte), (array.U32(7), array.U64(0x0F)));
        Structure mapped = structures.Last(static s => s.Type == 19);
        Assert.Equal((uint.MaxValue, uint.MaxValue), (mapped.U32(4), mapped.U32(8)));
        Assert.Equal((4096 * Gibibyte - 1024, 6144 * Gibibyte - 1025), (mapped.U64(0x0F), mapped.U64(0x17)));
    }

    [Fact]
    public void Texts_Empty_AreLeftOut()
    {
        Structure system = Read(PlatformExamples.Pc(), new SmbiosIdentity { Manufacturer = "", Product = "" })[1];
        Assert.Equal(new byte[4], system.Fields[4..8]);
    }

    [Fact]
    public void FirmwareFiles_OfAPlatform_AreTheSameStructures()
    {
        SmbiosTables tables = SmbiosTables.Build(PlatformExamples.Pc());
        FirmwareFile[] files = [.. tables.FirmwareFiles];
        Assert.Equal(["etc/smbios/smbios-anchor", "etc/smbios/smbios-tables"], files.Select(static file => file.Name));
        byte[] anchor = files[0].Content.ToArray();
        AcpiReader.AssertSum(anchor);
        byte[] placed = tables.Place(Address);
        Assert.Equal(placed[6..16], anchor[6..16]);
        Assert.Equal(new byte[8], anchor[16..]);
        Assert.Equal(placed[32..], files[1].Content.ToArray());
    }

    [Theory]
    [InlineData("Ä", "\"Ä\"")]
    [InlineData("a\nb", "of 3 characters")]
    public void Build_TextThatIsNotAscii_IsRefused(string text, string expected)
    {
        ArgumentException exception = Assert.Throws<ArgumentException>(() => SmbiosTables.Build(PlatformExamples.Pc(), new SmbiosIdentity { Family = text }));
        Assert.Contains("Family", exception.Message);
        Assert.Contains(expected, exception.Message);
    }

    [Fact]
    public void Build_BadMemory_IsRefused()
    {
        X64MemoryRange[][] bad = [[], [new(0, 0)], [new(0, 1000)], [new(1, 1024)], [new(ulong.MaxValue - 1023, 2048)], [new(0, 2048), new(1024, 1024)]];
        Assert.All(bad, ranges => Assert.Contains("Memory", Assert.Throws<ArgumentException>(() => SmbiosTables.Build(PlatformExamples.Pc() with { Memory = ranges })).Message));
    }

    [Fact]
    public void Build_257Sockets_IsRefused() => Assert.Contains(
        "257", Assert.Throws<ArgumentException>(static () => SmbiosTables.Build(PlatformExamples.Pc(257) with { Processors = new() { Sockets = 257 } })).Message);

    [Theory]
    [InlineData(0xF0008)]
    [InlineData(-16)]
    public void Place_AddressThatDoesNotDo_IsRefused(long address) =>
        Assert.Throws<ArgumentException>(nameof(address), () => SmbiosTables.Build(PlatformExamples.Pc()).Place((ulong)address));

    private static List<Structure> Read(X64Platform platform, SmbiosIdentity? identity = null)
    {
        byte[] bytes = SmbiosTables.Build(platform, identity).Place(Address)[32..];
        var structures = new List<Structure>();
        int offset = 0;
        while (offset < bytes.Length)
        {
            byte[] fields = bytes[offset..(offset + bytes[offset + 1])];
            offset += fields.Length;
            var texts = new List<string>();
            while (bytes[offset] != 0)
            {
                int end = Array.IndexOf(bytes, (byte)0, offset);
                texts.Add(Encoding.ASCII.GetString(bytes, offset, end - offset));
                offset = end + 1;
            }

            // Without texts, two zeros.
            offset += texts.Count == 0 ? 2 : 1;
            structures.Add(new Structure(fields[0], fields, [.. texts]));
        }

        Assert.Equal(bytes.Length, offset);
        return structures;
    }

    private sealed record Structure(byte Type, byte[] Fields, string[] Texts)
    {
        public ushort Handle => U16(2);

        public string Text(int offset) => Texts[Fields[offset] - 1];

        public ushort U16(int offset) => BinaryPrimitives.ReadUInt16LittleEndian(Fields.AsSpan(offset));

        public uint U32(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(Fields.AsSpan(offset));

        public ulong U64(int offset) => BinaryPrimitives.ReadUInt64LittleEndian(Fields.AsSpan(offset));
    }
}
