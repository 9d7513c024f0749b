namespace HvSdk.Devices.Emulated;

/// <summary>State of a <see cref="KeyboardController8042"/> and its keyboard, as plain data.</summary>
public sealed record KeyboardController8042State
{
    /// <summary>The command byte.</summary>
    public byte CommandByte { get; init; }

    /// <summary>The output port.</summary>
    public byte OutputPort { get; init; }

    /// <summary>Bit 2 of the status register: the self test has passed.</summary>
    public bool SystemFlag { get; init; }

    /// <summary>Bit 3 of the status register: the last write was a command.</summary>
    public bool LastWriteWasCommand { get; init; }

    /// <summary>The controller's command whose argument is awaited, or 0.</summary>
    public byte AwaitedCommand { get; init; }

    /// <summary>The controller's memory, 32 bytes; the first is the command byte.</summary>
    public byte[] Memory { get; init; } = new byte[32];

    /// <summary>The byte in the output buffer, or null.</summary>
    public byte? OutputBuffer { get; init; }

    /// <summary>The byte in the output buffer, or the one read last.</summary>
    public byte LastOutput { get; init; }

    /// <summary>Bits 5 and 6 of the status register, of the byte in the output buffer.</summary>
    public byte OutputFlags { get; init; }

    /// <summary>The byte in the output buffer is an answer of the controller.</summary>
    public bool OutputIsAnswer { get; init; }

    /// <summary>An answer that waits until the output buffer has been read, or null.</summary>
    public byte? WaitingAnswer { get; init; }

    /// <summary>Bits 5 and 6 of the status register, of the answer that waits.</summary>
    public byte WaitingAnswerFlags { get; init; }

    /// <summary>The translation has seen the prefix of a released key.</summary>
    public bool ReleasePrefix { get; init; }

    /// <summary>Key codes of set 2 in the keyboard, at most 16.</summary>
    public byte[] KeyBuffer { get; init; } = [];

    /// <summary>Replies of the keyboard, at most 16 bytes.</summary>
    public byte[] KeyboardReplies { get; init; } = [];

    /// <summary>The keyboard's command whose argument is awaited, or 0.</summary>
    public byte AwaitedKeyboardCommand { get; init; }

    /// <summary>The keyboard's lights: scroll, num and caps lock in bits 0 to 2.</summary>
    public byte Leds { get; init; }

    /// <summary>Rate and delay of repeated keys, 0 to 0x7F.</summary>
    public byte Typematic { get; init; }

    /// <summary>The keyboard's scan code set, 1 or 2.</summary>
    public byte ScanCodeSet { get; init; } = 2;

    /// <summary>The keyboard sends keys.</summary>
    public bool Scanning { get; init; }

    /// <summary>The byte that the keyboard sent last.</summary>
    public byte LastSent { get; init; }
}
