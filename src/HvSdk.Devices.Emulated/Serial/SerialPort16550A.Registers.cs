using static HvSdk.Devices.Emulated.Serial.UartBits;

namespace HvSdk.Devices.Emulated;

// What the guest sees: the eight registers (data sheet, table II) and the one interrupt.
public sealed partial class SerialPort16550A
{
    private byte _interruptEnable;
    private byte _fifoControl;
    private byte _lineControl;
    private byte _modemControl;
    private byte _scratch;

    /// <summary>9600 baud. The data sheet leaves the divisor open until it is written (table I).</summary>
    private ushort _divisor = 12;

    /// <summary>The level of the interrupt line.</summary>
    private bool _level;

    private bool IsFifo => (_fifoControl & FifoEnable) != 0;

    private bool IsLoopback => (_modemControl & Loopback) != 0;

    /// <inheritdoc/>
    public void Read(ulong offset, Span<byte> data)
    {
        lock (_gate)
        {
            for (int i = 0; i < data.Length; i++)
            {
                data[i] = ReadRegister(offset + (uint)i);
            }
        }
    }

    /// <inheritdoc/>
    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        bool outputsChanged = false;
        lock (_gate)
        {
            for (int i = 0; i < data.Length; i++)
            {
                outputsChanged |= WriteRegister(offset + (uint)i, data[i]);
            }
        }

        if (outputsChanged)
        {
            OutputsChanged?.Invoke(this, EventArgs.Empty);
        }
    }

    private byte ReadRegister(ulong register)
    {
        Settle();
        byte value = register switch
        {
            0 when IsDivisorAccess => (byte)_divisor,
            0 => ReadReceiverBuffer(),
            1 when IsDivisorAccess => (byte)(_divisor >> 8),
            1 => _interruptEnable,
            2 => ReadInterruptIdentification(),
            3 => _lineControl,
            4 => _modemControl,
            5 => ReadLineStatus(),
            6 => ReadModemStatus(),
            7 => _scratch,
            _ => 0xFF,
        };
        UpdateInterrupt();
        return value;
    }

    /// <returns>True where DTR, RTS or the break condition changed.</returns>
    private bool WriteRegister(ulong register, byte value)
    {
        if (register == 0 && !IsDivisorAccess)
        {
            WriteTransmitterHolding(value);
            return false;
        }

        Settle();
        bool outputsChanged = false;
        switch (register)
        {
            case 0:
                _divisor = (ushort)((_divisor & 0xFF00) | value);
                break;
            case 1 when IsDivisorAccess:
                _divisor = (ushort)((_divisor & 0x00FF) | (value << 8));
                break;
            case 1:
                WriteInterruptEnable(value);
                break;
            case 2:
                WriteFifoControl(value);
                break;
            case 3:
                outputsChanged = ((_lineControl ^ value) & SetBreak) != 0;
                _lineControl = value;
                break;
            case 4:
                outputsChanged = WriteModemControl((byte)(value & ModemControlMask));
                break;
            case 7:
                _scratch = value;
                break;
            default:
                break; // LSR is for factory tests when written (8.4), MSR gives deltas on some clones: neither does anything here
        }

        UpdateInterrupt();
        return outputsChanged;
    }

    private bool IsDivisorAccess => (_lineControl & DivisorAccess) != 0;

    private void WriteInterruptEnable(byte value)
    {
        byte enabled = (byte)(value & ~_interruptEnable);
        _interruptEnable = (byte)(value & InterruptEnableMask);

        // An empty transmitter interrupts as soon as it may (8.7, 8.11).
        if ((enabled & EnableTransmitterEmpty) != 0 && IsTransmitterEmpty)
        {
            _isTransmitterPending = true;
        }
    }

    private void WriteFifoControl(byte value)
    {
        // A change of mode clears both FIFOs (8.5).
        bool isSwitched = ((value ^ _fifoControl) & FifoEnable) != 0;
        if (isSwitched || (value & (FifoEnable | ResetReceiver)) == (FifoEnable | ResetReceiver))
        {
            ResetReceiverFifo();
        }

        if (isSwitched || (value & (FifoEnable | ResetTransmitter)) == (FifoEnable | ResetTransmitter))
        {
            ResetTransmitterFifo();
        }

        // The other bits are programmed only together with bit 0 (8.5).
        _fifoControl = (value & FifoEnable) != 0 ? (byte)(value & (FifoEnable | DmaMode | TriggerMask)) : (byte)0;
        FillReceiver();
    }

    private byte ReadInterruptIdentification()
    {
        byte identification = Identify();
        if (identification == TransmitterEmptyInterrupt)
        {
            _isTransmitterPending = false; // (table IV)
        }

        return (byte)(identification | (IsFifo ? FifosEnabled : 0));
    }

    /// <summary>The pending interrupt of the highest priority (table IV).</summary>
    private byte Identify()
    {
        if ((_interruptEnable & EnableLineStatus) != 0 && _lineErrors != 0)
        {
            return LineStatusInterrupt;
        }

        if ((_interruptEnable & EnableReceivedData) != 0)
        {
            if (_received >= TriggerLevel)
            {
                return ReceivedDataInterrupt;
            }

            if (_isTimedOut)
            {
                return TimeoutInterrupt;
            }
        }

        if ((_interruptEnable & EnableTransmitterEmpty) != 0 && _isTransmitterPending)
        {
            return TransmitterEmptyInterrupt;
        }

        return (_interruptEnable & EnableModemStatus) != 0 && _modemDeltas != 0 ? ModemStatusInterrupt : NoInterrupt;
    }

    private void UpdateInterrupt()
    {
        // OUT2 lets the interrupt through on a PC; the loopback makes the pin inactive (8.8).
        bool level = (_modemControl & (Out2 | Loopback)) == Out2 && Identify() != NoInterrupt;
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
    }
}
