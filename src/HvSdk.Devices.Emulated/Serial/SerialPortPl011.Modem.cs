using static HvSdk.Devices.Emulated.Serial.Pl011Bits;

namespace HvSdk.Devices.Emulated;

// The modem lines, of both sides. Bits are those of their interrupts, so that a change is its interrupt.
public sealed partial class SerialPortPl011
{
    /// <summary>The input pins as the host sets them.</summary>
    private byte _inputPins = (byte)(CtsInterrupt | DsrInterrupt | DcdInterrupt);

    /// <summary>The inputs as the UART sees them.</summary>
    private byte _modemLines = (byte)(CtsInterrupt | DsrInterrupt | DcdInterrupt);

    /// <summary>CTS, an input of the guest's UART: its peer is ready to receive. Default: true.</summary>
    public bool ClearToSend
    {
        get => GetPin(CtsInterrupt);
        set => SetPin(CtsInterrupt, value);
    }

    /// <summary>DSR, an input of the guest's UART: its peer is there. Default: true.</summary>
    public bool DataSetReady
    {
        get => GetPin(DsrInterrupt);
        set => SetPin(DsrInterrupt, value);
    }

    /// <summary>RI, an input of the guest's UART: the telephone rings. Default: false.</summary>
    public bool RingIndicator
    {
        get => GetPin(RiInterrupt);
        set => SetPin(RiInterrupt, value);
    }

    /// <summary>DCD, an input of the guest's UART: its peer is connected. Default: true.</summary>
    public bool CarrierDetect
    {
        get => GetPin(DcdInterrupt);
        set => SetPin(DcdInterrupt, value);
    }

    /// <summary>DTR, an output of the guest's UART: the guest is there.</summary>
    public bool DataTerminalReady => (Volatile.Read(ref _control) & (DataTransmitReady | LoopbackEnable)) == DataTransmitReady;

    /// <summary>RTS, an output of the guest's UART: the guest is ready to receive. What the host sends waits for the guest either way.</summary>
    public bool RequestToSend => (Volatile.Read(ref _control) & (RequestToSendBit | LoopbackEnable)) == RequestToSendBit;

    /// <summary>The guest sends a break.</summary>
    public bool IsBreaking => (Volatile.Read(ref _lineControl) & SendBreakBit) != 0 && (Volatile.Read(ref _control) & LoopbackEnable) == 0;

    private bool GetPin(ushort pin) => (Volatile.Read(ref _inputPins) & pin) != 0;

    private void SetPin(ushort pin, bool value)
    {
        lock (_gate)
        {
            CompleteTransmission(); // what CTS has let through has gone
            _inputPins = (byte)(value ? _inputPins | pin : _inputPins & ~pin);
            UpdateModemLines();
            CompleteTransmission(); // CTS may have let it go on
            UpdateInterrupt();
        }
    }

    private uint ReadModemFlags() =>
        ((_modemLines & CtsInterrupt) != 0 ? FlagCts : 0)
        | ((_modemLines & DsrInterrupt) != 0 ? FlagDsr : 0)
        | ((_modemLines & DcdInterrupt) != 0 ? FlagDcd : 0)
        | ((_modemLines & RiInterrupt) != 0 ? FlagRi : 0);

    private void UpdateModemLines()
    {
        byte lines = IsLoopback ? LoopedBack() : _inputPins;
        _rawInterrupts |= (ushort)(lines ^ _modemLines); // a change either way (3.4.1)
        _modemLines = lines;
    }

    /// <summary>The four outputs, led to the four inputs (3.3.8, LBE).</summary>
    private byte LoopedBack() => (byte)(
        ((_control & RequestToSendBit) != 0 ? CtsInterrupt : 0)
        | ((_control & DataTransmitReady) != 0 ? DsrInterrupt : 0)
        | ((_control & Out1) != 0 ? DcdInterrupt : 0)
        | ((_control & Out2) != 0 ? RiInterrupt : 0));
}
