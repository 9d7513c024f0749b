using static HvSdk.Devices.Emulated.Serial.Pl011Bits;

namespace HvSdk.Devices.Emulated;

// From the host to the guest.
public sealed partial class SerialPortPl011
{
    /// <summary>The receiver times out after so many bits without a character (3.4.4).</summary>
    private const int TimeoutBits = 32;

    /// <summary>The receiver's FIFO, a ring of characters with their errors, as UARTDR shows them; without FIFOs one place of it is used.</summary>
    private readonly ushort[] _characters = new ushort[LargeFifo];
    private int _first;
    private int _received;

    /// <summary>UARTRSR: the errors of the character read last, and an overrun, until they are cleared (3.3.2).</summary>
    private byte _receiveErrors;

    /// <summary>A character found no place, and none has been read since (3.3.1, OE).</summary>
    private bool _isOverrun;
    private bool _isBreakOwed;

    /// <summary>What the receiver's comparator said last.</summary>
    private bool _isReceiverAtLevel;

    private int ReceiverSize => IsFifo ? FifoSize : 1;

    /// <summary>How many characters make the interrupt (3.4.2).</summary>
    private int ReceiverLevel => IsFifo ? Level((uint)_fifoLevels >> ReceiveLevelShift) : 1;

    private bool IsReceiving => (_control & (UartEnable | ReceiveEnable)) == (UartEnable | ReceiveEnable);

    private TimeSpan TimeoutTime
    {
        get
        {
            // The smallest divisor is 1 (3.3.6); what is in the registers before they are set is none.
            ulong clocks = (ulong)TimeoutBits * 16 * uint.Max(_divisor, 1u << DivisorFractionBits);
            return TimeSpan.FromTicks((long)((clocks * TimeSpan.TicksPerSecond / ClockFrequency) >> DivisorFractionBits));
        }
    }

    /// <summary>Sends a break: the guest sees a null character with the break error, ahead of what it has not yet received.</summary>
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
        if (IsLoopback || !IsReceiving)
        {
            return; // what the host sends waits
        }

        int before = _received;
        if (_isBreakOwed && _received < ReceiverSize)
        {
            _isBreakOwed = false;
            Append(0, BreakError);
        }

        while (_received < ReceiverSize && _wire.TryReceive(out byte value))
        {
            Append(value, 0);
        }

        if (_received != before)
        {
            _timeout.Restart();
        }
    }

    /// <summary>A character comes in whether there is room or not: by the loopback.</summary>
    private void Receive(byte value)
    {
        if (!IsReceiving)
        {
            return;
        }

        if (_received < ReceiverSize)
        {
            Append(value, 0);
            _timeout.Restart();
        }
        else
        {
            // What is in the FIFO stays, and the newcomer is lost (3.3.2).
            _isOverrun = true;
            _receiveErrors |= OverrunError;
            _rawInterrupts |= OverrunError << InterruptErrorShift;
        }
    }

    private void Append(byte value, byte errors)
    {
        _characters[(_first + _received) % LargeFifo] = (ushort)(value | (errors << DataErrorShift));
        _received++;
        _rawInterrupts |= (ushort)(errors << InterruptErrorShift);
        CompareReceiver();
    }

    private uint ReadData()
    {
        uint overrun = _isOverrun ? (uint)OverrunError << DataErrorShift : 0;
        if (_received == 0)
        {
            return overrun;
        }

        ushort character = _characters[_first];
        _first = (_first + 1) % LargeFifo;
        _received--;
        _isOverrun = false;
        _receiveErrors = (byte)((_receiveErrors & OverrunError) | ((character >> DataErrorShift) & CharacterErrorMask));
        CompareReceiver(); // before more come in: a full FIFO that is never seen empty would not interrupt again
        if (_received == 0)
        {
            _rawInterrupts &= unchecked((ushort)~TimeoutInterrupt); // (3.4.4)
        }

        FillReceiver();
        _timeout.Restart();
        return character | overrun;
    }

    private void ResetReceiver()
    {
        _received = 0;
        _isOverrun = false;
        _rawInterrupts &= unchecked((ushort)~TimeoutInterrupt);
        CompareReceiver();
    }

    /// <summary>The interrupt comes when the level is reached, and goes when the guest has read below it (3.4.2).</summary>
    private void CompareReceiver()
    {
        bool isAtLevel = _received >= ReceiverLevel;
        if (!isAtLevel)
        {
            _rawInterrupts &= unchecked((ushort)~ReceiveInterrupt);
        }
        else if (!_isReceiverAtLevel)
        {
            _rawInterrupts |= ReceiveInterrupt;
        }

        _isReceiverAtLevel = isAtLevel;
    }

    private void NoteTimeout()
    {
        if (_received != 0 && _timeout.HasElapsed(TimeoutTime))
        {
            _rawInterrupts |= TimeoutInterrupt;
        }
    }

    /// <summary>A timer is of use where the timeout would interrupt and nothing of the receiver does yet.</summary>
    private bool AwaitsTimeout =>
        _received != 0 && (_interruptMask & TimeoutInterrupt) != 0 && (_rawInterrupts & TimeoutInterrupt) == 0
        && (_rawInterrupts & _interruptMask & ReceiveInterrupt) == 0;

    private void ScheduleTimeout()
    {
        if (AwaitsTimeout)
        {
            _timeout.Schedule(TimeoutTime);
        }
    }

    private void OnTimeout()
    {
        NoteTimeout();
        UpdateInterrupt();
    }

    private void OnInputArrived()
    {
        FillReceiver();
        UpdateInterrupt();
    }
}
