using HvSdk.Devices.Emulated.PrimeCell;
using static HvSdk.Devices.Emulated.Clock.Pl031Bits;

namespace HvSdk.Devices.Emulated;

// What the guest sees: the registers (table 3-1) and the interrupt.
public sealed partial class RealTimeClockPl031
{
    private uint _match;
    private uint _load;

    /// <summary>RTCIMSC and RTCRIS.</summary>
    private bool _isEnabled;
    private bool _isRaised;

    /// <summary>The level of the interrupt line.</summary>
    private bool _level;

    /// <inheritdoc/>
    public void Read(ulong offset, Span<byte> data)
    {
        lock (_gate)
        {
            WordAccess.Read(this, offset, data, static (clock, register) => clock.ReadRegister(register));
        }
    }

    /// <inheritdoc/>
    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        lock (_gate)
        {
            WordAccess.Write(this, offset, data, static (clock, register, value) => clock.WriteRegister(register, value));
        }
    }

    private uint ReadRegister(ulong register)
    {
        CatchUp();
        uint value = register switch
        {
            DataRegister => _seen,
            MatchRegister => _match,
            LoadRegister => _load,
            ControlRegister => Start,
            InterruptMaskRegister => _isEnabled ? MatchInterrupt : 0,
            RawInterruptRegister => _isRaised ? MatchInterrupt : 0,
            MaskedInterruptRegister => _isEnabled && _isRaised ? MatchInterrupt : 0,
            _ => PrimeCellIdentity.Read(register, PartNumber, Revision),
        };
        UpdateInterrupt();
        return value;
    }

    private void WriteRegister(ulong register, uint value)
    {
        CatchUp();
        switch (register)
        {
            case MatchRegister:
                _match = value;
                CompareNow();
                break;
            case LoadRegister:
                _load = value;
                SetCounter(value);
                CompareNow();
                break;
            case InterruptMaskRegister:
                _isEnabled = (value & MatchInterrupt) != 0;
                break;
            case InterruptClearRegister:
                _isRaised = false; // any value clears it (2.1)
                break;
            default:
                break; // RTCCR: once started, which it is, it is not stopped again (3.3.4)
        }

        UpdateInterrupt();
    }

    private void UpdateInterrupt()
    {
        bool level = _isEnabled && _isRaised;
        if (level != _level)
        {
            _level = level;
            _interrupt?.Set(level);
        }

        Schedule();
    }
}
