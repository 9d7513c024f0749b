namespace HvSdk.Devices.Emulated.Tests.Serial;

/// <summary>The registers of the PL011, one by one (Arm DDI 0183G, chapter 3).</summary>
public sealed class Pl011RegistersTests
{
    [Fact]
    public void Reset_EveryRegister_HasTheManualsValue()
    {
        using var uart = new Pl011Bench(Pl011Bench.Make(startsEnabled: false));

        Assert.Equal(0x0300u, uart.Cr);
        Assert.Equal(0x12u, uart.Ifls);
        Assert.Equal(0x90u, uart.Fr & 0xF8);
        Assert.All([0x004UL, 0x020UL, 0x024UL, 0x028UL, 0x02CUL, 0x038UL, 0x03CUL, 0x040UL, 0x048UL, 0x080UL, 0xF00UL], register => Assert.Equal(0u, uart.Read(register)));
    }

    [Theory]
    [InlineData(32, 0x34)]
    [InlineData(16, 0x24)]
    public void Identification_Read_IsThePrimeCells(int fifoSize, uint revision)
    {
        using var uart = new Pl011Bench(Pl011Bench.Make(fifoSize: fifoSize));
        uint[] expected = [0x11, 0x10, revision, 0x00, 0x0D, 0xF0, 0x05, 0xB1];

        for (int i = 0; i < expected.Length; i++)
        {
            Assert.Equal(expected[i], uart.Read(0xFE0 + (4 * (ulong)i)));
        }
    }

    [Fact]
    public void FifoSize_NoPl011HasIt_IsRefused()
    {
        ArgumentOutOfRangeException error = Assert.Throws<ArgumentOutOfRangeException>(() => Pl011Bench.Make(fifoSize: 64));

        Assert.Contains("64", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Attach_ToASlot_DescribesItselfAsTheTreesBindingWants()
    {
        using var uart = new Pl011Bench();
        DeviceDescription description = uart.Bench.Description;

        Assert.Equal(["arm,pl011", "arm,primecell"], description.DeviceTree!.Compatible);
        Assert.Equal([new DeviceTreeClock("uartclk", 24_000_000), new DeviceTreeClock("apb_pclk", 24_000_000)], description.DeviceTree.Clocks);
        Assert.Equal(new DeviceWindow(BusSpace.Mmio, Pl011Bench.Base, 0x1000), Assert.Single(description.Windows));
        Assert.Equal(new DeviceLine(1, InterruptSense.Level), Assert.Single(description.Lines));
    }

    [Fact]
    public void Attach_WithoutAPlace_TakesAnyAndSaysWhich()
    {
        using var serial = new SerialPortPl011();
        var bench = new HvSdk.Testing.DeviceBench();

        bench.Attach(serial);

        Assert.Equal(Assert.Single(bench.Description.Windows).Address, serial.Address);
        Assert.Equal(Assert.Single(bench.Description.Lines).Number, serial.InterruptLine);
    }

    [Theory]
    [InlineData(0x020, 0xFF)]
    [InlineData(0x024, 0xFFFF)]
    [InlineData(0x028, 0x3F)]
    [InlineData(0x02C, 0xFF)]
    [InlineData(0x030, 0xFF87)]
    [InlineData(0x034, 0x3F)]
    [InlineData(0x038, 0x7FF)]
    [InlineData(0x048, 0x07)]
    public void Register_AllOnesWritten_KeepsTheBitsThatExist(ulong register, uint bits)
    {
        using var uart = new Pl011Bench();

        uart.Write(register, 0xFFFF_FFFF);
        Assert.Equal(bits, uart.Read(register));

        uart.Write(register, 0);
        Assert.Equal(0u, uart.Read(register));
    }

    [Fact]
    public void Access_OfOtherSizes_ReachesTheSameRegister()
    {
        using var uart = new Pl011Bench();
        uart.Write(0x024, 0x1234, size: 2);

        Assert.Equal(0x34u, uart.Read(0x024, size: 1));
        Assert.Equal(0x12u, uart.Read(0x025, size: 1));
        Assert.Equal(0x1234u, uart.Read(0x024, size: 2));
        uart.Bench.WriteMmio(Pl011Bench.Base + 0x024, 0x0000_0005_0000_0021, size: 8);
        Assert.Equal(0x0000_0005_0000_0021UL, uart.Bench.ReadMmio(Pl011Bench.Base + 0x024, size: 8));
        uart.Write(0x025, 0xFF, size: 1); // no register begins there
        Assert.Equal(0x21u, uart.Ibrd);
    }

    [Fact]
    public async Task Loopback_Character_ComesBackAndNotToTheHost()
    {
        using var uart = new Pl011Bench();
        uart.Cr = 0x0381;
        uart.Data = 'x';

        Assert.Equal(0u, uart.Fr & Pl011Bench.ReceiverEmpty);
        Assert.Equal('x', (char)uart.Data);
        uart.Cr = 0x0301;
        uart.Data = 'y';
        Assert.Equal("y"u8.ToArray(), await uart.TakeAsync(1));
    }

    [Fact]
    public void Loopback_ModemOutputs_AreTheInputs()
    {
        using var uart = new Pl011Bench();
        Assert.Equal(0x007u, uart.Fr & 0x107);

        uart.Cr = 0x0381;
        Assert.Equal(0x000u, uart.Fr & 0x107);
        Assert.Equal(0x00Eu, uart.Ris & 0x00F);
        uart.Icr = 0x7FF;
        uart.Cr = 0x3F81;

        Assert.Equal(0x107u, uart.Fr & 0x107);
        Assert.Equal(0x00Fu, uart.Ris & 0x00F);
        Assert.False(uart.Serial.DataTerminalReady);
    }

    [Fact]
    public void Loopback_FullReceiver_OverrunsAndKeepsTheOlder()
    {
        using var uart = new Pl011Bench();
        uart.Cr = 0x0381;
        for (uint i = 0; i < 33; i++)
        {
            uart.Data = i;
        }

        Assert.Equal(Pl011Bench.ReceiverFull, uart.Fr & Pl011Bench.ReceiverFull);
        Assert.Equal(0x400u, uart.Ris & 0x400);
        Assert.Equal(0x8u, uart.Rsr);
        Assert.Equal(0x800u, uart.Data);
        Assert.Equal(1u, uart.Data);
        uart.Rsr = 0;
        Assert.Equal(0u, uart.Rsr);
    }

    [Fact]
    public async Task FifoDisable_ReceivedCharacters_AreFlushed()
    {
        using var uart = new Pl011Bench();
        await uart.SendAsync([.. Enumerable.Range(0, 40).Select(static i => (byte)i)]);
        Assert.Equal(Pl011Bench.ReceiverFull, uart.Fr & Pl011Bench.ReceiverFull);

        uart.LcrH = 0x60;

        Assert.Equal(32u, uart.Data);
        Assert.Equal(Pl011Bench.ReceiverFull, uart.Fr & Pl011Bench.ReceiverFull); // one character is full
    }

    [Fact]
    public async Task SendBreak_BeforeOthers_IsACharacterWithTheError()
    {
        using var uart = new Pl011Bench();
        uart.Serial.SendBreak();
        await uart.SendAsync((byte)'a');

        Assert.Equal(0x200u, uart.Ris & 0x780);
        Assert.Equal(0x400u, uart.Data);
        Assert.Equal(0x4u, uart.Rsr);
        Assert.Equal('a', (char)uart.Data);
        Assert.Equal(0u, uart.Rsr);
    }

    [Fact]
    public void Outputs_ChangedByTheGuest_AreSeenByTheHost()
    {
        using var uart = new Pl011Bench();
        int changes = 0;
        uart.Serial.OutputsChanged += (_, _) => changes++;

        uart.Cr = 0x0F01;
        Assert.True(uart.Serial.DataTerminalReady);
        Assert.True(uart.Serial.RequestToSend);
        uart.LcrH = 0x71;
        Assert.True(uart.Serial.IsBreaking);
        uart.LcrH = 0x71;

        Assert.Equal(2, changes);
    }
}
