using static HvSdk.Devices.Emulated.Serial.UartBits;

namespace HvSdk.Devices.Emulated;

// From the host to the guest.
public sealed partial class SerialPort16550A
{
    /// <summary>The crystal of a PC's UART; the baud rate is a sixteenth of it, divided by the divisor (8.3).</summary>
    private const uint ClockFrequency = 1_843_200;

    /// <summary>The receiver's FIFO, a ring; without FIFO mode one place of it is used.</summary>
    private readonly byte[] _characters = new byte[FifoSize];

    /// <summary>The errors that came with each character (8.4).</summary>
    private readonly byte[] _characterErrors = new byte[FifoSize];
    private int _first;
    private int _received;
    private byte _lastRead;

    /// <summary>LSR bits 1 to 4, until LSR is read.</summary>
    private byte _lineErrors;
    private bool _isBreakOwed;
    private bool _isTimedOut;

    private int ReceiverSize => IsFifo ? FifoSize : 1;

    /// <summary>How many characters make the interrupt (8.5).</summary>
    private int TriggerLevel => !IsFifo ? 1 : (_fifoControl >> TriggerShift) switch
    {
        0 => 1,
        1 => 4,
        2 => 8,
        _ => 14,
    };

    /// <summary>Four characters' time at the baud rate (8.11).</summary>
    private TimeSpan TimeoutTime
    {
        get
        {
            int bits = 1 + 5 + (_lineControl & WordLengthMask)
                + ((_lineControl & ParityEnable) != 0 ? 1 : 0)
                + ((_lineControl & TwoStopBits) != 0 ? 2 : 1);
            long clocks = 4L * bits * 16 * int.Max(_divisor, (ushort)1);
            return TimeSpan.FromTicks((clocks * TimeSpan.TicksPerSecond) / ClockFrequency);
        }
    }

    /// <summary>Sends a break: the guest sees a null character with the break interrupt (LSR bit 4), ahead of what it has not yet received.</summary>
    public void SendBreak()
    {
        lock (_gate)
        {
            _isBreakOwed = true;
            FillReceiver();
            UpdateInterrupt();
        }
    }

    /// <summary>Moves characters from the host into the receiver, as long as it has room: it never overruns from outside.</summary>
    private void FillReceiver()
    {
        if (IsLoopback)
        {
            return; // the input pin is disconnected (8.8); what the host sends waits
        }

        int before = _received;
        if (_isBreakOwed && _received < ReceiverSize)
        {
            _isBreakOwed = false;
            Append(0, BreakInterrupt);
        }

        while (_received < ReceiverSize && _wire.TryReceive(out byte value))
        {
            Append(value, 0);
        }

        if (_received != before)
        {
            RestartTimeout();
        }
    }

    /// <summary>A character comes in whether there is room or not: by the loopback.</summary>
    private void Receive(byte value, byte errors)
    {
        if (_received < ReceiverSize)
        {
            Append(value, errors);
        }
        else
        {
            // In FIFO mode what is in the FIFO stays and the newcomer is lost, else the other way round (8.4).
            _lineErrors |= OverrunError;
            if (!IsFifo)
            {
                _characters[_first] = value;
            }
        }

        RestartTimeout();
    }

    private void Append(byte value, byte errors)
    {
        int place = (_first + _received) % FifoSize;
        _characters[place] = value;
        _characterErrors[place] = errors;
        _received++;
        if (_received == 1)
        {
            _lineErrors |= errors;
        }
    }

    private byte ReadReceiverBuffer()
    {
        if (_received == 0)
        {
            return _lastRead;
        }

        _lastRead = _characters[_first];
        _first = (_first + 1) % FifoSize;
        _received--;
        if (_received != 0)
        {
            _lineErrors |= _characterErrors[_first]; // errors show when their character is at the top (8.4)
        }

        FillReceiver();
        RestartTimeout();
        return _lastRead;
    }

    private byte ReadLineStatus()
    {
        int value = _lineErrors
            | (_received != 0 ? DataReady : 0)
            | (IsTransmitterEmpty ? HoldingEmpty | TransmitterEmpty : 0)
            | (IsFifo && HasFifoError() ? FifoError : 0);

        // Reading clears the errors, also that of the character at the top; others may follow it (8.4).
        _lineErrors = 0;
        if (_received != 0)
        {
            _characterErrors[_first] = 0;
        }

        return (byte)value;
    }

    private bool HasFifoError()
    {
        for (int i = 0; i < _received; i++)
        {
            if (_characterErrors[(_first + i) % FifoSize] != 0)
            {
                return true;
            }
        }

        return false;
    }

    private void ResetReceiverFifo()
    {
        _received = 0;
        _lineErrors &= OverrunError;
        _isTimedOut = false;
    }

    private void RestartTimeout()
    {
        _isTimedOut = false;
        if (IsFifo)
        {
            _timeout.Restart();
        }
    }

    /// <summary>The timeout is of use while characters wait that are too few to interrupt (8.11).</summary>
    private bool AwaitsTimeout =>
        IsFifo && !_isTimedOut && _received != 0 && _received < TriggerLevel && (_interruptEnable & EnableReceivedData) != 0;

    private void ScheduleTimeout()
    {
        if (AwaitsTimeout)
        {
            _timeout.Schedule(TimeoutTime);
        }
    }

    private void OnTimeout()
    {
        _isTimedOut |= AwaitsTimeout && _timeout.HasElapsed(TimeoutTime);
        UpdateInterrupt();
    }

    private void OnInputArrived()
    {
        FillReceiver();
        UpdateInterrupt();
    }
}
