using System.Buffers.Binary;
using System.Text;

namespace HvSdk.Boot.Tests;

/// <summary>Finds ACPI tables in memory as a guest does, from the RSDP, checking each length, checksum and pointer on the way.</summary>
internal sealed class AcpiReader
{
    private readonly ulong _base;
    private readonly byte[] _memory;
    private readonly Dictionary<string, (ulong Address, byte[] Bytes)> _tables = [];

    public AcpiReader(byte[] memory, ulong address)
        : this(memory, address, memory, address)
    {
    }

    /// <summary>The RSDP may lie apart from the tables.</summary>
    public AcpiReader(byte[] memory, ulong address, byte[] root, ulong rootAddress)
    {
        _base = address;
        _memory = memory;
        Assert.True(rootAddress % 16 == 0);
        byte[] pointer = root[..36];
        Assert.Equal("RSD PTR ", Encoding.ASCII.GetString(pointer, 0, 8));
        AssertSum(pointer.AsSpan(0, 20));
        AssertSum(pointer);
        Assert.Equal("HVSDK ", Encoding.ASCII.GetString(pointer, 9, 6));
        Assert.Equal(2, pointer[15]);
        Assert.Equal(36u, BinaryPrimitives.ReadUInt32LittleEndian(pointer.AsSpan(20)));
        Assert.Equal(new byte[3], pointer[33..]);

        byte[] shortList = Table(BinaryPrimitives.ReadUInt32LittleEndian(pointer.AsSpan(16)), "RSDT");
        byte[] list = Table(BinaryPrimitives.ReadUInt64LittleEndian(pointer.AsSpan(24)), "XSDT");
        Assert.Equal(1, shortList[8]);
        Assert.Equal(1, list[8]);
        ulong[] listed = [.. Enumerable.Range(0, (list.Length - 36) / 8).Select(i => BinaryPrimitives.ReadUInt64LittleEndian(list.AsSpan(36 + i * 8)))];
        ulong[] listedShort = [.. Enumerable.Range(0, (shortList.Length - 36) / 4).Select(i => (ulong)BinaryPrimitives.ReadUInt32LittleEndian(shortList.AsSpan(36 + i * 4)))];
        Assert.Equal(listed, listedShort);
        Assert.Equal(listed.Length, listed.Distinct().Count());
        foreach (ulong entry in listed)
        {
            Table(entry);
        }

        byte[] fadt = this["FACP"];
        uint dsdt = BinaryPrimitives.ReadUInt32LittleEndian(fadt.AsSpan(40));
        Assert.Equal((ulong)dsdt, BinaryPrimitives.ReadUInt64LittleEndian(fadt.AsSpan(140)));
        Table(dsdt, "DSDT");
        Assert.Equal(0ul, BinaryPrimitives.ReadUInt64LittleEndian(fadt.AsSpan(132)));
        uint facs = BinaryPrimitives.ReadUInt32LittleEndian(fadt.AsSpan(36));
        if (facs != 0)
        {
            Assert.True(facs % 64 == 0);
            int offset = (int)(facs - _base);
            byte[] bytes = _memory[offset..(offset + 64)];
            Assert.Equal("FACS", Encoding.ASCII.GetString(bytes, 0, 4));
            Assert.Equal(64u, BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(4)));
            Assert.Equal(new byte[24], bytes[8..32]);
            Assert.Equal(2, bytes[32]);
            Assert.Equal(new byte[31], bytes[33..]);
            _tables.Add("FACS", (facs, bytes));
        }

        // They do not overlap.
        (ulong Address, byte[] Bytes)[] sorted = [.. _tables.Values.OrderBy(static table => table.Address)];
        for (int i = 1; i < sorted.Length; i++)
        {
            Assert.True(sorted[i].Address >= sorted[i - 1].Address + (ulong)sorted[i - 1].Bytes.Length);
        }
    }

    public IEnumerable<string> Signatures => _tables.Keys;

    public byte[] this[string signature] => _tables[signature].Bytes;

    /// <summary>The tables of a platform, laid out at 0xE0000 where they fit.</summary>
    public static AcpiReader Of(X64Platform platform)
    {
        AcpiTables tables = AcpiTables.Build(platform);
        const ulong Address = 0xE_0000;
        byte[] memory = tables.Place(Address);
        Assert.Equal(tables.Size, memory.Length);
        return new AcpiReader(memory, Address);
    }

    private byte[] Table(ulong address, string? expected = null)
    {
        Assert.InRange(address, _base, _base + (ulong)_memory.Length - 36);
        int offset = (int)(address - _base);
        int length = (int)BinaryPrimitives.ReadUInt32LittleEndian(_memory.AsSpan(offset + 4));
        Assert.InRange(length, 36, _memory.Length - offset);
        byte[] bytes = _memory[offset..(offset + length)];
        string signature = Encoding.ASCII.GetString(bytes, 0, 4);
        Assert.Equal(expected ?? signature, signature);
        AssertSum(bytes);
        Assert.Equal("HVSDK HVSDK   ", Encoding.ASCII.GetString(bytes, 10, 14));
        Assert.Equal(1u, BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(24)));
        Assert.Equal("HVSD", Encoding.ASCII.GetString(bytes, 28, 4));
        _tables.Add(signature, (address, bytes));
        return bytes;
    }

    public static void AssertSum(ReadOnlySpan<byte> bytes)
    {
        int sum = 0;
        foreach (byte value in bytes)
        {
            sum += value;
        }

        Assert.Equal(0, sum & 0xFF);
    }
}
