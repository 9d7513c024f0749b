using static HvSdk.Devices.Emulated.Serial.Pl011Bits;

namespace HvSdk.Devices.Emulated;

// From the guest to the host.
public sealed partial class SerialPortPl011
{
    /// <summary>What the transmitter's comparator said last.</summary>
    private bool _isTransmitterLow = true;
    private bool _isTransmitterEmpty = true;

    private int TransmitterSize => IsFifo ? FifoSize : 1;

    /// <summary>At how many characters, or fewer, the transmitter asks for more (3.4.3).</summary>
    private int TransmitterLevel => IsFifo ? Level(_fifoLevels & LevelMask) : 0;

    private bool CanSend =>
        (_control & (UartEnable | TransmitEnable)) == (UartEnable | TransmitEnable)
        && ((_control & CtsFlowControl) == 0 || (_modemLines & CtsInterrupt) != 0);

    /// <summary>The five levels of UARTIFLS, in eighths of a FIFO; the reserved values are the highest (3.3.9).</summary>
    private int Level(uint selection) => FifoSize / 8 * (selection switch
    {
        0 => 1,
        1 => 2,
        2 => 4,
        3 => 6,
        _ => 7,
    });

    private void WriteData(byte value)
    {
        if (IsLoopback && CanSend)
        {
            Receive(value);
            _rawInterrupts |= TransmitInterrupt; // in and out at once
            return;
        }

        if (_wire.Held.Length != 0)
        {
            CompleteTransmission(); // the host may have read since
        }

        _wire.Send(value, TransmitterSize, CanSend);
        CompareTransmitter();

        // One look for a full FIFO rather than one for each character of it.
        if (_wire.InTransit >= TransmitterSize)
        {
            CompleteTransmission();
        }
        else
        {
            _wire.Schedule();
        }
    }

    /// <summary>Sends what the transmitter holds, if it may and the host has room for it.</summary>
    private void CompleteTransmission()
    {
        if (CanSend)
        {
            _ = _wire.Transmit();
            CompareTransmitter();
        }
    }

    /// <summary>
    /// The interrupt comes with the step from above the level to it, and goes with the step back (3.4.3). It comes as well when the last character has left, whether
    /// the level was ever passed or not: a driver that writes a few characters and waits would wait forever otherwise, as the FIFO never fills.
    /// </summary>
    private void CompareTransmitter()
    {
        int count = _wire.InTransit;
        bool isLow = count <= TransmitterLevel;
        bool isEmpty = count == 0;
        if (!isLow)
        {
            _rawInterrupts &= unchecked((ushort)~TransmitInterrupt);
        }
        else if (!_isTransmitterLow || (isEmpty && !_isTransmitterEmpty))
        {
            _rawInterrupts |= TransmitInterrupt;
        }

        _isTransmitterLow = isLow;
        _isTransmitterEmpty = isEmpty;
    }

    private void OnTransmitterTime()
    {
        CompleteTransmission();
        UpdateInterrupt();
    }
}
