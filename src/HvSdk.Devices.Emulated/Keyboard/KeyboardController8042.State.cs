using HvSdk.Devices.Emulated.Keyboard;
using HvSdk.Devices.Emulated.State;

namespace HvSdk.Devices.Emulated;

// Saving and restoring.
public sealed partial class KeyboardController8042
{
    private const int MaxReplies = 16;

    /// <summary>The state of the controller and its keyboard.</summary>
    public KeyboardController8042State SaveState()
    {
        lock (_gate)
        {
            return new KeyboardController8042State
            {
                CommandByte = CommandByte,
                OutputPort = _outputPort,
                SystemFlag = _isTested,
                LastWriteWasCommand = _lastWasCommand,
                AwaitedCommand = _awaitedCommand,
                Memory = [.. _memory],
                OutputBuffer = _isFull ? _output : null,
                LastOutput = _output,
                OutputFlags = _outputFlags,
                OutputIsAnswer = _isAnswer,
                WaitingAnswer = _waitingAnswer?.Value,
                WaitingAnswerFlags = _waitingAnswer?.Flags ?? 0,
                ReleasePrefix = _isReleased,
                KeyBuffer = [.. _keyboard.Keys],
                KeyboardReplies = [.. _keyboard.Replies],
                AwaitedKeyboardCommand = _keyboard.AwaitedCommand,
                Leds = _keyboard.Leds,
                Typematic = _keyboard.Typematic,
                ScanCodeSet = _keyboard.ScanCodeSet,
                Scanning = _keyboard.IsScanning,
                LastSent = _keyboard.LastSent,
            };
        }
    }

    /// <summary>Puts a state back; the interrupt line gets the level that the state asks for.</summary>
    /// <param name="state">A state of <see cref="SaveState"/>.</param>
    /// <exception cref="ArgumentException">The state cannot be one of this controller's; the text names the field.</exception>
    public void LoadState(KeyboardController8042State state)
    {
        ArgumentNullException.ThrowIfNull(state);
        StateCheck.Length(nameof(state.Memory), state.Memory, MemorySize, MemorySize);
        StateCheck.Length(nameof(state.KeyBuffer), state.KeyBuffer, 0, Ps2Keyboard.KeyBufferSize);
        StateCheck.Length(nameof(state.KeyboardReplies), state.KeyboardReplies, 0, MaxReplies);
        StateCheck.Bits(nameof(state.OutputFlags), state.OutputFlags, StatusAux | StatusTimeout);
        StateCheck.Bits(nameof(state.WaitingAnswerFlags), state.WaitingAnswerFlags, StatusAux | StatusTimeout);
        StateCheck.Bits(nameof(state.Leds), state.Leds, 0x07);
        StateCheck.Bits(nameof(state.Typematic), state.Typematic, 0x7F);
        StateCheck.Range(nameof(state.ScanCodeSet), state.ScanCodeSet, 1, 2);
        lock (_gate)
        {
            state.Memory.CopyTo(_memory, 0);
            _memory[0] = state.CommandByte;
            _outputPort = state.OutputPort;
            _isTested = state.SystemFlag;
            _lastWasCommand = state.LastWriteWasCommand;
            _awaitedCommand = state.AwaitedCommand;
            _isFull = state.OutputBuffer is not null;
            _output = state.OutputBuffer ?? state.LastOutput;
            _outputFlags = state.OutputFlags;
            _isAnswer = state.OutputIsAnswer;
            _waitingAnswer = state.WaitingAnswer is { } answer ? (answer, state.WaitingAnswerFlags) : null;
            _isReleased = state.ReleasePrefix;
            _keyboard.Restore(state);
            FillOutputBuffer();
            UpdateInterrupt();
        }
    }
}
