using static HvSdk.Devices.Emulated.Serial.UartBits;

namespace HvSdk.Devices.Emulated;

// The modem lines, of both sides.
public sealed partial class SerialPort16550A
{
    /// <summary>The input pins as the host sets them, as in MSR bits 4 to 7.</summary>
    private byte _inputPins = Cts | Dsr | Dcd;

    /// <summary>The inputs as the UART sees them, as in MSR bits 4 to 7.</summary>
    private byte _modemLines = Cts | Dsr | Dcd;

    /// <summary>MSR bits 0 to 3, until MSR is read.</summary>
    private byte _modemDeltas;

    /// <summary>CTS, an input of the guest's UART: its peer is ready to receive. Default: true.</summary>
    public bool ClearToSend
    {
        get => GetPin(Cts);
        set => SetPin(Cts, value);
    }

    /// <summary>DSR, an input of the guest's UART: its peer is there. Default: true.</summary>
    public bool DataSetReady
    {
        get => GetPin(Dsr);
        set => SetPin(Dsr, value);
    }

    /// <summary>RI, an input of the guest's UART: the telephone rings. Default: false.</summary>
    public bool RingIndicator
    {
        get => GetPin(Ri);
        set => SetPin(Ri, value);
    }

    /// <summary>DCD, an input of the guest's UART: its peer is connected. Default: true.</summary>
    public bool CarrierDetect
    {
        get => GetPin(Dcd);
        set => SetPin(Dcd, value);
    }

    /// <summary>DTR, an output of the guest's UART: the guest is there.</summary>
    public bool DataTerminalReady => (Volatile.Read(ref _modemControl) & (Dtr | Loopback)) == Dtr;

    /// <summary>RTS, an output of the guest's UART: the guest is ready to receive. What the host sends waits for the guest either way.</summary>
    public bool RequestToSend => (Volatile.Read(ref _modemControl) & (Rts | Loopback)) == Rts;

    /// <summary>The guest sends a break.</summary>
    public bool IsBreaking => (Volatile.Read(ref _lineControl) & SetBreak) != 0 && (Volatile.Read(ref _modemControl) & Loopback) == 0;

    private bool GetPin(byte pin) => (Volatile.Read(ref _inputPins) & pin) != 0;

    private void SetPin(byte pin, bool value)
    {
        lock (_gate)
        {
            _inputPins = (byte)(value ? _inputPins | pin : _inputPins & ~pin);
            UpdateModemLines();
            UpdateInterrupt();
        }
    }

    /// <returns>True where an output that the host can see changed.</returns>
    private bool WriteModemControl(byte value)
    {
        (bool, bool, bool) before = (DataTerminalReady, RequestToSend, IsBreaking);
        _modemControl = value;
        UpdateModemLines();
        FillReceiver();
        return before != (DataTerminalReady, RequestToSend, IsBreaking);
    }

    private byte ReadModemStatus()
    {
        byte value = (byte)(_modemLines | _modemDeltas);
        _modemDeltas = 0; // (8.9)
        return value;
    }

    private void UpdateModemLines()
    {
        byte lines = IsLoopback ? LoopedBack() : _inputPins;
        int changed = lines ^ _modemLines;
        _modemDeltas |= (byte)((changed & (Cts | Dsr | Dcd)) >> 4);
        if ((changed & Ri) != 0 && (lines & Ri) == 0)
        {
            _modemDeltas |= TrailingEdgeRi; // the end of a ring counts, not its start (8.9)
        }

        _modemLines = lines;
    }

    /// <summary>The four outputs, led to the four inputs (8.8).</summary>
    private byte LoopedBack() => (byte)(
        ((_modemControl & Rts) != 0 ? Cts : 0)
        | ((_modemControl & Dtr) != 0 ? Dsr : 0)
        | ((_modemControl & Out1) != 0 ? Ri : 0)
        | ((_modemControl & Out2) != 0 ? Dcd : 0));
}
