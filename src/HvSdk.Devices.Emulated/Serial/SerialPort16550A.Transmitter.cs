using static HvSdk.Devices.Emulated.Serial.UartBits;

namespace HvSdk.Devices.Emulated;

// From the guest to the host.
public sealed partial class SerialPort16550A
{
    private const int FifoSize = 16;

    /// <summary>What the guest wrote while the host had no room: the transmitter's FIFO proper.</summary>
    private readonly byte[] _held = new byte[FifoSize];
    private int _heldCount;

    /// <summary>How many characters the guest has written since the transmitter was last seen empty.</summary>
    private int _inTransit;
    private bool _isTransmitterPending;
    private long _overrunBytes;

    /// <summary>LSR bits 5 and 6. A character leaves the shift register at once, so the two say the same.</summary>
    private bool IsTransmitterEmpty => _inTransit == 0;

    private void WriteTransmitterHolding(byte value)
    {
        if (IsLoopback)
        {
            Receive(value, 0);
            _isTransmitterPending = true;
            UpdateInterrupt();
            return;
        }

        if (_heldCount != 0)
        {
            CompleteTransmission(); // the host may have read since
        }

        if (_isTransmitterPending)
        {
            // The write ends the interrupt (table IV), and the next is an edge of its own.
            _isTransmitterPending = false;
            UpdateInterrupt();
        }

        if (Output.IsReady && _heldCount == 0)
        {
            _output!.Write(value);
            _inTransit++;
        }
        else if (_heldCount < (IsFifo ? FifoSize : 1))
        {
            _held[_heldCount++] = value;
            _inTransit++;
        }
        else
        {
            _overrunBytes++;
        }

        // One interrupt for a full FIFO rather than one for each character of it.
        if (!IsFifo || _inTransit >= FifoSize)
        {
            CompleteTransmission();
            UpdateInterrupt();
        }
        else
        {
            _output!.Schedule();
        }
    }

    /// <summary>Sends what the transmitter holds, if the host has room for it.</summary>
    private void CompleteTransmission()
    {
        if (_inTransit == 0)
        {
            return;
        }

        int sent = 0;
        while (sent < _heldCount && _output!.IsReady)
        {
            _output.Write(_held[sent++]);
        }

        _held.AsSpan(sent, _heldCount - sent).CopyTo(_held);
        _heldCount -= sent;
        if (_heldCount == 0 && _output!.IsReady)
        {
            _inTransit = 0;
            _isTransmitterPending = true;
        }
    }

    private void ResetTransmitterFifo()
    {
        // The character in the shift register is not cleared (8.5), and here all characters that could go have gone.
        _overrunBytes += _heldCount;
        _heldCount = 0;
        if (_inTransit != 0)
        {
            _inTransit = 0;
            _isTransmitterPending = true;
        }
    }

    private void OnTransmitterTime()
    {
        CompleteTransmission();
        UpdateInterrupt();
    }
}
