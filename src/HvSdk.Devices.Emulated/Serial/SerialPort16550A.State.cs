using HvSdk.Devices.Emulated.State;
using HvSdk.Devices.Emulated.Streams;
using static HvSdk.Devices.Emulated.Serial.UartBits;

namespace HvSdk.Devices.Emulated;

// Saving and restoring.
public sealed partial class SerialPort16550A
{
    /// <summary>The UART's state. The guest should not run meanwhile, or the state is that of some moment.</summary>
    public SerialPort16550AState SaveState()
    {
        lock (_gate)
        {
            Settle();
            UpdateInterrupt();
            _wire.PassOn();
            return new SerialPort16550AState
            {
                InterruptEnable = _interruptEnable,
                FifoControl = _fifoControl,
                LineControl = _lineControl,
                ModemControl = _modemControl,
                Scratch = _scratch,
                Divisor = _divisor,
                InputPins = _inputPins,
                ModemDeltas = _modemDeltas,
                LineErrors = _lineErrors,
                ReceivedCharacters = Unroll(_characters),
                ReceivedErrors = Unroll(_characterErrors),
                LastRead = _lastRead,
                PendingInput = _wire.PendingInput.ToArray(),
                BreakPending = _isBreakOwed,
                TimedOut = _isTimedOut,
                HeldCharacters = _wire.Held.ToArray(),
                TransmitterEmpty = IsTransmitterEmpty,
                TransmitterEmptyPending = _isTransmitterPending,
            };
        }
    }

    /// <summary>Puts a state back. What is in the pipes stays there; the interrupt line gets the level that the state asks for.</summary>
    /// <param name="state">A state of <see cref="SaveState"/>.</param>
    /// <exception cref="ArgumentException">The state cannot be one of this UART's; the text names the field.</exception>
    public void LoadState(SerialPort16550AState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        Validate(state);
        lock (_gate)
        {
            _interruptEnable = state.InterruptEnable;
            _fifoControl = state.FifoControl;
            _lineControl = state.LineControl;
            _modemControl = state.ModemControl;
            _scratch = state.Scratch;
            _divisor = state.Divisor;
            _inputPins = state.InputPins;
            _modemLines = IsLoopback ? LoopedBack() : _inputPins;
            _modemDeltas = state.ModemDeltas;
            _lineErrors = state.LineErrors;
            _first = 0;
            _received = state.ReceivedCharacters.Length;
            state.ReceivedCharacters.CopyTo(_characters, 0);
            state.ReceivedErrors.CopyTo(_characterErrors, 0);
            _lastRead = state.LastRead;
            _wire.Restore(state.HeldCharacters, state.TransmitterEmpty, state.PendingInput);
            _isBreakOwed = state.BreakPending;
            RestartTimeout();
            _isTimedOut = state.TimedOut;
            _isTransmitterPending = state.TransmitterEmptyPending;
            Settle();
            UpdateInterrupt();
        }
    }

    private static void Validate(SerialPort16550AState state)
    {
        StateCheck.Bits(nameof(state.InterruptEnable), state.InterruptEnable, InterruptEnableMask);
        StateCheck.Bits(nameof(state.FifoControl), state.FifoControl, FifoEnable | DmaMode | TriggerMask);
        StateCheck.Bits(nameof(state.ModemControl), state.ModemControl, ModemControlMask);
        StateCheck.Bits(nameof(state.InputPins), state.InputPins, Cts | Dsr | Ri | Dcd);
        StateCheck.Bits(nameof(state.ModemDeltas), state.ModemDeltas, 0x0F);
        StateCheck.Bits(nameof(state.LineErrors), state.LineErrors, ErrorMask);
        bool isFifo = (state.FifoControl & FifoEnable) != 0;
        StateCheck.Length(nameof(state.ReceivedCharacters), state.ReceivedCharacters, 0, isFifo ? FifoSize : 1);
        StateCheck.Length(nameof(state.ReceivedErrors), state.ReceivedErrors, state.ReceivedCharacters.Length, state.ReceivedCharacters.Length);
        Array.ForEach(state.ReceivedErrors, static errors => StateCheck.Bits(nameof(state.ReceivedErrors), errors, ParityError | FramingError | BreakInterrupt));
        StateCheck.Length(nameof(state.PendingInput), state.PendingInput, 0, SerialWire.MaxPendingInput);
        StateCheck.Length(nameof(state.HeldCharacters), state.HeldCharacters, 0, state.TransmitterEmpty ? 0 : FifoSize);
    }

    private byte[] Unroll(byte[] ring)
    {
        byte[] result = new byte[_received];
        for (int i = 0; i < result.Length; i++)
        {
            result[i] = ring[(_first + i) % FifoSize];
        }

        return result;
    }
}
