using HvSdk.Testing;

namespace HvSdk.Devices.Emulated.Tests.Serial;

/// <summary>Registers of the 16550A one by one (National PC16550D data sheet, June 1995; section numbers in the names of the regions are its own).</summary>
public sealed class SerialRegistersTests : IDisposable
{
    private readonly SerialBench _uart = new();

    public void Dispose() => _uart.Dispose();

    [Fact]
    public void Reset_Registers_AreThoseOfTable1()
    {
        Assert.Equal(0x00, _uart.Ier);
        Assert.Equal(0x01, _uart.Iir);
        Assert.Equal(0x00, _uart.Lcr);
        Assert.Equal(0x00, _uart.Mcr);
        Assert.Equal(0x60, _uart.Lsr);
        Assert.Equal(0xB0, _uart.Msr);
    }

    [Fact]
    public void Scratch_Written_ReadsBack()
    {
        _uart.Scr = 0xA5;

        Assert.Equal(0xA5, _uart.Scr);
    }

    [Fact]
    public void InterruptEnable_UpperBits_ReadZero()
    {
        _uart.Ier = 0xFF;

        Assert.Equal(0x0F, _uart.Ier);
    }

    [Fact]
    public void ModemControl_UpperBits_ReadZero()
    {
        _uart.Mcr = 0xFF;

        Assert.Equal(0x1F, _uart.Mcr);
    }

    [Fact]
    public void LineControl_WithDlab_ShowsTheDivisor()
    {
        _uart.Ier = 0x05;
        _uart.Lcr = 0x83;
        _uart.Data = 0x34;
        _uart.Ier = 0x12;

        Assert.Equal(0x34, _uart.Data);
        Assert.Equal(0x12, _uart.Ier);
        _uart.Lcr = 0x03;
        Assert.Equal(0x05, _uart.Ier);
        Assert.Equal(0, _uart.Serial.DiscardedBytes);
    }

    [Fact]
    public void FifoControl_Enabled_ShowsInIir()
    {
        _uart.Fcr = 0x01;

        Assert.Equal(0xC1, _uart.Iir);
    }

    [Fact]
    public void FifoControl_OtherBitsWithoutEnable_AreNotProgrammed()
    {
        _uart.Fcr = 0xC0;
        Assert.Equal(0x01, _uart.Iir);

        _uart.Fcr = 0x01;
        _uart.Ier = 0x01;
        _uart.Mcr = 0x08;

        Assert.Equal(0, _uart.Serial.SaveState().FifoControl & 0xC0);
    }

    [Fact]
    public async Task FifoControl_ReceiverReset_DropsWhatWasReceived()
    {
        _uart.Fcr = 0x01;
        await _uart.SendAsync(1, 2, 3);
        Assert.Equal(0x61, _uart.Lsr);

        _uart.Fcr = 0x03;

        Assert.Equal(0x60, _uart.Lsr);
    }

    [Fact]
    public async Task FifoControl_ChangeOfMode_DropsWhatWasReceived()
    {
        _uart.Fcr = 0x01;
        await _uart.SendAsync(1, 2, 3);

        _uart.Fcr = 0x00;

        Assert.Equal(0x60, _uart.Lsr);
    }

    [Fact]
    public async Task LineStatus_AfterAByteCame_HasDataReadyUntilItIsRead()
    {
        await _uart.SendAsync((byte)'x');

        Assert.Equal(0x61, _uart.Lsr);
        Assert.Equal((byte)'x', _uart.Data);
        Assert.Equal(0x60, _uart.Lsr);
    }

    [Fact]
    public void ReceiverBuffer_Empty_GivesTheLastAgain()
    {
        _uart.Mcr = 0x10;
        _uart.Data = 0x41;

        Assert.Equal(0x41, _uart.Data);
        Assert.Equal(0x41, _uart.Data);
    }

    [Fact]
    public void Access_OfFourBytes_IsFourRegisters()
    {
        _uart.Bench.WritePort(0x3FC, 0x5A00_0003, 4);

        Assert.Equal(0x03, _uart.Mcr);
        Assert.Equal(0x5A, _uart.Scr);
        Assert.Equal(0x5AB0_6003UL, _uart.Bench.ReadPort(0x3FC, 4));
    }

    [Fact]
    public void LineControl_Break_IsSeenByTheHost()
    {
        int changes = 0;
        _uart.Serial.OutputsChanged += (_, _) => changes++;

        _uart.Lcr = 0x43;
        Assert.True(_uart.Serial.IsBreaking);
        _uart.Lcr = 0x03;

        Assert.False(_uart.Serial.IsBreaking);
        Assert.Equal(2, changes);
    }

    [Fact]
    public void ModemControl_DtrAndRts_AreSeenByTheHost()
    {
        int changes = 0;
        _uart.Serial.OutputsChanged += (_, _) => changes++;

        _uart.Mcr = 0x03;

        Assert.True(_uart.Serial.DataTerminalReady);
        Assert.True(_uart.Serial.RequestToSend);
        Assert.Equal(1, changes);
    }

    [Fact]
    public void ModemStatus_ChangesOfCtsDsrDcd_AreDeltasUntilItIsRead()
    {
        _uart.Serial.ClearToSend = false;
        _uart.Serial.DataSetReady = false;
        _uart.Serial.CarrierDetect = false;

        Assert.Equal(0x0B, _uart.Msr);
        Assert.Equal(0x00, _uart.Msr);
        _uart.Serial.ClearToSend = true;
        Assert.Equal(0x11, _uart.Msr);
    }

    [Fact]
    public void ModemStatus_Ring_CountsWhenItEnds()
    {
        _uart.Serial.RingIndicator = true;
        Assert.Equal(0xF0, _uart.Msr);

        _uart.Serial.RingIndicator = false;

        Assert.Equal(0xB4, _uart.Msr);
    }

    [Fact]
    public void Loopback_OutputLines_AreLedToTheInputs()
    {
        _uart.Mcr = 0x1F;
        Assert.Equal(0xF0, _uart.Msr & 0xF0);

        _uart.Mcr = 0x11;
        Assert.Equal(0x20, _uart.Msr & 0xF0); // DTR to DSR
        _uart.Mcr = 0x12;
        Assert.Equal(0x10, _uart.Msr & 0xF0); // RTS to CTS
        _uart.Mcr = 0x14;
        Assert.Equal(0x40, _uart.Msr & 0xF0); // OUT1 to RI
        _uart.Mcr = 0x18;
        Assert.Equal(0x80, _uart.Msr & 0xF0); // OUT2 to DCD
        Assert.False(_uart.Serial.DataTerminalReady);
    }

    [Fact]
    public void Loopback_ByteWritten_IsReceivedAndDoesNotReachTheHost()
    {
        _uart.Mcr = 0x10;
        _uart.Data = 0x55;

        Assert.Equal(0x61, _uart.Lsr);
        Assert.Equal(0x55, _uart.Data);
        _uart.Mcr = 0;
        Assert.False(_uart.Serial.Pipe.Input.TryRead(out _));
    }

    [Fact]
    public async Task Loopback_BytesOfTheHost_WaitUntilItEnds()
    {
        _uart.Mcr = 0x10;
        await _uart.SendAsync(7);
        Assert.Equal(0x60, _uart.Lsr);

        _uart.Mcr = 0;

        Assert.Equal(0x61, _uart.Lsr);
        Assert.Equal(7, _uart.Data);
    }

    [Fact]
    public void LineStatus_OverrunWithoutFifo_KeepsTheLast()
    {
        _uart.Mcr = 0x10;
        _uart.Data = 1;
        _uart.Data = 2;

        Assert.Equal(0x63, _uart.Lsr);
        Assert.Equal(0x61, _uart.Lsr);
        Assert.Equal(2, _uart.Data);
    }

    [Fact]
    public void LineStatus_OverrunOfTheFifo_KeepsTheFirst16()
    {
        _uart.Fcr = 0x01;
        _uart.Mcr = 0x10;
        for (byte i = 0; i < 17; i++)
        {
            _uart.Data = i;
        }

        Assert.Equal(0x63, _uart.Lsr);
        for (byte i = 0; i < 16; i++)
        {
            Assert.Equal(i, _uart.Data);
        }

        Assert.Equal(0x60, _uart.Lsr);
    }

    [Fact]
    public async Task LineStatus_Break_ShowsWhenItsCharacterIsAtTheTop()
    {
        _uart.Fcr = 0x01;
        await _uart.SendAsync((byte)'a');
        _uart.Serial.SendBreak();

        Assert.Equal(0xE1, _uart.Lsr); // an error somewhere in the FIFO
        Assert.Equal((byte)'a', _uart.Data);
        Assert.Equal(0xF1, _uart.Lsr);
        Assert.Equal(0x61, _uart.Lsr);
        Assert.Equal(0, _uart.Data);
        Assert.Equal(0x60, _uart.Lsr);
    }

    [Fact]
    public void Attach_Description_IsThatOfCom1()
    {
        var bench = new DeviceBench();
        using var serial = new SerialPort16550A { Port = 0x2F8, InterruptLine = 3 };

        bench.Attach(serial);

        Assert.Equal(new DeviceWindow(BusSpace.Ports, 0x2F8, 8), Assert.Single(bench.Description.Windows));
        Assert.Equal(new DeviceLine(3, InterruptSense.Edge), Assert.Single(bench.Description.Lines));
        Assert.Equal("PNP0501", bench.Acpi!.HardwareId);
        Assert.Equal(2, bench.Acpi.UniqueId);
        Assert.Equal(["ns16550a"], bench.DeviceTree!.Compatible);
    }
}
