namespace HvSdk.Devices.Emulated.Serial;

/// <summary>Registers and bits of the PL011 (Arm DDI 0183G, table 3-1 and 3.3).</summary>
internal static class Pl011Bits
{
    // Registers (table 3-1)
    internal const ulong DataRegister = 0x000; // UARTDR
    internal const ulong ReceiveStatusRegister = 0x004; // UARTRSR, UARTECR
    internal const ulong FlagRegister = 0x018; // UARTFR
    internal const ulong LowPowerRegister = 0x020; // UARTILPR
    internal const ulong IntegerDivisorRegister = 0x024; // UARTIBRD
    internal const ulong FractionalDivisorRegister = 0x028; // UARTFBRD
    internal const ulong LineControlRegister = 0x02C; // UARTLCR_H
    internal const ulong ControlRegister = 0x030; // UARTCR
    internal const ulong FifoLevelRegister = 0x034; // UARTIFLS
    internal const ulong InterruptMaskRegister = 0x038; // UARTIMSC
    internal const ulong RawInterruptRegister = 0x03C; // UARTRIS
    internal const ulong MaskedInterruptRegister = 0x040; // UARTMIS
    internal const ulong InterruptClearRegister = 0x044; // UARTICR
    internal const ulong DmaControlRegister = 0x048; // UARTDMACR

    // Errors of a character, as in UARTRSR (3.3.2); UARTDR has them from bit 8 on (3.3.1), UARTRIS from bit 7 on (3.3.11)
    internal const byte FramingError = 1 << 0;
    internal const byte ParityError = 1 << 1;
    internal const byte BreakError = 1 << 2;
    internal const byte OverrunError = 1 << 3;
    internal const byte CharacterErrorMask = FramingError | ParityError | BreakError;
    internal const byte ErrorMask = CharacterErrorMask | OverrunError;
    internal const int DataErrorShift = 8;
    internal const int InterruptErrorShift = 7;

    // UARTFR (3.3.3)
    internal const uint FlagCts = 1 << 0;
    internal const uint FlagDsr = 1 << 1;
    internal const uint FlagDcd = 1 << 2;
    internal const uint FlagBusy = 1 << 3;
    internal const uint FlagReceiverEmpty = 1 << 4;
    internal const uint FlagTransmitterFull = 1 << 5;
    internal const uint FlagReceiverFull = 1 << 6;
    internal const uint FlagTransmitterEmpty = 1 << 7;
    internal const uint FlagRi = 1 << 8;

    // UARTIBRD and UARTFBRD (3.3.5, 3.3.6)
    internal const uint FractionalDivisorMask = 0x3F;
    internal const int DivisorFractionBits = 6;

    // UARTLCR_H (3.3.7)
    internal const byte SendBreakBit = 1 << 0;
    internal const byte FifoEnable = 1 << 4;
    internal const byte WordLength8 = 3 << 5;

    // UARTCR (3.3.8)
    internal const ushort UartEnable = 1 << 0;
    internal const ushort LoopbackEnable = 1 << 7;
    internal const ushort TransmitEnable = 1 << 8;
    internal const ushort ReceiveEnable = 1 << 9;
    internal const ushort DataTransmitReady = 1 << 10;
    internal const ushort RequestToSendBit = 1 << 11;
    internal const ushort Out1 = 1 << 12;
    internal const ushort Out2 = 1 << 13;
    internal const ushort CtsFlowControl = 1 << 15;
    internal const ushort ControlMask = 0xFF87;
    internal const ushort ControlAfterReset = TransmitEnable | ReceiveEnable;

    // UARTIFLS (3.3.9)
    internal const uint LevelMask = 7;
    internal const int ReceiveLevelShift = 3;
    internal const byte FifoLevelMask = 0x3F;
    internal const byte FifoLevelsAfterReset = 0x12; // half full, both

    // UARTIMSC, UARTRIS, UARTMIS, UARTICR (3.3.10 to 3.3.13)
    internal const ushort RiInterrupt = 1 << 0;
    internal const ushort CtsInterrupt = 1 << 1;
    internal const ushort DcdInterrupt = 1 << 2;
    internal const ushort DsrInterrupt = 1 << 3;
    internal const ushort ReceiveInterrupt = 1 << 4;
    internal const ushort TransmitInterrupt = 1 << 5;
    internal const ushort TimeoutInterrupt = 1 << 6;
    internal const ushort InterruptMask = 0x7FF;
    internal const byte ModemMask = (byte)(RiInterrupt | CtsInterrupt | DcdInterrupt | DsrInterrupt);

    // UARTDMACR (3.3.14)
    internal const byte DmaControlMask = 0x07;
}
