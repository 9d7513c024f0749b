using static HvSdk.Devices.Emulated.Serial.UartBits;

namespace HvSdk.Devices.Emulated;

// From the guest to the host.
public sealed partial class SerialPort16550A
{
    private const int FifoSize = 16;

    private bool _isTransmitterPending;

    /// <summary>LSR bits 5 and 6. A character leaves the shift register at once, so the two say the same.</summary>
    private bool IsTransmitterEmpty => _wire.InTransit == 0;

    private void WriteTransmitterHolding(byte value)
    {
        if (IsLoopback)
        {
            Receive(value, 0);
            _isTransmitterPending = true;
            UpdateInterrupt();
            return;
        }

        if (_wire.Held.Length != 0)
        {
            CompleteTransmission(); // the host may have read since
        }

        if (_isTransmitterPending)
        {
            // The write ends the interrupt (table IV), and the next is an edge of its own.
            _isTransmitterPending = false;
            UpdateInterrupt();
        }

        _wire.Send(value, IsFifo ? FifoSize : 1);

        // One interrupt for a full FIFO rather than one for each character of it.
        if (!IsFifo || _wire.InTransit >= FifoSize)
        {
            CompleteTransmission();
            UpdateInterrupt();
        }
        else
        {
            _wire.Schedule();
        }
    }

    /// <summary>Sends what the transmitter holds, if the host has room for it.</summary>
    private void CompleteTransmission() => _isTransmitterPending |= _wire.Transmit();

    // The character in the shift register is not cleared (8.5), and here all characters that could go have gone.
    private void ResetTransmitterFifo() => _isTransmitterPending |= _wire.ResetTransmitter();

    private void OnTransmitterTime()
    {
        CompleteTransmission();
        UpdateInterrupt();
    }
}
