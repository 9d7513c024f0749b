using HvSdk.Testing;

namespace HvSdk.Devices.Emulated.Tests.Clock;

/// <summary>The clock's memory and its ports.</summary>
public sealed class CmosClockMemoryTests
{
    private readonly ClockBench _clock = new();

    [Fact]
    public void Memory_Written_ReadsBack()
    {
        for (int i = 14; i < 128; i++)
        {
            if (i != 0x32)
            {
                _clock[i] = (byte)(i ^ 0x55);
                Assert.Equal(i ^ 0x55, _clock[i]);
                Assert.Equal(i ^ 0x55, _clock.Clock[i]);
            }
        }
    }

    [Fact]
    public void Memory_SetByTheHost_IsReadByTheGuest()
    {
        _clock.Clock[0x5F] = 3;

        Assert.Equal(3, _clock[0x5F]);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(0)]
    [InlineData(13)]
    [InlineData(0x32)]
    [InlineData(128)]
    public void Memory_AClockRegister_IsRefusedToTheHost(int index) => Assert.Throws<ArgumentOutOfRangeException>(() => _clock.Clock[index]);

    [Fact]
    public void StatusRegisters_ReadOnly_StayAsTheyAre()
    {
        _clock[12] = 0xFF;
        _clock[13] = 0x00;

        Assert.Equal(0x00, _clock[12]);
        Assert.Equal(0x80, _clock[13]);
    }

    [Fact]
    public void MemorySize_Set_IsWhereFirmwareLooks()
    {
        _clock.Clock.SetMemorySize(3UL << 30, 5UL << 30);

        Assert.Equal([0x80, 0x02], [_clock[0x15], _clock[0x16]]); // 640 KiB
        Assert.Equal([0xFF, 0xFF], [_clock[0x17], _clock[0x18]]); // KiB from 1 MiB on, the most that fits
        Assert.Equal([0xFF, 0xFF], [_clock[0x30], _clock[0x31]]);
        Assert.Equal([0x00, 0xBF], [_clock[0x34], _clock[0x35]]); // 64 KiB each, from 16 MiB on
        Assert.Equal([0x00, 0x40, 0x01], [_clock[0x5B], _clock[0x5C], _clock[0x5D]]); // 64 KiB each, from 4 GiB on
    }

    [Fact]
    public void MemorySize_Small_IsExact()
    {
        _clock.Clock.SetMemorySize(8UL << 20, 0);

        Assert.Equal([0x00, 0x1C], [_clock[0x17], _clock[0x18]]);
        Assert.Equal([0x00, 0x00], [_clock[0x34], _clock[0x35]]);
    }

    [Fact]
    public void Index_Bit7_MasksTheNmi()
    {
        _clock.Bench.WritePort(0x70, 0x8F);
        Assert.True(_clock.Clock.IsNmiMasked);
        _clock.Bench.WritePort(0x71, 0x42);

        Assert.Equal(0x42, _clock[0x0F]);
        Assert.False(_clock.Clock.IsNmiMasked);
    }

    [Fact]
    public void Index_Read_IsNotThere() => Assert.Equal(0xFFUL, _clock.Bench.ReadPort(0x70));

    [Fact]
    public void Access_OfTwoBytes_IsIndexAndByte()
    {
        _clock.Bench.WritePort(0x70, 0x7740, 2);

        Assert.Equal(0x77, _clock[0x40]);
    }

    [Fact]
    public void Attach_Description_IsThatOfAPc()
    {
        Assert.Equal([new DeviceWindow(BusSpace.Ports, 0x70, 2)], _clock.Bench.Description.Windows);
        Assert.Equal([new DeviceLine(8, InterruptSense.Edge)], _clock.Bench.Description.Lines);
        Assert.Equal("PNP0B00", _clock.Bench.Acpi!.HardwareId);
    }

    [Fact]
    public void SaveState_LoadedIntoAnother_GoesOnWhereItWas()
    {
        _clock[11] = 0x82;
        _clock.Time = [0x10, 0x20, 0x03, 0x02, 0x15, 0x06, 0x30, 0x20];
        _clock[11] = 0x12;
        _clock[0x40] = 0x99;
        _clock.Advance(1);
        _clock.Bench.WritePort(0x70, 0xC0);
        var other = new ClockBench(new CmosClock { TimeProvider = _clock.Bench.Time });

        other.Clock.LoadState(_clock.Clock.SaveState());

        Assert.True(other.Interrupt.IsAsserted);
        Assert.True(other.Clock.IsNmiMasked);
        Assert.Equal(0x99UL, other.Bench.ReadPort(0x71));
        Assert.Equal([0x11, 0x20, 0x03, 0x02, 0x15, 0x06, 0x30, 0x20], other.Time);
        Assert.Equal(0x90, other[12] & 0x90);
        _clock.Advance(1);
        Assert.True(other.Interrupt.IsAsserted);
    }

    public static TheoryData<CmosClockState, string> BadStates => new()
    {
        { new CmosClockState { Memory = new byte[127] }, "Memory" },
        { new CmosClockState { Memory = null! }, "Memory" },
        { new CmosClockState { Index = 128 }, "Index" },
        { new CmosClockState { Flags = 0x80 }, "Flags" },
        { new CmosClockState { Offset = TimeSpan.MaxValue }, "Offset" },
        { new CmosClockState { DayOfWeekOffset = 7 }, "DayOfWeekOffset" },
    };

    [Theory]
    [MemberData(nameof(BadStates))]
    public void LoadState_Impossible_IsRefusedByField(CmosClockState state, string field)
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() => _clock.Clock.LoadState(state));

        Assert.StartsWith(field, error.Message, StringComparison.Ordinal);
    }
}
