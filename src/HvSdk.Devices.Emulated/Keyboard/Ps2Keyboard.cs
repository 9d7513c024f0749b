namespace HvSdk.Devices.Emulated.Keyboard;

/// <summary>The keyboard behind the controller: an MF2 keyboard's commands, and a buffer of keys (IBM PS/2 Hardware Interface Technical Reference, keyboards).</summary>
/// <remarks>Its owner holds the lock.</remarks>
internal sealed class Ps2Keyboard
{
    /// <summary>As many as a keyboard's own buffer holds; Linux takes more than 16 waiting bytes for a missing controller.</summary>
    internal const int KeyBufferSize = 16;

    private const int ReplyBufferSize = 16;
    private const byte Acknowledge = 0xFA;
    private const byte Resend = 0xFE;
    private const byte TestPassed = 0xAA;
    private const byte Echo = 0xEE;

    private readonly Queue<byte> _keys = new(KeyBufferSize);
    private readonly Queue<byte> _replies = new(ReplyBufferSize);
    private byte _lastSent;
    private bool _isReleased;

    /// <summary>The command whose argument is awaited, or 0.</summary>
    internal byte AwaitedCommand { get; private set; }

    /// <summary>Scroll, num and caps lock: bits 0 to 2.</summary>
    internal byte Leds { get; private set; }

    /// <summary>Rate and delay of repeated keys, as the guest set them.</summary>
    internal byte Typematic { get; private set; } = 0x2B;

    /// <summary>1 or 2.</summary>
    internal byte ScanCodeSet { get; private set; } = 2;

    /// <summary>The keyboard sends keys.</summary>
    internal bool IsScanning { get; private set; } = true;

    internal IReadOnlyCollection<byte> Keys => _keys;

    internal IReadOnlyCollection<byte> Replies => _replies;

    internal byte LastSent => _lastSent;

    /// <summary>There is a byte to send.</summary>
    internal bool HasByte => _replies.Count != 0 || (IsScanning && _keys.Count != 0);

    /// <summary>Takes key codes of set 2, as many as fit.</summary>
    internal int Press(ReadOnlySpan<byte> codes)
    {
        int taken = int.Min(codes.Length, KeyBufferSize - _keys.Count);
        foreach (byte code in codes[..taken])
        {
            _keys.Enqueue(code);
        }

        return taken;
    }

    /// <summary>The next byte on the wire; false where a release code of set 1 still lacks its key.</summary>
    internal bool TrySend(out byte value)
    {
        if (_replies.TryDequeue(out value))
        {
            _lastSent = value;
            return true;
        }

        while (IsScanning && _keys.TryDequeue(out value))
        {
            if (ScanCodeSet == 1)
            {
                if (value == ScanCodes.Release)
                {
                    _isReleased = true;
                    continue;
                }

                value = (byte)(ScanCodes.ToSet1(value) | (_isReleased ? 0x80 : 0));
                _isReleased = false;
            }

            _lastSent = value;
            return true;
        }

        return false;
    }

    /// <summary>The guest sends a byte to the keyboard.</summary>
    internal void Receive(byte value)
    {
        byte awaited = AwaitedCommand;
        AwaitedCommand = 0;
        switch (awaited)
        {
            case 0xED when value < 0x80:
                Leds = (byte)(value & 0x07);
                Reply(Acknowledge);
                return;
            case 0xF3 when value < 0x80:
                Typematic = value;
                Reply(Acknowledge);
                return;
            case 0xF0 when value < 0x80:
                ReceiveScanCodeSet(value);
                return;
            default:
                ReceiveCommand(value); // a command in place of the argument is taken as a command
                return;
        }
    }

    internal void Restore(KeyboardController8042State state)
    {
        _keys.Clear();
        _replies.Clear();
        foreach (byte key in state.KeyBuffer)
        {
            _keys.Enqueue(key);
        }

        foreach (byte reply in state.KeyboardReplies)
        {
            _replies.Enqueue(reply);
        }

        AwaitedCommand = state.AwaitedKeyboardCommand;
        Leds = state.Leds;
        Typematic = state.Typematic;
        ScanCodeSet = state.ScanCodeSet;
        IsScanning = state.Scanning;
        _lastSent = state.LastSent;
        _isReleased = false;
    }

    private void ReceiveCommand(byte command)
    {
        switch (command)
        {
            case 0xED or 0xF0 or 0xF3: // LEDs, scan code set, typematic rate: an argument follows
                AwaitedCommand = command;
                Reply(Acknowledge);
                break;
            case 0xEE:
                Reply(Echo);
                break;
            case 0xF2: // identify: an MF2 keyboard
                Reply(Acknowledge, 0xAB, 0x83);
                break;
            case 0xF4: // enable
                _keys.Clear();
                IsScanning = true;
                Reply(Acknowledge);
                break;
            case 0xF5: // defaults, and disable
                SetDefaults();
                IsScanning = false;
                Reply(Acknowledge);
                break;
            case 0xF6: // defaults
                SetDefaults();
                Reply(Acknowledge);
                break;
            case 0xFE: // resend
                Reply(_lastSent);
                break;
            case 0xFF: // reset and self test
                SetDefaults();
                Leds = 0;
                IsScanning = true;
                Reply(Acknowledge, TestPassed);
                break;
            default: // also what sets the keys of set 3, which this keyboard does not have
                Reply(Resend);
                break;
        }
    }

    private void ReceiveScanCodeSet(byte value)
    {
        switch (value)
        {
            case 0:
                Reply(Acknowledge, ScanCodeSet);
                break;
            case 1 or 2:
                ScanCodeSet = value;
                Reply(Acknowledge);
                break;
            default:
                Reply(Resend);
                break;
        }
    }

    private void SetDefaults()
    {
        _keys.Clear();
        _isReleased = false;
        Typematic = 0x2B;
        ScanCodeSet = 2;
    }

    private void Reply(params ReadOnlySpan<byte> bytes)
    {
        // A guest that does not read its replies loses them; the buffer does not grow.
        if (_replies.Count + bytes.Length <= ReplyBufferSize)
        {
            foreach (byte value in bytes)
            {
                _replies.Enqueue(value);
            }
        }
    }
}
