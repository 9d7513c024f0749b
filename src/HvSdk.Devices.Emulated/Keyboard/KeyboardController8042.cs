using HvSdk.Devices.Emulated.Keyboard;

namespace HvSdk.Devices.Emulated;

/// <summary>The i8042 keyboard controller of a PC and the keyboard on it (IBM PS/2 Hardware Interface Technical Reference, keyboard and auxiliary device controller).</summary>
/// <remarks>
/// There is no mouse: the auxiliary port is there and answers as one that nothing is connected to. The A20 gate is kept as a bit; memory is not masked
/// by it. A guest that pulses the reset line, or writes it to the output port, resets the machine. Any thread may call any member.
/// </remarks>
/// <example>
/// <code>
/// var keyboard = new KeyboardController8042();
/// keyboard.SendScanCodes([0x1C, 0xF0, 0x1C]); // A, pressed and released
/// </code>
/// </example>
public sealed partial class KeyboardController8042 : IPlatformDevice
{
    private readonly Lock _gate = new();
    private readonly Ps2Keyboard _keyboard = new();
    private IInterruptLine? _interrupt;

    /// <summary>Makes a keyboard controller at the place of a PC's.</summary>
    public KeyboardController8042()
    {
        Data = new Window(this, isCommand: false);
        Command = new Window(this, isCommand: true);
    }

    /// <summary>The port of data. Default: 0x60.</summary>
    public ushort DataPort { get; init; } = 0x60;

    /// <summary>The port of status and commands. Default: 0x64.</summary>
    public ushort CommandPort { get; init; } = 0x64;

    /// <summary>The number of the keyboard's interrupt line. Default: 1.</summary>
    public int InterruptLine { get; init; } = 1;

    /// <summary>Answers <see cref="DataPort"/>, a window of one port.</summary>
    public IBusDevice Data { get; }

    /// <summary>Answers <see cref="CommandPort"/>, a window of one port.</summary>
    public IBusDevice Command { get; }

    /// <summary>Where the keyboard's interrupt goes. A machine sets it.</summary>
    public IInterruptLine? Interrupt
    {
        get => _interrupt;
        set
        {
            lock (_gate)
            {
                _interrupt = value;
                value?.Set(_level);
            }
        }
    }

    /// <summary>What a reset acts on. A machine sets it.</summary>
    public IMachineControl? Machine { get; set; }

    /// <summary>The lights that the guest has switched on.</summary>
    public KeyboardLeds Leds
    {
        get
        {
            lock (_gate)
            {
                return (KeyboardLeds)_keyboard.Leds;
            }
        }
    }

    /// <summary>The A20 gate, as the guest has set it: bit 1 of the output port.</summary>
    public bool IsA20Enabled
    {
        get
        {
            lock (_gate)
            {
                return (_outputPort & OutputA20) != 0;
            }
        }
    }

    /// <inheritdoc/>
    public void Attach(IDeviceSlot slot)
    {
        ArgumentNullException.ThrowIfNull(slot);
        Machine = slot.Machine;
        slot.MapPorts(DataPort, 1, Data);
        slot.MapPorts(CommandPort, 1, Command);
        Interrupt = slot.ConnectLine(InterruptLine, InterruptSense.Edge);
        slot.Acpi = new AcpiIdentity { HardwareId = "PNP0303" };
    }

    /// <summary>Presses keys, or lets go of them.</summary>
    /// <param name="codes">
    /// Scan codes of set 2, as a keyboard sends them; the controller translates them to set 1 where the guest asks for that, and mostly it does.
    /// </param>
    /// <returns>How many of the codes the keyboard's buffer of 16 bytes took: fewer than were given where the guest does not read them.</returns>
    public int SendScanCodes(ReadOnlySpan<byte> codes)
    {
        lock (_gate)
        {
            int taken = _keyboard.Press(codes);
            FillOutputBuffer();
            UpdateInterrupt();
            return taken;
        }
    }

    private sealed class Window(KeyboardController8042 controller, bool isCommand) : IBusDevice
    {
        public void Read(ulong offset, Span<byte> data)
        {
            data.Fill(0xFF);
            if (offset == 0 && !data.IsEmpty)
            {
                data[0] = isCommand ? controller.ReadStatus() : controller.ReadData();
            }
        }

        public void Write(ulong offset, ReadOnlySpan<byte> data)
        {
            if (offset != 0 || data.IsEmpty)
            {
                return;
            }

            bool isReset = isCommand ? controller.WriteCommand(data[0]) : controller.WriteData(data[0]);
            if (isReset)
            {
                controller.Machine?.Reset();
            }
        }
    }
}

/// <summary>Lights of a keyboard.</summary>
[Flags]
public enum KeyboardLeds : byte
{
    /// <summary>All are dark.</summary>
    None = 0,

    /// <summary>Scroll lock.</summary>
    ScrollLock = 1 << 0,

    /// <summary>Num lock.</summary>
    NumLock = 1 << 1,

    /// <summary>Caps lock.</summary>
    CapsLock = 1 << 2,
}
