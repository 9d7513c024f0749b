using HvSdk.Devices.Emulated.Tests.Streams;

namespace HvSdk.Devices.Emulated.Tests.Serial;

/// <summary>The one interrupt of the 16550A, its sources and their order (National PC16550D data sheet, 8.6, 8.7, 8.11 and table IV).</summary>
public sealed class SerialInterruptTests : IDisposable
{
    private const byte Out2 = 0x08;

    private readonly SerialBench _uart = new();

    public SerialInterruptTests()
    {
        _uart.Mcr = Out2;
    }

    public void Dispose() => _uart.Dispose();

    [Fact]
    public async Task ReceivedData_WithoutFifo_InterruptsUntilItIsRead()
    {
        _uart.Ier = 0x01;
        await _uart.SendAsync(1);

        Assert.True(_uart.Interrupt.IsAsserted);
        Assert.Equal(0x04, _uart.Iir);
        Assert.Equal(1, _uart.Data);
        Assert.False(_uart.Interrupt.IsAsserted);
        Assert.Equal(0x01, _uart.Iir);
    }

    [Theory]
    [InlineData(0x01, 1)]
    [InlineData(0x41, 4)]
    [InlineData(0x81, 8)]
    [InlineData(0xC1, 14)]
    public async Task ReceivedData_WithFifo_InterruptsAtTheTriggerLevel(byte fifoControl, int level)
    {
        _uart.Fcr = fifoControl;
        _uart.Ier = 0x01;
        await _uart.SendAsync(new byte[level - 1]);
        Assert.False(_uart.Interrupt.IsAsserted);

        await _uart.SendAsync(9);

        Assert.True(_uart.Interrupt.IsAsserted);
        Assert.Equal(0xC4, _uart.Iir);
        _ = _uart.Data;
        Assert.False(_uart.Interrupt.IsAsserted);
    }

    [Fact]
    public async Task CharacterTimeout_AfterFourCharactersOfSilence_Interrupts()
    {
        // 9600 baud 8N1: four characters of 10 bits take 4.17 ms.
        _uart.Lcr = 0x03;
        _uart.Fcr = 0x81;
        _uart.Ier = 0x01;
        await _uart.SendAsync(1, 2);
        _uart.Bench.Time.Advance(TimeSpan.FromMilliseconds(4));
        Assert.False(_uart.Interrupt.IsAsserted);

        _uart.Bench.Time.Advance(TimeSpan.FromMilliseconds(1));

        Assert.True(_uart.Interrupt.IsAsserted);
        Assert.Equal(0xCC, _uart.Iir);
        Assert.Equal(1, _uart.Data);
        Assert.False(_uart.Interrupt.IsAsserted);
        _uart.Bench.Time.Advance(TimeSpan.FromMilliseconds(5));
        Assert.Equal(0xCC, _uart.Iir);
        Assert.Equal(2, _uart.Data);
        _uart.Bench.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(0xC1, _uart.Iir);
        Assert.Equal(0, _uart.Bench.Time.ActiveTimers);
    }

    [Fact]
    public async Task CharacterTimeout_ANewCharacter_StartsItAgain()
    {
        _uart.Lcr = 0x03;
        _uart.Fcr = 0x81;
        _uart.Ier = 0x01;
        await _uart.SendAsync(1);
        _uart.Bench.Time.Advance(TimeSpan.FromMilliseconds(3));
        await _uart.SendAsync(2);

        _uart.Bench.Time.Advance(TimeSpan.FromMilliseconds(3));
        Assert.False(_uart.Interrupt.IsAsserted);
        _uart.Bench.Time.Advance(TimeSpan.FromMilliseconds(3));

        Assert.True(_uart.Interrupt.IsAsserted);
    }

    [Fact]
    public void TransmitterEmpty_Enabled_InterruptsAtOnceUntilIirIsRead()
    {
        _uart.Ier = 0x02;

        Assert.True(_uart.Interrupt.IsAsserted);
        Assert.Equal(0x02, _uart.Iir);
        Assert.False(_uart.Interrupt.IsAsserted);
        Assert.Equal(0x01, _uart.Iir);
    }

    [Fact]
    public void TransmitterEmpty_WithoutFifo_IsANewEdgeForEachByte()
    {
        _uart.Ier = 0x02;
        Assert.Equal(1, _uart.Interrupt.Edges);

        _uart.Data = 1;
        _uart.Data = 2;

        Assert.Equal(3, _uart.Interrupt.Edges);
        Assert.True(_uart.Interrupt.IsAsserted);
    }

    [Fact]
    public void TransmitterEmpty_WithFifo_IsOneEdgeForSixteenBytes()
    {
        _uart.Fcr = 0x01;
        _uart.Ier = 0x02;
        Assert.Equal(0xC2, _uart.Iir);

        for (byte i = 0; i < 16; i++)
        {
            _uart.Data = i;
        }

        Assert.Equal(2, _uart.Interrupt.Edges);
        Assert.Equal(0x60, _uart.Lsr);
        Assert.Equal(0xC2, _uart.Iir);
    }

    [Fact]
    public void TransmitterEmpty_FewBytesAndAnotherAccess_IsPending()
    {
        _uart.Fcr = 0x01;
        _uart.Ier = 0x02;
        Assert.Equal(0xC2, _uart.Iir);

        _uart.Data = 1;

        Assert.Equal(0xC2, _uart.Iir);
        Assert.Equal(0xC1, _uart.Iir);
    }

    [Fact]
    public void TransmitterEmpty_FewBytesAndNoFurtherAccess_InterruptsByItself()
    {
        _uart.Fcr = 0x01;
        _uart.Ier = 0x02;
        Assert.Equal(0xC2, _uart.Iir);

        _uart.Data = 1;

        Waits.Until(() => _uart.Interrupt.IsAsserted, "the transmitter interrupts after a single byte");
    }

    [Fact]
    public void LineStatus_Error_InterruptsUntilLsrIsRead()
    {
        _uart.Ier = 0x04;
        _uart.Serial.SendBreak();

        Assert.True(_uart.Interrupt.IsAsserted);
        Assert.Equal(0x06, _uart.Iir);
        Assert.Equal(0x71, _uart.Lsr);
        Assert.False(_uart.Interrupt.IsAsserted);
    }

    [Fact]
    public void ModemStatus_Change_InterruptsUntilMsrIsRead()
    {
        _uart.Ier = 0x08;
        _uart.Serial.ClearToSend = false;

        Assert.True(_uart.Interrupt.IsAsserted);
        Assert.Equal(0x00, _uart.Iir);
        _ = _uart.Msr;
        Assert.False(_uart.Interrupt.IsAsserted);
    }

    [Fact]
    public void Identification_AllAtOnce_FollowsThePriorities()
    {
        _uart.Ier = 0x0F;
        _uart.Serial.SendBreak();
        _uart.Serial.ClearToSend = false;

        Assert.Equal(0x06, _uart.Iir);
        _ = _uart.Lsr;
        Assert.Equal(0x04, _uart.Iir);
        _ = _uart.Data;
        Assert.Equal(0x02, _uart.Iir);
        Assert.Equal(0x00, _uart.Iir);
        _ = _uart.Msr;
        Assert.Equal(0x01, _uart.Iir);
        Assert.False(_uart.Interrupt.IsAsserted);
    }

    [Fact]
    public void Out2_Cleared_HoldsTheInterruptBack()
    {
        _uart.Mcr = 0;
        _uart.Ier = 0x02;
        Assert.False(_uart.Interrupt.IsAsserted);

        _uart.Mcr = Out2;

        Assert.True(_uart.Interrupt.IsAsserted);
    }

    [Fact]
    public void Loopback_Out2Pin_IsInactive()
    {
        _uart.Ier = 0x02;
        _uart.Mcr = Out2 | 0x10;

        Assert.False(_uart.Interrupt.IsAsserted);
        Assert.Equal(0x02, _uart.Iir);
    }

    [Fact]
    public void Interrupt_SetLate_GetsThePresentLevel()
    {
        using var serial = new SerialPort16550A();
        serial.Write(4, [Out2]);
        serial.Write(1, [0x02]);
        var line = new HvSdk.Testing.RecordingLine();

        serial.Interrupt = line;

        Assert.True(line.IsAsserted);
    }
}
