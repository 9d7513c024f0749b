using HvSdk.Devices.Emulated.State;
using HvSdk.Devices.Emulated.Streams;
using static HvSdk.Devices.Emulated.Serial.Pl011Bits;

namespace HvSdk.Devices.Emulated;

// Saving and restoring.
public sealed partial class SerialPortPl011
{
    private const uint MaxDivisor = (1 << (16 + DivisorFractionBits)) - 1;

    /// <summary>The UART's state. The guest should not run meanwhile, or the state is that of some moment.</summary>
    public SerialPortPl011State SaveState()
    {
        lock (_gate)
        {
            Settle();
            UpdateInterrupt();
            _wire.PassOn();
            return new SerialPortPl011State
            {
                Control = _control,
                LineControl = _lineControl,
                IntegerDivisor = _integerDivisor,
                FractionalDivisor = _fractionalDivisor,
                ActiveDivisor = _divisor,
                FifoLevels = _fifoLevels,
                InterruptMask = _interruptMask,
                RawInterrupts = _rawInterrupts,
                LowPowerDivisor = _lowPowerDivisor,
                DmaControl = _dmaControl,
                InputPins = _inputPins,
                ReceiveErrors = _receiveErrors,
                Overrun = _isOverrun,
                ReceivedCharacters = Unroll(shift: 0),
                ReceivedErrors = Unroll(DataErrorShift),
                PendingInput = _wire.PendingInput.ToArray(),
                BreakPending = _isBreakOwed,
                HeldCharacters = _wire.Held.ToArray(),
                TransmitterEmpty = _wire.InTransit == 0,
            };
        }
    }

    /// <summary>Puts a state back. What is in the pipes stays there; the interrupt line gets the level that the state asks for.</summary>
    /// <param name="state">A state of <see cref="SaveState"/>.</param>
    /// <exception cref="ArgumentException">The state cannot be one of this UART's; the text names the field.</exception>
    public void LoadState(SerialPortPl011State state)
    {
        ArgumentNullException.ThrowIfNull(state);
        Validate(state);
        lock (_gate)
        {
            _control = state.Control;
            _lineControl = state.LineControl;
            _integerDivisor = state.IntegerDivisor;
            _fractionalDivisor = state.FractionalDivisor;
            _divisor = state.ActiveDivisor;
            _fifoLevels = state.FifoLevels;
            _interruptMask = state.InterruptMask;
            _lowPowerDivisor = state.LowPowerDivisor;
            _dmaControl = state.DmaControl;
            _inputPins = state.InputPins;
            _modemLines = IsLoopback ? LoopedBack() : _inputPins;
            _receiveErrors = state.ReceiveErrors;
            _isOverrun = state.Overrun;
            _isBreakOwed = state.BreakPending;
            _first = 0;
            _received = state.ReceivedCharacters.Length;
            for (int i = 0; i < _received; i++)
            {
                _characters[i] = (ushort)(state.ReceivedCharacters[i] | (state.ReceivedErrors[i] << DataErrorShift));
            }

            _wire.Restore(state.HeldCharacters, state.TransmitterEmpty, state.PendingInput);
            CompareReceiver();
            CompareTransmitter();
            _rawInterrupts = state.RawInterrupts; // what the comparators made of the change of state is none of the guest's
            _timeout.Restart();
            Settle();
            UpdateInterrupt();
        }
    }

    private void Validate(SerialPortPl011State state)
    {
        StateCheck.Bits(nameof(state.Control), state.Control, ControlMask);
        StateCheck.Bits(nameof(state.FractionalDivisor), state.FractionalDivisor, FractionalDivisorMask);
        StateCheck.Range(nameof(state.ActiveDivisor), state.ActiveDivisor, 0, MaxDivisor);
        StateCheck.Bits(nameof(state.FifoLevels), state.FifoLevels, FifoLevelMask);
        StateCheck.Bits(nameof(state.InterruptMask), state.InterruptMask, InterruptMask);
        StateCheck.Bits(nameof(state.RawInterrupts), state.RawInterrupts, InterruptMask);
        StateCheck.Bits(nameof(state.DmaControl), state.DmaControl, DmaControlMask);
        StateCheck.Bits(nameof(state.InputPins), state.InputPins, ModemMask);
        StateCheck.Bits(nameof(state.ReceiveErrors), state.ReceiveErrors, ErrorMask);
        int size = (state.LineControl & FifoEnable) != 0 ? FifoSize : 1;
        StateCheck.Length(nameof(state.ReceivedCharacters), state.ReceivedCharacters, 0, size);
        StateCheck.Length(nameof(state.ReceivedErrors), state.ReceivedErrors, state.ReceivedCharacters.Length, state.ReceivedCharacters.Length);
        Array.ForEach(state.ReceivedErrors, static errors => StateCheck.Bits(nameof(state.ReceivedErrors), errors, CharacterErrorMask));
        StateCheck.Length(nameof(state.PendingInput), state.PendingInput, 0, SerialWire.MaxPendingInput);
        StateCheck.Length(nameof(state.HeldCharacters), state.HeldCharacters, 0, state.TransmitterEmpty ? 0 : size);
    }

    private byte[] Unroll(int shift)
    {
        byte[] result = new byte[_received];
        for (int i = 0; i < result.Length; i++)
        {
            result[i] = (byte)(_characters[(_first + i) % LargeFifo] >> shift);
        }

        return result;
    }
}
