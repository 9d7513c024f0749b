namespace HvSdk.Devices.Emulated;

/// <summary>State of a <see cref="SerialPortPl011"/>, as plain data. What is in its pipes belongs to the host and is no part of it.</summary>
public sealed record SerialPortPl011State
{
    /// <summary>UARTCR, the bits of 0xFF87.</summary>
    public ushort Control { get; init; } = 0x0300;

    /// <summary>UARTLCR_H.</summary>
    public byte LineControl { get; init; }

    /// <summary>UARTIBRD.</summary>
    public ushort IntegerDivisor { get; init; }

    /// <summary>UARTFBRD, 0 to 0x3F.</summary>
    public byte FractionalDivisor { get; init; }

    /// <summary>The divisor in force, in 64ths, 0 to 0x3FFFFF: that of the two registers when UARTLCR_H was written last.</summary>
    public uint ActiveDivisor { get; init; }

    /// <summary>UARTIFLS, 0 to 0x3F.</summary>
    public byte FifoLevels { get; init; } = 0x12;

    /// <summary>UARTIMSC, 0 to 0x7FF.</summary>
    public ushort InterruptMask { get; init; }

    /// <summary>UARTRIS, 0 to 0x7FF.</summary>
    public ushort RawInterrupts { get; init; }

    /// <summary>UARTILPR.</summary>
    public byte LowPowerDivisor { get; init; }

    /// <summary>UARTDMACR, 0 to 7.</summary>
    public byte DmaControl { get; init; }

    /// <summary>The input pins RI, CTS, DCD and DSR, in the bits of their interrupts, 0 to 3.</summary>
    public byte InputPins { get; init; }

    /// <summary>UARTRSR, 0 to 0x0F.</summary>
    public byte ReceiveErrors { get; init; }

    /// <summary>A character was lost since the last read.</summary>
    public bool Overrun { get; init; }

    /// <summary>The characters in the receiver, at most the FIFO's size, or 1 without FIFOs.</summary>
    public byte[] ReceivedCharacters { get; init; } = [];

    /// <summary>The errors of each character in the receiver, as in UARTRSR bits 0 to 2.</summary>
    public byte[] ReceivedErrors { get; init; } = [];

    /// <summary>What the host has sent and the receiver has not yet got, at most 256 bytes.</summary>
    public byte[] PendingInput { get; init; } = [];

    /// <summary>A break that the receiver has not yet got.</summary>
    public bool BreakPending { get; init; }

    /// <summary>What the transmitter holds because the host has no room or the guest has it off, at most the FIFO's size.</summary>
    public byte[] HeldCharacters { get; init; } = [];

    /// <summary>The transmitter is empty.</summary>
    public bool TransmitterEmpty { get; init; } = true;
}
