using System.Buffers.Binary;

namespace HvSdk.Devices.Emulated;

/// <summary>An I/O APIC with 24 inputs (Intel 82093AA, and the end-of-interrupt register of its successors: ICH9 data sheet, 13.5.4). Any thread may call.</summary>
/// <remarks>
/// Registers are 32 bits wide (82093AA, 3.1): of a shorter write only one to IOREGSEL counts. Inputs are asserted when they are active, whatever the
/// polarity bit of their entry says. Several devices on one input are to be joined before it: what was set last counts.
/// </remarks>
public sealed class IoApic : IPlatformDevice, IBusDevice
{
    /// <summary>How many inputs there are.</summary>
    public const int InputCount = 24;

    private const ulong WindowSize = 0x1000;
    private const ulong SelectOffset = 0x00;
    private const ulong WindowOffset = 0x10;
    private const ulong EndOffset = 0x40;
    private const byte FirstEntryRegister = 0x10;
    private const byte VersionWithEnd = 0x20;

    private readonly Lock _gate = new();
    private readonly IIoApicOutput _output;
    private readonly RedirectionEntry[] _entries = new RedirectionEntry[InputCount];
    private readonly MsiMessage?[] _routes = new MsiMessage?[InputCount];
    private readonly Input[] _inputs = new Input[InputCount];
    private uint _lines;
    private byte _selected;
    private byte _id;

    /// <summary>Makes an I/O APIC.</summary>
    /// <param name="output">Where its messages go.</param>
    public IoApic(IIoApicOutput output)
    {
        ArgumentNullException.ThrowIfNull(output);
        _output = output;
        Array.Fill(_entries, RedirectionEntry.Reset);
        for (int input = 0; input < InputCount; input++)
        {
            _inputs[input] = new Input(this, input);
        }
    }

    /// <summary>The GPA of its window of 4 KiB.</summary>
    public ulong Address { get; init; } = 0xFEC0_0000;

    /// <summary>The version that it reports: 0x11 as the 82093AA, or from 0x20 one with an end-of-interrupt register, which saves operating systems a detour.</summary>
    public byte Version { get; init; } = VersionWithEnd;

    /// <summary>The APIC ID after reset, 0 to 15.</summary>
    public byte Id
    {
        get => _id;
        init
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 15);
            _id = value;
        }
    }

    /// <summary>An input.</summary>
    /// <param name="input">0 to 23.</param>
    public IInterruptLine GetInput(int input)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(input);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(input, InputCount);
        return _inputs[input];
    }

    /// <summary>A local APIC reports the end of a level-triggered interrupt; one whose input is still asserted is sent again.</summary>
    /// <param name="vector">The vector.</param>
    public void EndOfInterrupt(byte vector)
    {
        lock (_gate)
        {
            for (int input = 0; input < InputCount; input++)
            {
                ref RedirectionEntry entry = ref _entries[input];
                if (entry.RemoteIrr && entry.Vector == vector)
                {
                    entry.RemoteIrr = false;
                    SendLevel(input);
                }
            }
        }
    }

    /// <inheritdoc/>
    public void Attach(IDeviceSlot slot)
    {
        ArgumentNullException.ThrowIfNull(slot);
        slot.MapMmio(Address, WindowSize, this);
    }

    /// <inheritdoc/>
    public void Read(ulong offset, Span<byte> data)
    {
        uint value;
        lock (_gate)
        {
            value = (offset & ~15UL) switch
            {
                SelectOffset => _selected,
                WindowOffset => ReadRegister(),
                _ => 0,
            };
        }

        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        data.Clear();
        bytes = bytes[(int)(offset & 15)..];
        bytes[..int.Min(bytes.Length, data.Length)].CopyTo(data);
    }

    /// <inheritdoc/>
    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        lock (_gate)
        {
            if (offset == SelectOffset && !data.IsEmpty)
            {
                _selected = data[0];
            }
            else if (data.Length < sizeof(uint))
            {
                return;
            }
            else if (offset == WindowOffset)
            {
                WriteRegister(BinaryPrimitives.ReadUInt32LittleEndian(data));
            }
            else if (offset == EndOffset && Version >= VersionWithEnd)
            {
                EndOfInterrupt(data[0]);
            }
        }
    }

    /// <summary>Takes the state out, the levels of the inputs included.</summary>
    public IoApicState SaveState()
    {
        lock (_gate)
        {
            return new IoApicState
            {
                Selected = _selected,
                Id = _id,
                Lines = _lines,
                Entries = Array.ConvertAll(_entries, static entry => entry.Value),
            };
        }
    }

    /// <summary>Puts a state in. Level-triggered inputs that are asserted and not being served are sent.</summary>
    /// <param name="state">The state.</param>
    /// <exception cref="ArgumentException">It is not one; the text names the field.</exception>
    public void LoadState(IoApicState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        StateField.RequireCount(state.Entries, InputCount, nameof(state.Entries));
        StateField.Require(state.Id, 0, 15, nameof(state.Id));
        StateField.Require(state.Lines, 0, (1 << InputCount) - 1, nameof(state.Lines));
        lock (_gate)
        {
            _selected = state.Selected;
            _id = state.Id;
            _lines = state.Lines;
            for (int input = 0; input < InputCount; input++)
            {
                _entries[input] = new RedirectionEntry(state.Entries[input]);
                SetRoute(input, _entries[input].IsLevel ? _entries[input].Message : null);
                SendLevel(input);
            }
        }
    }

    private uint ReadRegister()
    {
        switch (_selected)
        {
            case 0: // IOAPICID, 3.2.1
            case 2: // IOAPICARB, 3.2.3: loaded with the ID
                return (uint)_id << 24;
            case 1: // IOAPICVER, 3.2.2: the last entry in bits 23 to 16
                return ((uint)(InputCount - 1) << 16) | Version;
            default:
                int index = _selected - FirstEntryRegister;
                if ((uint)index >= 2 * InputCount)
                {
                    return 0;
                }

                ulong entry = _entries[index / 2].Value;
                return index % 2 == 0 ? (uint)entry : (uint)(entry >> 32);
        }
    }

    private void WriteRegister(uint value)
    {
        int index = _selected - FirstEntryRegister;
        if (_selected == 0)
        {
            _id = (byte)((value >> 24) & 15);
        }
        else if ((uint)index < 2 * InputCount)
        {
            ref RedirectionEntry entry = ref _entries[index / 2];
            if (index % 2 == 0)
            {
                entry.WriteLow(value);
            }
            else
            {
                entry.WriteHigh(value);
            }

            UpdateRoute(index / 2);
            SendLevel(index / 2);
        }
    }

    private void SetInput(int input, bool asserted)
    {
        lock (_gate)
        {
            uint bit = 1u << input;
            bool isRise = asserted && (_lines & bit) == 0;
            _lines = asserted ? _lines | bit : _lines & ~bit;
            RedirectionEntry entry = _entries[input];
            if (entry.IsLevel)
            {
                SendLevel(input);
            }
            else if (isRise && !entry.IsMasked && entry.Message is { } message)
            {
                // An edge on a masked input is lost (3.2.4, bit 16).
                _output.Send(message);
            }
        }
    }

    /// <summary>Sends the interrupt of a level-triggered input that is asserted and not being served (3.2.4, bit 14).</summary>
    private void SendLevel(int input)
    {
        ref RedirectionEntry entry = ref _entries[input];
        if ((_lines & (1u << input)) != 0 && entry is { IsLevel: true, IsMasked: false, RemoteIrr: false } && entry.Message is { } message)
        {
            entry.RemoteIrr = true;
            _output.Send(message);
        }
    }

    private void UpdateRoute(int input)
    {
        RedirectionEntry entry = _entries[input];
        MsiMessage? message = entry.IsLevel ? entry.Message : null;

        // The end of an interrupt is awaited through the mask; and a mask that comes and goes is not worth two changes of the host's routes.
        bool isKept = !entry.IsMasked || entry.RemoteIrr || _routes[input] == message;
        SetRoute(input, isKept ? message : null);
    }

    private void SetRoute(int input, MsiMessage? message)
    {
        if (_routes[input] != message)
        {
            _routes[input] = message;
            _output.SetLevelRoute(input, message);
        }
    }

    private sealed class Input(IoApic owner, int input) : IInterruptLine
    {
        public void Set(bool asserted) => owner.SetInput(input, asserted);
    }
}
