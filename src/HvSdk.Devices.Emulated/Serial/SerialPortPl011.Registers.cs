using HvSdk.Devices.Emulated.PrimeCell;
using static HvSdk.Devices.Emulated.Serial.Pl011Bits;

namespace HvSdk.Devices.Emulated;

// What the guest sees: the registers (table 3-1) and the one interrupt.
public sealed partial class SerialPortPl011
{
    /// <summary>24 MHz / (16 * 115200) is 13 and 1/64 (3.3.6).</summary>
    private const ushort FirmwareIntegerDivisor = 13;
    private const byte FirmwareFractionalDivisor = 1;

    private ushort _control;
    private byte _lineControl;
    private ushort _integerDivisor;
    private byte _fractionalDivisor;

    /// <summary>The divisor in 64ths that is in force: the two registers take effect with the next write of UARTLCR_H (3.3.7).</summary>
    private uint _divisor;
    private byte _fifoLevels = FifoLevelsAfterReset;
    private byte _lowPowerDivisor;
    private byte _dmaControl;

    /// <summary>UARTIMSC and UARTRIS.</summary>
    private ushort _interruptMask;
    private ushort _rawInterrupts;

    /// <summary>The level of the interrupt line.</summary>
    private bool _level;

    private bool IsFifo => (_lineControl & FifoEnable) != 0;

    private bool IsLoopback => (_control & LoopbackEnable) != 0;

    /// <inheritdoc/>
    public void Read(ulong offset, Span<byte> data)
    {
        lock (_gate)
        {
            WordAccess.Read(this, offset, data, static (uart, register) => uart.ReadRegister(register));
        }
    }

    /// <inheritdoc/>
    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        bool outputsChanged;
        lock (_gate)
        {
            (bool, bool, bool) before = (DataTerminalReady, RequestToSend, IsBreaking);
            WordAccess.Write(this, offset, data, static (uart, register, value) => uart.WriteRegister(register, value));
            outputsChanged = before != (DataTerminalReady, RequestToSend, IsBreaking);
        }

        if (outputsChanged)
        {
            OutputsChanged?.Invoke(this, EventArgs.Empty);
        }
    }

    private uint ReadRegister(ulong register)
    {
        Settle();
        uint value = register switch
        {
            DataRegister => ReadData(),
            ReceiveStatusRegister => _receiveErrors,
            FlagRegister => ReadFlags(),
            LowPowerRegister => _lowPowerDivisor,
            IntegerDivisorRegister => _integerDivisor,
            FractionalDivisorRegister => _fractionalDivisor,
            LineControlRegister => _lineControl,
            ControlRegister => _control,
            FifoLevelRegister => _fifoLevels,
            InterruptMaskRegister => _interruptMask,
            RawInterruptRegister => _rawInterrupts,
            MaskedInterruptRegister => (uint)(_rawInterrupts & _interruptMask),
            DmaControlRegister => _dmaControl,
            _ => PrimeCellIdentity.Read(register, PartNumber, Revision),
        };
        UpdateInterrupt();
        return value;
    }

    private void WriteRegister(ulong register, uint value)
    {
        if (register == DataRegister)
        {
            WriteData((byte)value);
            UpdateInterrupt();
            return;
        }

        Settle();
        switch (register)
        {
            case ReceiveStatusRegister:
                _receiveErrors = 0; // any value clears all (3.3.2)
                break;
            case LowPowerRegister:
                _lowPowerDivisor = (byte)value;
                break;
            case IntegerDivisorRegister:
                _integerDivisor = (ushort)value;
                break;
            case FractionalDivisorRegister:
                _fractionalDivisor = (byte)(value & FractionalDivisorMask);
                break;
            case LineControlRegister:
                WriteLineControl((byte)value);
                break;
            case ControlRegister:
                _control = (ushort)(value & ControlMask);
                UpdateModemLines();
                Settle();
                break;
            case FifoLevelRegister:
                _fifoLevels = (byte)(value & FifoLevelMask);
                CompareReceiver();
                CompareTransmitter();
                break;
            case InterruptMaskRegister:
                _interruptMask = (ushort)(value & InterruptMask);
                break;
            case InterruptClearRegister:
                ClearInterrupts((ushort)(value & InterruptMask));
                break;
            case DmaControlRegister:
                _dmaControl = (byte)(value & DmaControlMask);
                break;
            default:
                break;
        }

        UpdateInterrupt();
    }

    private void WriteLineControl(byte value)
    {
        bool isSwitched = ((value ^ _lineControl) & FifoEnable) != 0;
        _lineControl = value;
        _divisor = ((uint)_integerDivisor << DivisorFractionBits) | _fractionalDivisor;
        if (!isSwitched)
        {
            return;
        }

        // The FIFOs become registers of one character, or the reverse. Clearing FEN is how a driver flushes the transmitter (3.3.8).
        ResetReceiver();
        if (!IsFifo)
        {
            _ = _wire.ResetTransmitter();
        }

        CompareTransmitter();
        FillReceiver();
    }

    private void ClearInterrupts(ushort interrupts)
    {
        _rawInterrupts &= (ushort)~interrupts;
        if ((interrupts & TimeoutInterrupt) != 0)
        {
            _timeout.Restart();
        }
    }

    private uint ReadFlags() =>
        ReadModemFlags()
        | (_received == 0 ? FlagReceiverEmpty : 0)
        | (_received >= ReceiverSize ? FlagReceiverFull : 0)
        | (_wire.InTransit == 0 ? FlagTransmitterEmpty : FlagBusy)
        | (_wire.InTransit >= TransmitterSize ? FlagTransmitterFull : 0);

    /// <summary>UARTINTR is the OR of all masked interrupts (3.4.6).</summary>
    private void UpdateInterrupt()
    {
        bool level = (_rawInterrupts & _interruptMask) != 0;
        if (level != _level)
        {
            _level = level;
            _interrupt?.Set(level);
        }

        ScheduleTimeout();
    }

    /// <summary>Brings the transmitter and the receiver up to now, as a UART would have done meanwhile.</summary>
    private void Settle()
    {
        CompleteTransmission();
        FillReceiver();
        NoteTimeout();
    }

    private void Start(bool isEnabled)
    {
        _control = isEnabled ? (ushort)(ControlAfterReset | UartEnable) : ControlAfterReset;
        _lineControl = isEnabled ? (byte)(WordLength8 | FifoEnable) : (byte)0;
        _integerDivisor = isEnabled ? FirmwareIntegerDivisor : (ushort)0;
        _fractionalDivisor = isEnabled ? FirmwareFractionalDivisor : (byte)0;
        _divisor = ((uint)_integerDivisor << DivisorFractionBits) | _fractionalDivisor;
    }
}
