namespace HvSdk.Devices.Emulated.Tests.Serial;

/// <summary>Saving and restoring a serial port.</summary>
public sealed class SerialStateTests
{
    [Fact]
    public async Task SaveState_LoadedIntoAnother_GoesOnWhereItWas()
    {
        using var uart = new SerialBench();
        uart.Lcr = 0x83;
        uart.Data = 1;
        uart.Ier = 0;
        uart.Lcr = 0x03;
        uart.Fcr = 0x81;
        uart.Mcr = 0x0B;
        uart.Scr = 0x77;
        uart.Ier = 0x05;
        uart.Serial.CarrierDetect = false;
        await uart.SendAsync([.. Enumerable.Range(1, 40).Select(static i => (byte)i)]);

        using var other = new SerialBench();
        other.Serial.LoadState(uart.Serial.SaveState());

        Assert.Equal(System.Text.Json.JsonSerializer.Serialize(uart.Serial.SaveState()), System.Text.Json.JsonSerializer.Serialize(other.Serial.SaveState()));
        Assert.True(other.Interrupt.IsAsserted);
        Assert.Equal(0xC4, other.Iir);
        Assert.Equal(0x38, other.Msr);
        for (int i = 1; i <= 40; i++)
        {
            Assert.Equal(0x61, other.Lsr);
            Assert.Equal(i, other.Data);
        }

        Assert.Equal(0x60, other.Lsr);
    }

    [Fact]
    public void LoadState_NewState_IsThatAfterReset()
    {
        using var uart = new SerialBench();
        uart.Serial.LoadState(new SerialPort16550AState());

        Assert.Equal(0x60, uart.Lsr);
        Assert.Equal(0x01, uart.Iir);
    }

    public static TheoryData<SerialPort16550AState, string> BadStates => new()
    {
        { new SerialPort16550AState { InterruptEnable = 0x10 }, "InterruptEnable" },
        { new SerialPort16550AState { FifoControl = 0x02 }, "FifoControl" },
        { new SerialPort16550AState { ModemControl = 0x20 }, "ModemControl" },
        { new SerialPort16550AState { InputPins = 0x01 }, "InputPins" },
        { new SerialPort16550AState { ModemDeltas = 0x10 }, "ModemDeltas" },
        { new SerialPort16550AState { LineErrors = 0x01 }, "LineErrors" },
        { new SerialPort16550AState { ReceivedCharacters = new byte[2], ReceivedErrors = new byte[2] }, "ReceivedCharacters" },
        { new SerialPort16550AState { FifoControl = 1, ReceivedCharacters = new byte[17], ReceivedErrors = new byte[17] }, "ReceivedCharacters" },
        { new SerialPort16550AState { ReceivedCharacters = null! }, "ReceivedCharacters" },
        { new SerialPort16550AState { ReceivedCharacters = new byte[1] }, "ReceivedErrors" },
        { new SerialPort16550AState { ReceivedCharacters = new byte[1], ReceivedErrors = [0x80] }, "ReceivedErrors" },
        { new SerialPort16550AState { PendingInput = new byte[257] }, "PendingInput" },
        { new SerialPort16550AState { HeldCharacters = new byte[1] }, "HeldCharacters" },
        { new SerialPort16550AState { HeldCharacters = new byte[17], TransmitterEmpty = false }, "HeldCharacters" },
    };

    [Theory]
    [MemberData(nameof(BadStates))]
    public void LoadState_Impossible_IsRefusedByField(SerialPort16550AState state, string field)
    {
        using var serial = new SerialPort16550A();

        ArgumentException error = Assert.Throws<ArgumentException>(() => serial.LoadState(state));

        Assert.StartsWith(field, error.Message, StringComparison.Ordinal);
    }
}
