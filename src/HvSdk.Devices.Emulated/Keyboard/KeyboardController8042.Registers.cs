using HvSdk.Devices.Emulated.Keyboard;

namespace HvSdk.Devices.Emulated;

// The two ports.
public sealed partial class KeyboardController8042
{
    // Status register
    private const byte StatusOutputFull = 1 << 0;
    private const byte StatusSystem = 1 << 2;
    private const byte StatusCommand = 1 << 3;
    private const byte StatusUnlocked = 1 << 4;
    private const byte StatusAux = 1 << 5;
    private const byte StatusTimeout = 1 << 6;

    // Command byte
    private const byte KeyboardInterrupt = 1 << 0;
    private const byte SystemFlag = 1 << 2;
    private const byte DisableKeyboard = 1 << 4;
    private const byte DisableAux = 1 << 5;
    private const byte Translate = 1 << 6;

    // Output port
    private const byte OutputNoReset = 1 << 0;
    private const byte OutputA20 = 1 << 1;
    private const byte OutputKeyboardFull = 1 << 4;
    private const byte OutputAuxFull = 1 << 5;

    private const int MemorySize = 32;
    private const byte InputPort = 0x80; // the keyboard is not locked

    /// <summary>The controller's memory; byte 0 is the command byte, as firmware leaves it.</summary>
    private readonly byte[] _memory = [KeyboardInterrupt | SystemFlag | DisableAux | Translate, .. new byte[MemorySize - 1]];
    private byte _outputPort = OutputNoReset | OutputA20 | 0xCC;
    private bool _isTested = true;
    private bool _lastWasCommand;
    private byte _awaitedCommand;

    /// <summary>The output buffer.</summary>
    private byte _output;
    private bool _isFull;

    /// <summary>Bits 5 and 6 of the status, of the byte in the output buffer.</summary>
    private byte _outputFlags;

    /// <summary>The output buffer holds an answer of the controller, not a byte of the keyboard.</summary>
    private bool _isAnswer;

    /// <summary>An answer that waits until the guest has read a byte of the keyboard.</summary>
    private (byte Value, byte Flags)? _waitingAnswer;
    private bool _isReleased;
    private bool _level;

    private byte CommandByte => _memory[0];

    private byte ReadStatus()
    {
        lock (_gate)
        {
            return (byte)(
                (_isFull ? StatusOutputFull | _outputFlags : 0)
                | (_isTested ? StatusSystem : 0)
                | (_lastWasCommand ? StatusCommand : 0)
                | StatusUnlocked);
        }
    }

    private byte ReadData()
    {
        lock (_gate)
        {
            byte value = _output;
            _isFull = false;
            UpdateInterrupt(); // the next byte is an edge of its own
            FillOutputBuffer();
            UpdateInterrupt();
            return value;
        }
    }

    /// <returns>True: reset the machine.</returns>
    private bool WriteCommand(byte command)
    {
        lock (_gate)
        {
            _lastWasCommand = true;
            _awaitedCommand = 0;
            bool isReset = Execute(command);
            FillOutputBuffer();
            UpdateInterrupt();
            return isReset;
        }
    }

    private bool Execute(byte command)
    {
        switch (command)
        {
            case >= 0x20 and <= 0x3F: // read the controller's memory
                Answer(_memory[command & (MemorySize - 1)]);
                break;
            case (>= 0x60 and <= 0x7F) or (>= 0xD1 and <= 0xD4): // an argument follows
                _awaitedCommand = command;
                break;
            case 0xA4: // is there a password? no
                Answer(0xF1);
                break;
            case 0xA7:
                _memory[0] |= DisableAux;
                break;
            case 0xA8:
                _memory[0] &= unchecked((byte)~DisableAux);
                break;
            case 0xA9: // auxiliary interface test: the clock line is stuck low, for there is no device
                Answer(0x01);
                break;
            case 0xAA: // self test: passed; it starts with an empty output buffer
                _isFull = false;
                UpdateInterrupt();
                _isTested = true;
                _memory[0] |= SystemFlag;
                Answer(0x55);
                break;
            case 0xAB: // keyboard interface test: no error
                Answer(0x00);
                break;
            case 0xAD:
                _memory[0] |= DisableKeyboard;
                break;
            case 0xAE:
                _memory[0] &= unchecked((byte)~DisableKeyboard);
                break;
            case 0xC0:
                Answer(InputPort);
                break;
            case 0xD0:
                Answer((byte)(_outputPort | (_isFull ? ((_outputFlags & StatusAux) != 0 ? OutputAuxFull : OutputKeyboardFull) : 0)));
                break;
            case 0xDD:
                _outputPort &= unchecked((byte)~OutputA20);
                break;
            case 0xDF:
                _outputPort |= OutputA20;
                break;
            case 0xE0: // test inputs: both lines low
                Answer(0x00);
                break;
            case >= 0xF0: // pulses the bits of the output port that are 0 here; bit 0 is the processor's reset
                return (command & OutputNoReset) == 0;
            default:
                break;
        }

        return false;
    }

    /// <returns>True: reset the machine.</returns>
    private bool WriteData(byte value)
    {
        lock (_gate)
        {
            _lastWasCommand = false;
            byte command = _awaitedCommand;
            _awaitedCommand = 0;
            bool isReset = false;
            switch (command)
            {
                case >= 0x60 and <= 0x7F:
                    _memory[command & (MemorySize - 1)] = value;
                    if (command == 0x60)
                    {
                        _isTested = (value & SystemFlag) != 0;
                    }

                    break;
                case 0xD1:
                    _outputPort = (byte)(value & ~(OutputKeyboardFull | OutputAuxFull));
                    isReset = (value & OutputNoReset) == 0;
                    _outputPort |= OutputNoReset; // the reset takes it back
                    break;
                case 0xD2 or 0xD3: // as if a device had sent it; with nothing connected, the second does not come from the auxiliary one
                    Answer(value);
                    break;
                case 0xD4: // to the auxiliary device, which does not answer
                    Answer(0xFE, StatusAux | StatusTimeout);
                    break;
                default:
                    _memory[0] &= unchecked((byte)~DisableKeyboard); // to send, the controller needs the keyboard's clock
                    _keyboard.Receive(value);
                    break;
            }

            FillOutputBuffer();
            UpdateInterrupt();
            return isReset;
        }
    }

    /// <summary>The controller's answer goes before what the keyboard still has to send, and replaces an answer that nobody has read.</summary>
    private void Answer(byte value, byte flags = 0)
    {
        if (_isFull && _isAnswer)
        {
            _isFull = false;
            UpdateInterrupt(); // the new one is an edge of its own
        }

        _waitingAnswer = (value, flags);
        FillOutputBuffer();
    }

    private void FillOutputBuffer()
    {
        if (!_isFull && _waitingAnswer is { } answer)
        {
            _waitingAnswer = null;
            SetOutput(answer.Value, answer.Flags, isAnswer: true);
        }

        while (!_isFull && (CommandByte & DisableKeyboard) == 0 && _keyboard.TrySend(out byte value))
        {
            if ((CommandByte & Translate) == 0)
            {
                SetOutput(value, 0, isAnswer: false);
            }
            else if (value == ScanCodes.Release)
            {
                _isReleased = true;
            }
            else
            {
                SetOutput((byte)(ScanCodes.ToSet1(value) | (_isReleased ? 0x80 : 0)), 0, isAnswer: false);
                _isReleased = false;
            }
        }
    }

    private void SetOutput(byte value, byte flags, bool isAnswer)
    {
        _isAnswer = isAnswer;
        _output = value;
        _outputFlags = flags;
        _isFull = true;
    }

    private void UpdateInterrupt()
    {
        bool level = _isFull && (_outputFlags & StatusAux) == 0 && (CommandByte & KeyboardInterrupt) != 0;
        if (level != _level)
        {
            _level = level;
            _interrupt?.Set(level);
        }
    }
}
