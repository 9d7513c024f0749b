using System.Text.Json;

namespace HvSdk.Devices.Emulated.Tests.Serial;

/// <summary>Saving and restoring a PL011.</summary>
public sealed class Pl011StateTests
{
    [Fact]
    public async Task SaveState_LoadedIntoAnother_GoesOnWhereItWas()
    {
        using var uart = new Pl011Bench();
        uart.Ibrd = 26;
        uart.Fbrd = 3;
        uart.LcrH = 0x70;
        uart.Ibrd = 1;
        uart.Cr = 0x0F01;
        uart.Imsc = 0x070;
        uart.Write(0x048, 7);
        uart.Serial.CarrierDetect = false;
        uart.Serial.SendBreak();
        await uart.SendAsync([.. Enumerable.Range(1, 60).Select(static i => (byte)i)]);

        using var other = new Pl011Bench();
        other.Serial.LoadState(uart.Serial.SaveState());

        Assert.Equal(JsonSerializer.Serialize(uart.Serial.SaveState()), JsonSerializer.Serialize(other.Serial.SaveState()));
        Assert.True(other.Interrupt.IsAsserted);
        Assert.Equal(0x03u, other.Fr & 0x107);
        Assert.Equal(0x400u, other.Data);
        for (uint i = 1; i <= 60; i++)
        {
            Assert.Equal(i, other.Data);
        }

        Assert.Equal(Pl011Bench.ReceiverEmpty, other.Fr & Pl011Bench.ReceiverEmpty);
    }

    [Fact]
    public async Task SaveState_HeldCharacters_LeaveAfterRestore()
    {
        using var uart = new Pl011Bench();
        uart.Cr = 0x0001;
        uart.Data = 'h';
        uart.Data = 'i';

        using var other = new Pl011Bench();
        other.Serial.LoadState(uart.Serial.SaveState());
        other.Imsc = Pl011Bench.TransmitInterrupt;
        Assert.False(other.Interrupt.IsAsserted);
        other.Cr = 0x0301;

        Assert.Equal("hi"u8.ToArray(), await other.TakeAsync(2));
        Assert.True(other.Interrupt.IsAsserted);
    }

    [Fact]
    public void LoadState_NewState_IsThatAfterReset()
    {
        using var uart = new Pl011Bench();
        uart.Serial.LoadState(new SerialPortPl011State());

        Assert.Equal(0x0300u, uart.Cr);
        Assert.Equal(0x12u, uart.Ifls);
        Assert.Equal(0x90u, uart.Fr);
        Assert.Equal(0u, uart.Ris);
    }

    public static TheoryData<SerialPortPl011State, string> BadStates => new()
    {
        { new SerialPortPl011State { Control = 0x0008 }, "Control" },
        { new SerialPortPl011State { FractionalDivisor = 0x40 }, "FractionalDivisor" },
        { new SerialPortPl011State { ActiveDivisor = 0x40_0000 }, "ActiveDivisor" },
        { new SerialPortPl011State { FifoLevels = 0x40 }, "FifoLevels" },
        { new SerialPortPl011State { InterruptMask = 0x800 }, "InterruptMask" },
        { new SerialPortPl011State { RawInterrupts = 0x800 }, "RawInterrupts" },
        { new SerialPortPl011State { DmaControl = 0x08 }, "DmaControl" },
        { new SerialPortPl011State { InputPins = 0x10 }, "InputPins" },
        { new SerialPortPl011State { ReceiveErrors = 0x10 }, "ReceiveErrors" },
        { new SerialPortPl011State { ReceivedCharacters = new byte[2], ReceivedErrors = new byte[2] }, "ReceivedCharacters" },
        { new SerialPortPl011State { LineControl = 0x10, ReceivedCharacters = new byte[33], ReceivedErrors = new byte[33] }, "ReceivedCharacters" },
        { new SerialPortPl011State { ReceivedCharacters = null! }, "ReceivedCharacters" },
        { new SerialPortPl011State { ReceivedCharacters = new byte[1] }, "ReceivedErrors" },
        { new SerialPortPl011State { ReceivedCharacters = new byte[1], ReceivedErrors = [0x08] }, "ReceivedErrors" },
        { new SerialPortPl011State { PendingInput = new byte[257] }, "PendingInput" },
        { new SerialPortPl011State { HeldCharacters = new byte[1] }, "HeldCharacters" },
        { new SerialPortPl011State { LineControl = 0x10, HeldCharacters = new byte[33], TransmitterEmpty = false }, "HeldCharacters" },
    };

    [Theory]
    [MemberData(nameof(BadStates))]
    public void LoadState_Impossible_IsRefusedByField(SerialPortPl011State state, string field)
    {
        using var serial = new SerialPortPl011();

        ArgumentException error = Assert.Throws<ArgumentException>(() => serial.LoadState(state));

        Assert.StartsWith(field, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void LoadState_OfALargerFifo_IsRefused()
    {
        using SerialPortPl011 serial = Pl011Bench.Make(fifoSize: 16);
        var state = new SerialPortPl011State { LineControl = 0x10, ReceivedCharacters = new byte[17], ReceivedErrors = new byte[17] };

        Assert.StartsWith("ReceivedCharacters", Assert.Throws<ArgumentException>(() => serial.LoadState(state)).Message, StringComparison.Ordinal);
    }
}
