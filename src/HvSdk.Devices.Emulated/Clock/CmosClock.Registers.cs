using HvSdk.Devices.Emulated.Clock;
using static HvSdk.Devices.Emulated.Clock.ClockBits;

namespace HvSdk.Devices.Emulated;

// The two ports, and the registers behind them.
public sealed partial class CmosClock
{
    /// <summary>Registers and memory. The time bytes here are those of a clock that stands; while it runs they are made when they are read.</summary>
    private readonly byte[] _memory = CreateMemory();
    private int _index;
    private bool _isNmiMasked;

    /// <summary>Flags of register C.</summary>
    private byte _flags;
    private bool _level;

    /// <inheritdoc/>
    public void Read(ulong offset, Span<byte> data)
    {
        for (int i = 0; i < data.Length; i++)
        {
            data[i] = offset + (uint)i == 1 ? ReadByte() : (byte)0xFF; // the index cannot be read back
        }
    }

    /// <inheritdoc/>
    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        for (int i = 0; i < data.Length; i++)
        {
            switch (offset + (uint)i)
            {
                case 0:
                    WriteIndex(data[i]);
                    break;
                case 1:
                    WriteByte(data[i]);
                    break;
                default:
                    break;
            }
        }
    }

    /// <summary>BCD, 24 hours, the normal divider and 1,024 Hz, as firmware leaves it.</summary>
    private static byte[] CreateMemory()
    {
        byte[] memory = new byte[MemorySize];
        memory[A] = DividerNormal | 6;
        memory[B] = Hours24;
        return memory;
    }

    private static bool IsTime(int index) => index is Seconds or Minutes or Hours or (>= WeekDay and <= Year) or Century;

    private void WriteIndex(byte value)
    {
        lock (_gate)
        {
            _index = value & (MemorySize - 1);
            _isNmiMasked = (value & 0x80) != 0;
        }
    }

    private byte ReadByte()
    {
        lock (_gate)
        {
            CatchUp();
            switch (_index)
            {
                case A:
                    return (byte)(_memory[A] | (IsUpdating ? UpdateInProgress : 0));
                case C:
                    byte flags = (byte)(_flags | (HasInterrupt ? InterruptRequest : 0));
                    _flags = 0; // reading clears them, and with them the interrupt (figure 13)
                    UpdateInterrupt();
                    return flags;
                case D:
                    return ValidRam;
                default:
                    if (IsTime(_index) && IsRunning)
                    {
                        EncodeNow();
                    }

                    return _memory[_index];
            }
        }
    }

    private void WriteByte(byte value)
    {
        lock (_gate)
        {
            CatchUp();
            switch (_index)
            {
                case A:
                    WriteA((byte)(value & ~UpdateInProgress));
                    break;
                case B:
                    WriteB(value);
                    break;
                case C or D: // read-only
                    break;
                default:
                    WriteMemory(value);
                    break;
            }

            UpdateInterrupt();
        }
    }

    private void WriteMemory(byte value)
    {
        if (!IsTime(_index) || !IsRunning)
        {
            _memory[_index] = value;
            return;
        }

        EncodeNow();
        _memory[_index] = value;
        SetTime();
    }

    private void WriteA(byte value)
    {
        bool wasRunning = IsRunning;
        bool wasHeld = IsDividerHeld;
        if (wasRunning)
        {
            EncodeNow();
        }

        _memory[A] = value;
        if (wasHeld && !IsDividerHeld)
        {
            StartDivider();
        }

        if (!wasRunning && IsRunning)
        {
            SetTime();
        }

        RestartPeriod();
    }

    private void WriteB(byte value)
    {
        bool wasRunning = IsRunning;
        if (wasRunning)
        {
            EncodeNow();
        }

        // SET takes the update-ended interrupt with it (figure 12).
        _memory[B] = (value & Set) != 0 ? (byte)(value & ~UpdateEnable) : value;
        if (!wasRunning && IsRunning)
        {
            SetTime();
        }
    }

    private bool HasInterrupt => (_flags & _memory[B] & FlagMask) != 0;

    private void UpdateInterrupt()
    {
        if (HasInterrupt != _level)
        {
            _level = HasInterrupt;
            _interrupt?.Set(_level);
        }

        Schedule();
    }
}
