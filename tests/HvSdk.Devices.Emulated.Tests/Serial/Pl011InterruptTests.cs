namespace HvSdk.Devices.Emulated.Tests.Serial;

/// <summary>The interrupts of the PL011 (Arm DDI 0183G, 3.4).</summary>
public sealed class Pl011InterruptTests : IDisposable
{
    private readonly Pl011Bench _uart = new();

    public void Dispose() => _uart.Dispose();

    [Theory]
    [InlineData(32, 0, 4)]
    [InlineData(32, 1, 8)]
    [InlineData(32, 2, 16)]
    [InlineData(32, 3, 24)]
    [InlineData(32, 4, 28)]
    [InlineData(16, 0, 2)]
    [InlineData(16, 4, 14)]
    public async Task Receive_AtEachLevel_InterruptsUntilReadBelowIt(int fifoSize, uint selection, int level)
    {
        using var uart = new Pl011Bench(Pl011Bench.Make(fifoSize: fifoSize));
        uart.Ifls = selection << 3;
        uart.Imsc = Pl011Bench.ReceiveInterrupt;
        await uart.SendAsync(new byte[level - 1]);
        Assert.False(uart.Interrupt.IsAsserted);

        await uart.SendAsync(9);

        Assert.True(uart.Interrupt.IsAsserted);
        Assert.Equal(Pl011Bench.ReceiveInterrupt, uart.Mis);
        _ = uart.Data;
        Assert.False(uart.Interrupt.IsAsserted);
    }

    [Fact]
    public async Task Receive_WithoutFifos_InterruptsAtEachCharacter()
    {
        _uart.LcrH = 0x60;
        _uart.Imsc = Pl011Bench.ReceiveInterrupt;
        await _uart.SendAsync(1, 2);

        Assert.Equal(1u, _uart.Data);
        Assert.True(_uart.Interrupt.IsAsserted);
        Assert.Equal(2u, _uart.Data);
        Assert.False(_uart.Interrupt.IsAsserted);
    }

    [Fact]
    public async Task Receive_ClearedWhileMoreWaits_ComesAgainAfterReadingBelow()
    {
        _uart.Imsc = Pl011Bench.ReceiveInterrupt;
        await _uart.SendAsync(new byte[64]);
        _uart.Icr = Pl011Bench.ReceiveInterrupt;
        Assert.False(_uart.Interrupt.IsAsserted);

        for (int i = 0; i < 64; i++)
        {
            _ = _uart.Data;
        }

        await _uart.SendAsync(new byte[16]);
        Assert.True(_uart.Interrupt.IsAsserted);
    }

    [Fact]
    public async Task Timeout_After32BitsOfSilence_InterruptsUntilEmpty()
    {
        // 300 baud: 24 MHz / (16 * 5000). 32 bits take 106.7 ms.
        _uart.Ibrd = 5000;
        _uart.Fbrd = 0;
        _uart.LcrH = 0x70;
        _uart.Imsc = Pl011Bench.TimeoutInterrupt;
        await _uart.SendAsync(1, 2);
        _uart.Bench.Time.Advance(TimeSpan.FromMilliseconds(106));
        Assert.False(_uart.Interrupt.IsAsserted);

        _uart.Bench.Time.Advance(TimeSpan.FromMilliseconds(1));

        Assert.True(_uart.Interrupt.IsAsserted);
        Assert.Equal(Pl011Bench.TimeoutInterrupt, _uart.Mis);
        Assert.Equal(1u, _uart.Data);
        Assert.True(_uart.Interrupt.IsAsserted);
        Assert.Equal(2u, _uart.Data);
        Assert.False(_uart.Interrupt.IsAsserted);
        Assert.Equal(0, _uart.Bench.Time.ActiveTimers);
    }

    [Fact]
    public async Task Timeout_DivisorWrittenWithoutLineControl_IsNotInForce()
    {
        _uart.Ibrd = 0xFFFF;
        _uart.Imsc = Pl011Bench.TimeoutInterrupt;
        await _uart.SendAsync(1);

        _uart.Bench.Time.Advance(TimeSpan.FromMilliseconds(1)); // 115200 baud still: 32 bits take 0.28 ms

        Assert.True(_uart.Interrupt.IsAsserted);
    }

    [Fact]
    public async Task Timeout_Cleared_ComesAgainWhileCharactersWait()
    {
        _uart.Imsc = Pl011Bench.TimeoutInterrupt;
        await _uart.SendAsync(1);
        _uart.Bench.Time.Advance(TimeSpan.FromMilliseconds(1));
        _uart.Icr = 0x7FF;
        Assert.False(_uart.Interrupt.IsAsserted);

        _uart.Bench.Time.Advance(TimeSpan.FromMilliseconds(1));

        Assert.True(_uart.Interrupt.IsAsserted);
    }

    [Fact]
    public void Transmit_EnabledBeforeAnythingIsWritten_DoesNotInterrupt()
    {
        _uart.Imsc = Pl011Bench.TransmitInterrupt;

        Assert.False(_uart.Interrupt.IsAsserted);
        Assert.Equal(0u, _uart.Ris);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(16)]
    [InlineData(32)]
    public void Transmit_CharactersHaveLeft_InterruptsUntilCleared(int count)
    {
        _uart.Imsc = Pl011Bench.TransmitInterrupt;
        for (int i = 0; i < count; i++)
        {
            _uart.Data = 'a';
        }

        Waits.Until(() => _uart.Interrupt.IsAsserted, "the transmitter interrupts");
        Assert.Equal(Pl011Bench.TransmitInterrupt, _uart.Mis);
        _uart.Icr = Pl011Bench.TransmitInterrupt;
        Assert.False(_uart.Interrupt.IsAsserted);
        Assert.Equal(0u, _uart.Ris);
    }

    [Fact]
    public void Transmit_WrittenAboveTheLevel_EndsTheInterrupt()
    {
        _uart.Cr = 0x0001; // the transmitter is off: what is written stays
        _uart.Ifls = 0;
        for (int i = 0; i < 5; i++)
        {
            _uart.Data = 'a';
        }

        Assert.Equal(0u, _uart.Ris);
        _uart.Ifls = 1; // eight are the level now, and the five are not above it
        Assert.Equal(Pl011Bench.TransmitInterrupt, _uart.Ris);
        for (int i = 0; i < 4; i++)
        {
            _uart.Data = 'a';
        }

        Assert.Equal(0u, _uart.Ris);
    }

    [Fact]
    public void Modem_EachPin_InterruptsAtBothEdges()
    {
        _uart.Imsc = 0x00F;
        _uart.Serial.CarrierDetect = false;
        Assert.Equal(0x4u, _uart.Mis);
        _uart.Icr = 0x4;
        Assert.False(_uart.Interrupt.IsAsserted);
        _uart.Serial.CarrierDetect = true;
        _uart.Serial.RingIndicator = true;
        _uart.Serial.DataSetReady = false;
        _uart.Serial.ClearToSend = false;

        Assert.Equal(0xFu, _uart.Mis);
        Assert.Equal(0x104u, _uart.Fr & 0x107);
    }

    [Fact]
    public void Mask_Changed_MovesTheLine()
    {
        _uart.Serial.SendBreak();
        Assert.False(_uart.Interrupt.IsAsserted);

        _uart.Imsc = 0x200;
        Assert.True(_uart.Interrupt.IsAsserted);
        _uart.Imsc = 0;
        Assert.False(_uart.Interrupt.IsAsserted);
        Assert.Equal(0x200u, _uart.Ris);
    }
}
