using HvSdk.Testing;

namespace HvSdk.Devices.Emulated.Tests;

/// <summary>Bytes, latches and read-back of the 8254 (Intel 8254 data sheet, "Write Operations", "Read Operations"), and port 0x61.</summary>
public sealed class CounterAccessTests
{
    private readonly TimerBench _bench = new();

    [Fact]
    public void Attach_OnBench_TakesPortsAndLine()
    {
        Assert.Equal([new(BusSpace.Ports, 0x40, 4), new DeviceWindow(BusSpace.Ports, 0x61, 1)], _bench.Bench.Description.Windows);
        Assert.Equal([new DeviceLine(0, InterruptSense.Edge)], _bench.Bench.Description.Lines);
        Assert.Equal("PNP0100", _bench.Bench.Acpi?.HardwareId);
    }

    [Fact]
    public void LowByte_Alone_IsWrittenAndRead()
    {
        _bench.Control(0x14);
        _bench.Write(0, 0x34);
        _bench.Tick(2);

        Assert.Equal(0x33, _bench.ReadByte(0));
        Assert.Equal(0x33, _bench.ReadByte(0));
        Assert.Equal(0x34, _bench.Timer.SaveState().Counters[0].Count);
    }

    [Fact]
    public void HighByte_Alone_IsWrittenAndRead()
    {
        _bench.Control(0x24);
        _bench.Write(0, 0x12);
        _bench.Tick(1);

        Assert.Equal(0x12, _bench.ReadByte(0));
        Assert.Equal(0x1200, _bench.Timer.SaveState().Counters[0].Count);
    }

    [Fact]
    public void BothBytes_Written_LoadAfterTheSecond()
    {
        _bench.Control(0x34);
        _bench.Write(0, 0x34);
        _bench.Tick(10);
        Assert.False(_bench.Timer.SaveState().Counters[0].IsCounting);

        _bench.Write(0, 0x12);
        _bench.Tick(1);

        Assert.Equal(0x1234, _bench.Read(0));
    }

    [Fact]
    public void ControlWord_BetweenTheBytes_ResetsTheirOrder()
    {
        _bench.Control(0x34);
        _bench.Write(0, 0xFF);

        _bench.Program(0, 2, 0x1234);
        _bench.Tick(1);

        Assert.Equal(0x1234, _bench.Read(0));
    }

    [Fact]
    public void Latch_UntilItIsRead_HoldsTheCount()
    {
        _bench.Program(1, 2, 0x1000);
        _bench.Tick(1);
        _bench.Control(0x40);
        _bench.Tick(5);
        _bench.Control(0x40); // the second is ignored

        Assert.Equal(0x1000, _bench.Read(1));
        Assert.Equal(0x0FFB, _bench.Read(1));
    }

    [Fact]
    public void Latch_BetweenTheBytes_StaysUntilTheHighByte()
    {
        _bench.Program(1, 2, 0x1000);
        _bench.Tick(1);
        _bench.Control(0x40);

        Assert.Equal(0x00, _bench.ReadByte(1));
        _bench.Tick(1);
        Assert.Equal(0x10, _bench.ReadByte(1));
        Assert.Equal(0xFF, _bench.ReadByte(1));
    }

    [Fact]
    public void Latch_BeforeAControlWord_IsDropped()
    {
        _bench.Program(1, 2, 0x1000);
        _bench.Tick(1);
        _bench.Control(0x40);

        _bench.Program(1, 2, 0x2000);
        _bench.Tick(1);

        Assert.Equal(0x2000, _bench.Read(1));
    }

    [Fact]
    public void ReadBack_OfStatusAndCount_GivesStatusFirst()
    {
        _bench.Program(1, 2, 0x1000);
        _bench.Tick(1);

        _bench.Control(0xC4);
        _bench.Tick(3);

        Assert.Equal(0xB4, _bench.ReadByte(1)); // OUT, both bytes, mode 2
        Assert.Equal(0x1000, _bench.Read(1));
    }

    [Fact]
    public void ReadBack_OfSeveralCounters_LatchesThemAll()
    {
        _bench.Program(0, 2, 0x1000);
        _bench.Program(1, 2, 0x2000);
        _bench.Tick(1);

        _bench.Control(0xD6);
        _bench.Tick(7);

        Assert.Equal(0x1000, _bench.Read(0));
        Assert.Equal(0x2000, _bench.Read(1));
    }

    [Fact]
    public void ReadBack_SecondStatus_IsIgnoredUntilTheFirstIsRead()
    {
        _bench.Program(1, 0, 2);
        _bench.Control(0xE4);
        _bench.Tick(10);
        _bench.Control(0xE4);

        Assert.Equal(0, _bench.ReadByte(1) & 0x80);
        Assert.Equal(0x80, _bench.Status(1) & 0x80);
    }

    [Fact]
    public void NullCount_FromTheControlWordToTheLoad_IsSet()
    {
        _bench.Control(0x74);
        Assert.Equal(0x40, _bench.Status(1) & 0x40);
        _bench.Write(1, 0);
        _bench.Write(1, 1);
        Assert.Equal(0x40, _bench.Status(1) & 0x40);

        _bench.Tick(1);

        Assert.Equal(0, _bench.Status(1) & 0x40);
    }

    [Fact]
    public void NullCount_InMode2_IsSetUntilTheCycleEnds()
    {
        _bench.Program(1, 2, 10);
        _bench.Tick(3);
        _bench.Write(1, 20);
        Assert.Equal(0, _bench.Status(1) & 0x40); // with the second byte
        _bench.Write(1, 0);
        Assert.Equal(0x40, _bench.Status(1) & 0x40);

        _bench.Tick(8);

        Assert.Equal(0, _bench.Status(1) & 0x40);
        Assert.Equal(20, _bench.Read(1));
    }

    [Fact]
    public void ControlWord_Read_IsAllOnes() => Assert.Equal(0xFFUL, _bench.Bench.ReadPort(0x43));

    [Fact]
    public void SystemControl_Written_KeepsItsLowBits()
    {
        _bench.Bench.WritePort(0x61, 0xFE);

        Assert.Equal(0x0EUL, _bench.Bench.ReadPort(0x61) & 0xCF);
    }

    [Fact]
    public void SystemControl_RefreshBit_TogglesEach15Microseconds()
    {
        ulong before = _bench.Bench.ReadPort(0x61) & 0x10;
        Assert.Equal(before, _bench.Bench.ReadPort(0x61) & 0x10);

        _bench.Tick(18);
        Assert.NotEqual(before, _bench.Bench.ReadPort(0x61) & 0x10);
        _bench.Tick(18);

        Assert.Equal(before, _bench.Bench.ReadPort(0x61) & 0x10);
    }

    [Fact]
    public void Speaker_WithDataBitAndHighOutput_IsOn()
    {
        _bench.Bench.WritePort(0x61, 3);
        _bench.Program(2, 3, 4);
        _bench.Tick(1);
        Assert.True(_bench.Timer.IsSpeakerOn);

        _bench.Tick(2);
        Assert.False(_bench.Timer.IsSpeakerOn);
        _bench.Tick(2);
        _bench.Bench.WritePort(0x61, 1);

        Assert.False(_bench.Timer.IsSpeakerOn);
    }
}
