namespace HvSdk.Devices.Emulated.Tests;

/// <summary>The six modes of the 8254, on counter 2, whose gate and output are at port 0x61 (Intel 8254 data sheet, "Mode Definitions").</summary>
public sealed class CounterModeTests
{
    private readonly TimerBench _bench = new();

    public CounterModeTests()
    {
        _bench.Gate2(true);
    }

    [Fact]
    public void Mode0_UntilTheCountHasExpired_OutIsLow()
    {
        _bench.Program(2, 0, 4);

        Assert.Equal(".....HHH", _bench.Wave(8)); // N + 1 ticks after the write
    }

    [Fact]
    public void Mode0_AfterTheEnd_GoesOnCounting()
    {
        _bench.Program(2, 0, 4);
        _bench.Tick(7);

        Assert.Equal(0xFFFE, _bench.Read(2));
    }

    [Fact]
    public void Mode0_GateLow_HoldsTheCount()
    {
        _bench.Program(2, 0, 10);
        _bench.Tick(4);
        _bench.Gate2(false);
        _bench.Tick(100);
        Assert.Equal(7, _bench.Read(2));

        _bench.Gate2(true);

        Assert.Equal(".......HH", _bench.Wave(9));
    }

    [Fact]
    public void Mode0_CountWrittenWithGateLow_IsLoaded()
    {
        _bench.Gate2(false);
        _bench.Program(2, 0, 3);
        _bench.Tick(50);
        Assert.Equal(3, _bench.Read(2));

        _bench.Gate2(true);

        Assert.Equal("...HH", _bench.Wave(5)); // N ticks: it is loaded already
    }

    [Fact]
    public void Mode0_FirstByteOfNewCount_StopsTheOldOne()
    {
        _bench.Program(2, 0, 4);
        _bench.Tick(3);
        _bench.Write(2, 2);
        _bench.Tick(50);
        Assert.False(_bench.Output2);

        _bench.Write(2, 0);

        Assert.Equal("...HH", _bench.Wave(5));
    }

    [Fact]
    public void Mode1_RisingGate_MakesOnePulse()
    {
        _bench.Gate2(false);
        _bench.Program(2, 1, 3);
        Assert.Equal("HHH", _bench.Wave(3));

        _bench.Gate2(true);

        Assert.Equal("H...HHH", _bench.Wave(7));
    }

    [Fact]
    public void Mode1_RisingGateDuringThePulse_BeginsAnew()
    {
        _bench.Gate2(false);
        _bench.Program(2, 1, 4);
        _bench.Gate2(true);
        _bench.Tick(3);
        _bench.Gate2(false);

        _bench.Gate2(true);

        Assert.Equal(".....HH", _bench.Wave(7));
    }

    [Fact]
    public void Mode1_NewCount_WaitsForTheNextTrigger()
    {
        _bench.Gate2(false);
        _bench.Program(2, 1, 3);
        _bench.Gate2(true);
        _bench.Write(2, 5);
        _bench.Write(2, 0);
        _bench.Tick(1);
        _bench.Write(2, 2);
        _bench.Write(2, 0);

        Assert.Equal(".....HHHHH", _bench.Wave(10));
        Assert.Equal(0x40, _bench.Status(2) & 0x40);
    }

    [Fact]
    public void Mode2_LastTickOfEachCycle_OutIsLow()
    {
        _bench.Program(2, 2, 3);
        _bench.Tick();

        Assert.Equal("HH.HH.HH.", _bench.Wave(9));
    }

    [Fact]
    public void Mode2_EachCycle_CountsFromNTo1()
    {
        _bench.Program(2, 2, 3);
        _bench.Tick();

        for (int i = 0; i < 6; i++)
        {
            Assert.Equal(3 - (i % 3), _bench.Read(2));
            _bench.Tick();
        }
    }

    [Fact]
    public void Mode2_GateLowAndHighAgain_PutsOutHighAndReloads()
    {
        _bench.Program(2, 2, 3);
        _bench.Tick(3);
        Assert.False(_bench.Output2);
        _bench.Gate2(false);
        Assert.Equal("HHHH", _bench.Wave(4));

        _bench.Gate2(true);

        Assert.Equal("HHH.HH.", _bench.Wave(7));
    }

    [Fact]
    public void Mode2_NewCount_IsLoadedAtTheEndOfTheCycle()
    {
        _bench.Program(2, 2, 4);
        _bench.Tick(2);
        _bench.Write(2, 2);
        _bench.Write(2, 0);

        Assert.Equal("HH.H.H.", _bench.Wave(7));
    }

    [Fact]
    public void Mode3_EvenCount_IsSquare()
    {
        _bench.Program(2, 3, 4);
        _bench.Tick();

        Assert.Equal("HH..HH..", _bench.Wave(8));
    }

    [Fact]
    public void Mode3_OddCount_IsHighOneTickLonger()
    {
        _bench.Program(2, 3, 5);
        _bench.Tick();

        Assert.Equal("HHH..HHH..", _bench.Wave(10));
    }

    [Fact]
    public void Mode3_EachHalfCycle_CountsByTwo()
    {
        _bench.Program(2, 3, 5);
        _bench.Tick();

        int[] seen = new int[5];
        for (int i = 0; i < seen.Length; i++)
        {
            seen[i] = _bench.Read(2);
            _bench.Tick();
        }

        Assert.Equal([4, 2, 0, 4, 2], seen);
    }

    [Fact]
    public void Mode3_NewCount_IsLoadedAtTheEndOfTheHalfCycle()
    {
        _bench.Program(2, 3, 8);
        _bench.Tick(2);
        _bench.Write(2, 4);
        _bench.Write(2, 0);

        Assert.Equal("HHH..HH..", _bench.Wave(9));
    }

    [Fact]
    public void Mode3_GateLow_PutsOutHigh()
    {
        _bench.Program(2, 3, 4);
        _bench.Tick(3);
        Assert.False(_bench.Output2);

        _bench.Gate2(false);

        Assert.True(_bench.Output2);
    }

    [Fact]
    public void Mode4_Expired_StrobesForOneTick()
    {
        _bench.Program(2, 4, 3);

        Assert.Equal("HHHH.HHHH", _bench.Wave(9));
    }

    [Fact]
    public void Mode4_NewCount_BeginsAnew()
    {
        _bench.Program(2, 4, 3);
        _bench.Tick(3);
        _bench.Write(2, 2);
        _bench.Write(2, 0);

        Assert.Equal("HHH.HH", _bench.Wave(6));
    }

    [Fact]
    public void Mode5_RisingGate_StrobesAfterTheCount()
    {
        _bench.Gate2(false);
        _bench.Program(2, 5, 3);
        Assert.Equal("HHHHHH", _bench.Wave(6));

        _bench.Gate2(true);

        Assert.Equal("HHHH.HH", _bench.Wave(7));
    }

    [Fact]
    public void Modes6And7_AreModes2And3_AndReadBackAsWritten()
    {
        _bench.Program(2, 6, 3);
        _bench.Tick();
        Assert.Equal("HH.HH.", _bench.Wave(6));
        Assert.Equal(0x3C, _bench.Status(2) & 0x3F);

        _bench.Program(2, 7, 4);
        _bench.Tick();
        Assert.Equal("HH..HH..", _bench.Wave(8));
    }

    [Fact]
    public void Bcd_Programmed_CountsInDecimal()
    {
        _bench.Program(2, 0, 0x1000, bcd: true);
        _bench.Tick(2);

        Assert.Equal(0x0999, _bench.Read(2));
        _bench.Tick(1000);
        Assert.Equal(0x9999, _bench.Read(2));
    }

    [Fact]
    public void Bcd_Zero_Is10000()
    {
        _bench.Program(2, 2, 0, bcd: true);
        _bench.Tick(1);
        Assert.Equal(0, _bench.Read(2));

        _bench.Tick(1);

        Assert.Equal(0x9999, _bench.Read(2));
    }

    [Fact]
    public void Binary_Zero_Is65536()
    {
        _bench.Program(2, 2, 0);
        _bench.Tick(2);

        Assert.Equal(0xFFFF, _bench.Read(2));
        Assert.Equal(0x10000, _bench.Timer.SaveState().Counters[2].Reload);
    }
}
