using HvSdk.Testing;

namespace HvSdk.Devices.Emulated.Tests;

/// <summary>Selector, data and directory of fw_cfg (QEMU, docs/specs/fw_cfg).</summary>
public sealed class FirmwareConfigurationTests : IDisposable
{
    private readonly FirmwareConfiguration _device = new();
    private readonly FirmwareBench _bench;

    public FirmwareConfigurationTests()
    {
        _bench = new FirmwareBench(_device);
    }

    public void Dispose() => _bench.Dispose();

    [Fact]
    public void Attach_OnBench_TakesTwelvePortsAndAnIdentity()
    {
        Assert.Equal([new DeviceWindow(BusSpace.Ports, 0x510, 12)], _bench.Bench.Description.Windows);
        Assert.Equal("QEMU0002", _bench.Bench.Acpi?.HardwareId);
    }

    [Fact]
    public void Signature_Read_IsQemu() => Assert.Equal("QEMU"u8.ToArray(), _bench.ReadItem(FirmwareConfigurationKey.Signature, 4));

    [Fact]
    public void Id_WithDma_SaysTraditionalAndDma() => Assert.Equal([3, 0, 0, 0], _bench.ReadItem(FirmwareConfigurationKey.Id, 4));

    [Fact]
    public void Id_WithoutDma_SaysTraditional()
    {
        using var bench = new FirmwareBench(new FirmwareConfiguration { HasDma = false });

        Assert.Equal([1, 0, 0, 0], bench.ReadItem(FirmwareConfigurationKey.Id, 4));
        Assert.Equal(0UL, bench.Bench.ReadPort(0x514, 4));
    }

    [Fact]
    public void Data_BeforeAnySelection_IsTheSignature() => Assert.Equal("QEMU"u8.ToArray(), _bench.ReadData(4));

    [Fact]
    public void Data_BeyondTheItem_IsZero()
    {
        _device.Add(FirmwareConfigurationKey.ProcessorCount, new byte[] { 4, 1 });

        Assert.Equal([4, 1, 0, 0], _bench.ReadItem(FirmwareConfigurationKey.ProcessorCount, 4));
    }

    [Fact]
    public void Data_OfUnknownKey_IsZero() => Assert.Equal([0, 0], _bench.ReadItem(0x1234, 2));

    [Fact]
    public void Data_Written_IsIgnored()
    {
        _device.AddWritable("w", new byte[] { 1, 2 }, static _ => { });
        _bench.Select(0x4020);

        _bench.Bench.WritePort(0x511, 9);

        Assert.Equal([1, 2], _bench.ReadItem(0x20, 2));
    }

    [Fact]
    public void Select_OfTheSameItem_StartsAnew()
    {
        _bench.ReadItem(FirmwareConfigurationKey.Signature, 2);

        Assert.Equal((byte)'Q', _bench.ReadItem(FirmwareConfigurationKey.Signature, 1)[0]);
    }

    [Fact]
    public void Select_WithWriteBit_IsTheSameItem() =>
        Assert.Equal((byte)'Q', _bench.ReadItem(FirmwareConfigurationKey.Signature | 0x4000, 1)[0]);

    [Fact]
    public void Selector_Read_IsZero() => Assert.Equal(0UL, _bench.Bench.ReadPort(0x510));

    [Fact]
    public void Directory_OfNames_IsSortedAndGivesKeys()
    {
        _device.Add("opt/z", new byte[3]);
        _device.Add("etc/b", new byte[1]);
        _device.Add("etc/a", new byte[2]);

        Assert.Equal([("etc/a", 0x20, 2), ("etc/b", 0x21, 1), ("opt/z", 0x22, 3)], _bench.ReadDirectory());
    }

    [Fact]
    public void Directory_OfManyItems_HoldsThemAll()
    {
        for (int i = 0; i < 100; i++)
        {
            _device.Add($"opt/{i:D3}", new[] { (byte)i });
        }

        IReadOnlyList<(string Name, int Key, int Size)> directory = _bench.ReadDirectory();

        Assert.Equal(100, directory.Count);
        Assert.All(directory, entry => Assert.Equal($"opt/{_bench.ReadItem(entry.Key, 1)[0]:D3}", entry.Name));
    }

    [Fact]
    public void Directory_WithoutItems_HasNone() => Assert.Empty(_bench.ReadDirectory());

    [Fact]
    public void Add_OfArchitecturesKey_IsFoundThere()
    {
        _device.Add(FirmwareConfigurationKey.E820Table, new byte[] { 7 });

        Assert.Equal(7, _bench.ReadItem(0x8003, 1)[0]);
        Assert.Equal(7, _bench.ReadItem(0xC003, 1)[0]);
    }

    [Theory]
    [InlineData(0x00)]
    [InlineData(0x01)]
    [InlineData(0x19)]
    [InlineData(0x20)]
    [InlineData(0x4003)]
    [InlineData(0xC003)]
    public void Add_OfKeyThatIsNotToBeHad_IsRefused(int key) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => _device.Add((ushort)key, new byte[1]));

    [Fact]
    public void Add_OfTakenKeyOrName_IsRefused()
    {
        _device.Add(FirmwareConfigurationKey.Uuid, new byte[16]);
        _device.Add("etc/a", new byte[1]);

        Assert.Throws<ArgumentException>(() => _device.Add(FirmwareConfigurationKey.Uuid, new byte[16]));
        Assert.Throws<ArgumentException>(() => _device.Add("etc/a", new byte[1]));
    }

    [Theory]
    [InlineData("")]
    [InlineData("ä")]
    [InlineData("a\0b")]
    [InlineData("01234567890123456789012345678901234567890123456789012345")]
    public void Add_OfBadName_IsRefused(string name) => Assert.Throws<ArgumentException>(() => _device.Add(name, new byte[1]));

    [Fact]
    public void Add_AfterTheGuestHasLooked_IsRefusedInWords()
    {
        _bench.Select(0);

        var exception = Assert.Throws<InvalidOperationException>(() => _device.Add("etc/late", new byte[1]));

        Assert.Contains("before the machine runs", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void State_LoadedIntoAnother_GoesOn()
    {
        _device.AddWritable("w", new byte[4], static _ => { });
        _bench.Memory.Write(0x2000, [1, 2, 3, 4]);
        Assert.Equal(0U, _bench.Dma((0x20 << 16) | 0x18, 4, 0x2000));
        _bench.ReadItem(0x20, 2);
        var other = new FirmwareConfiguration();
        other.AddWritable("w", new byte[4], static _ => { });
        using var bench = new FirmwareBench(other);

        other.LoadState(_device.SaveState());

        Assert.Equivalent(_device.SaveState(), other.SaveState(), strict: true);
        Assert.Equal([3, 4, 0], bench.ReadData(3));
    }

    [Fact]
    public void LoadState_ThatDoesNotFitTheItems_NamesTheField()
    {
        _device.AddWritable("w", new byte[4], static _ => { });
        FirmwareConfigurationState state = _device.SaveState();

        Assert.Contains("\"x\"", Refusal(state with { Written = new Dictionary<string, byte[]> { ["x"] = [] } }), StringComparison.Ordinal);
        Assert.Contains("it is 4 to 4", Refusal(state with { Written = new Dictionary<string, byte[]> { ["w"] = [1] } }), StringComparison.Ordinal);
        Assert.Contains("Offset is 5; it is 0 to 4", Refusal(state with { Offset = 5 }), StringComparison.Ordinal);

        string Refusal(FirmwareConfigurationState bad) => Assert.ThrowsAny<ArgumentException>(() => _device.LoadState(bad)).Message;
    }
}
