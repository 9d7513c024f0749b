namespace HvSdk.Devices.Emulated;

/// <summary>State of a <see cref="SerialPort16550A"/>, as plain data. What is in its pipes belongs to the host and is no part of it.</summary>
public sealed record SerialPort16550AState
{
    /// <summary>IER, 0 to 0x0F.</summary>
    public byte InterruptEnable { get; init; }

    /// <summary>FCR: the enable, DMA mode and trigger bits.</summary>
    public byte FifoControl { get; init; }

    /// <summary>LCR.</summary>
    public byte LineControl { get; init; }

    /// <summary>MCR, 0 to 0x1F.</summary>
    public byte ModemControl { get; init; }

    /// <summary>SCR.</summary>
    public byte Scratch { get; init; }

    /// <summary>The divisor latch.</summary>
    public ushort Divisor { get; init; }

    /// <summary>The input pins CTS, DSR, RI and DCD, in MSR bits 4 to 7.</summary>
    public byte InputPins { get; init; }

    /// <summary>The changes in MSR bits 0 to 3.</summary>
    public byte ModemDeltas { get; init; }

    /// <summary>The errors in LSR bits 1 to 4.</summary>
    public byte LineErrors { get; init; }

    /// <summary>The characters in the receiver, at most 16, or 1 without FIFO mode.</summary>
    public byte[] ReceivedCharacters { get; init; } = [];

    /// <summary>The errors of each character in the receiver, as in LSR bits 2 to 4.</summary>
    public byte[] ReceivedErrors { get; init; } = [];

    /// <summary>The character read last: the receiver's buffer gives it again when it is empty.</summary>
    public byte LastRead { get; init; }

    /// <summary>What the host has sent and the receiver has not yet got, at most 256 bytes.</summary>
    public byte[] PendingInput { get; init; } = [];

    /// <summary>A break that the receiver has not yet got.</summary>
    public bool BreakPending { get; init; }

    /// <summary>The timeout interrupt is pending.</summary>
    public bool TimedOut { get; init; }

    /// <summary>What the transmitter holds because the host has no room, at most 16 characters.</summary>
    public byte[] HeldCharacters { get; init; } = [];

    /// <summary>The transmitter is empty.</summary>
    public bool TransmitterEmpty { get; init; } = true;

    /// <summary>The interrupt of the empty transmitter is pending.</summary>
    public bool TransmitterEmptyPending { get; init; }
}
