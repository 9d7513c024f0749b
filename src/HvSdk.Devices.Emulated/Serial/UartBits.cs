namespace HvSdk.Devices.Emulated.Serial;

/// <summary>Bits of the 16550A's registers (National PC16550D data sheet, tables II and IV).</summary>
internal static class UartBits
{
    // Interrupt enable register (8.7)
    internal const byte EnableReceivedData = 1 << 0;
    internal const byte EnableTransmitterEmpty = 1 << 1;
    internal const byte EnableLineStatus = 1 << 2;
    internal const byte EnableModemStatus = 1 << 3;
    internal const byte InterruptEnableMask = 0x0F;

    // Interrupt identification register (8.6)
    internal const byte ModemStatusInterrupt = 0x00;
    internal const byte NoInterrupt = 0x01;
    internal const byte TransmitterEmptyInterrupt = 0x02;
    internal const byte ReceivedDataInterrupt = 0x04;
    internal const byte LineStatusInterrupt = 0x06;
    internal const byte TimeoutInterrupt = 0x0C;
    internal const byte FifosEnabled = 0xC0;

    // FIFO control register (8.5)
    internal const byte FifoEnable = 1 << 0;
    internal const byte ResetReceiver = 1 << 1;
    internal const byte ResetTransmitter = 1 << 2;
    internal const byte DmaMode = 1 << 3;
    internal const byte TriggerMask = 0xC0;
    internal const int TriggerShift = 6;

    // Line control register (8.1)
    internal const byte WordLengthMask = 0x03;
    internal const byte TwoStopBits = 1 << 2;
    internal const byte ParityEnable = 1 << 3;
    internal const byte SetBreak = 1 << 6;
    internal const byte DivisorAccess = 1 << 7;

    // Modem control register (8.8)
    internal const byte Dtr = 1 << 0;
    internal const byte Rts = 1 << 1;
    internal const byte Out1 = 1 << 2;
    internal const byte Out2 = 1 << 3;
    internal const byte Loopback = 1 << 4;
    internal const byte ModemControlMask = 0x1F;

    // Line status register (8.4)
    internal const byte DataReady = 1 << 0;
    internal const byte OverrunError = 1 << 1;
    internal const byte ParityError = 1 << 2;
    internal const byte FramingError = 1 << 3;
    internal const byte BreakInterrupt = 1 << 4;
    internal const byte HoldingEmpty = 1 << 5;
    internal const byte TransmitterEmpty = 1 << 6;
    internal const byte FifoError = 1 << 7;
    internal const byte ErrorMask = OverrunError | ParityError | FramingError | BreakInterrupt;

    // Modem status register (8.9)
    internal const byte DeltaCts = 1 << 0;
    internal const byte DeltaDsr = 1 << 1;
    internal const byte TrailingEdgeRi = 1 << 2;
    internal const byte DeltaDcd = 1 << 3;
    internal const byte Cts = 1 << 4;
    internal const byte Dsr = 1 << 5;
    internal const byte Ri = 1 << 6;
    internal const byte Dcd = 1 << 7;
}
