using System.Buffers.Binary;

namespace HvSdk.Devices.Emulated.Tests;

/// <summary>The DMA interface of fw_cfg (QEMU, docs/specs/fw_cfg, "Guest-side DMA Interface").</summary>
public sealed class FirmwareConfigurationDmaTests : IDisposable
{
    private const uint Error = 1;
    private const uint Read = 2;
    private const uint Skip = 4;
    private const uint Select = 8;
    private const uint Write = 16;
    private const uint Item = 0x20 << 16;

    private readonly FirmwareConfiguration _device = new();
    private readonly FirmwareBench _bench;
    private readonly List<byte[]> _written = [];

    public FirmwareConfigurationDmaTests()
    {
        _device.Add("a", "0123456789"u8.ToArray());
        _device.AddWritable("b", "abcd"u8.ToArray(), content => _written.Add(content.ToArray()));
        _bench = new FirmwareBench(_device);
        _bench.Memory.Write(0x2000, [0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE]);
    }

    public void Dispose() => _bench.Dispose();

    [Fact]
    public void Address_Read_IsTheSignature()
    {
        Assert.Equal("QEMU"u8.ToArray(), BitConverter.GetBytes((uint)_bench.Bench.ReadPort(0x514, 4)));
        Assert.Equal(" CFG"u8.ToArray(), BitConverter.GetBytes((uint)_bench.Bench.ReadPort(0x518, 4)));
        Assert.Equal((ulong)'C', _bench.Bench.ReadPort(0x519));
    }

    [Fact]
    public void Read_WithSelect_CopiesTheItem()
    {
        Assert.Equal(0U, _bench.Dma(Item | Select | Read, 10, 0x2000));

        Assert.Equal("0123456789"u8.ToArray(), _bench.Ram(0x2000, 10));
        Assert.Equal(0xEE, _bench.Ram(0x200A, 1)[0]);
    }

    [Fact]
    public void Read_GoesOnWhereTheLastEnded_WithTheDataRegister()
    {
        _bench.Select(0x20);
        _bench.ReadData(2);
        _bench.Dma(Read, 3, 0x2000);

        Assert.Equal("234"u8.ToArray(), _bench.Ram(0x2000, 3));
        Assert.Equal("5"u8.ToArray(), _bench.ReadData(1));
    }

    [Fact]
    public void Skip_WithinTheItem_PassesBytesOver()
    {
        Assert.Equal(0U, _bench.Dma(Item | Select | Skip, 7, 0));

        Assert.Equal("789"u8.ToArray(), _bench.ReadData(3));
    }

    [Fact]
    public void Skip_BeyondTheItem_EndsAtItsEnd()
    {
        Assert.Equal(0U, _bench.Dma(Item | Select | Skip, uint.MaxValue, 0));

        Assert.Equal(0, _bench.ReadData(1)[0]);
    }

    [Fact]
    public void Select_Alone_Selects()
    {
        Assert.Equal(0U, _bench.Dma(Select, 0, 0));

        Assert.Equal("QEMU"u8.ToArray(), _bench.ReadData(4));
    }

    [Fact]
    public void Read_BeyondTheItem_GivesZeros()
    {
        Assert.Equal(0U, _bench.Dma(Item | Select | Read, 12, 0x2000));

        Assert.Equal([(byte)'9', 0, 0, 0xEE], _bench.Ram(0x2009, 4));
    }

    [Fact]
    public void Read_FarBeyondTheItem_IsAnErrorAndTouchesNothing()
    {
        Assert.Equal(Error, _bench.Dma(Item | Select | Read, 11 + (1 << 20), 0x2000));
        Assert.Equal(Error, _bench.Dma(Item | Select | Read, uint.MaxValue, 0x2000));

        Assert.Equal(0xEE, _bench.Ram(0x2000, 1)[0]);
    }

    [Theory]
    [InlineData(FirmwareBench.MemorySize - 5)]
    [InlineData(FirmwareBench.MemorySize)]
    [InlineData(ulong.MaxValue)]
    [InlineData(ulong.MaxValue - 9)]
    public void Read_OutsideOfMemory_IsAnError(ulong address)
    {
        Assert.Equal(Error, _bench.Dma(Item | Select | Read, 10, address));
        Assert.Equal(Error, _bench.Dma(Item | Select | Read, 20, address));
    }

    [Fact]
    public void Write_OfWritableItem_CallsItsOwner()
    {
        _bench.Memory.Write(0x2000, "xy"u8);

        Assert.Equal(0U, _bench.Dma((0x21 << 16) | Select | Write, 2, 0x2000));

        Assert.Equal("xycd"u8.ToArray(), Assert.Single(_written));
        Assert.Equal("xycd"u8.ToArray(), _bench.ReadItem(0x21, 4));
    }

    [Fact]
    public void Write_BeyondTheItem_IsAnErrorAndChangesNothing()
    {
        Assert.Equal(Error, _bench.Dma((0x21 << 16) | Select | Write, 5, 0x2000));

        Assert.Equal("abcd"u8.ToArray(), _bench.ReadItem(0x21, 4));
        Assert.Empty(_written);
    }

    [Theory]
    [InlineData(0x20)]
    [InlineData(0x00)]
    [InlineData(0x7777)]
    public void Write_OfItemThatIsNotWritable_IsAnError(int key) =>
        Assert.Equal(Error, _bench.Dma(((uint)key << 16) | Select | Write, 1, 0x2000));

    [Fact]
    public void Write_FromOutsideOfMemory_IsAnErrorAndChangesNothing()
    {
        Assert.Equal(Error, _bench.Dma((0x21 << 16) | Select | Write, 4, FirmwareBench.MemorySize - 2));

        Assert.Equal("abcd"u8.ToArray(), _bench.ReadItem(0x21, 4));
    }

    [Fact]
    public void Descriptor_OutsideOfMemory_IsIgnored()
    {
        _bench.Dma(Item | Select | Read, 10, 0x2000, descriptor: FirmwareBench.MemorySize - 8);
        _bench.Dma(Item | Select | Read, 10, 0x2000, descriptor: 0x1_0000_0000);

        Assert.Equal(0xEE, _bench.Ram(0x2000, 1)[0]);
    }

    [Fact]
    public void Descriptor_ThatTheDataOverwrite_IsReadOnce()
    {
        Assert.Equal(0U, _bench.Dma(Item | Select | Read, 10, FirmwareBench.Descriptor));

        Assert.Equal("456789"u8.ToArray(), _bench.Ram(FirmwareBench.Descriptor + 4, 6));
    }

    [Fact]
    public void Address_HighHalf_CountsForOneTransfer()
    {
        _bench.Bench.WritePort(0x514, 0x0100_0000, 4);
        _bench.Bench.WritePort(0x518, 0, 4); // at 4 GiB, where nothing is

        byte[] descriptor = new byte[16];
        BinaryPrimitives.WriteUInt32BigEndian(descriptor, Item | Select | Read);
        BinaryPrimitives.WriteUInt32BigEndian(descriptor.AsSpan(4), 10);
        BinaryPrimitives.WriteUInt64BigEndian(descriptor.AsSpan(8), 0x2000);
        _bench.Memory.Write(0x1000, descriptor);
        _bench.Bench.WritePort(0x518, BinaryPrimitives.ReverseEndianness(0x1000U), 4);

        Assert.Equal((byte)'0', _bench.Ram(0x2000, 1)[0]);
    }

    [Fact]
    public void Kick_BeforeMemoryIsThere_IsIgnored()
    {
        var device = new FirmwareConfiguration();
        var bench = new Testing.DeviceBench();
        bench.Attach(device);

        bench.WritePort(0x518, 0, 4);

        Assert.Equal((ulong)'Q', bench.ReadPort(0x511));
    }
}
