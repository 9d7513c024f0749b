using HvSdk.Devices.Emulated.State;
using static HvSdk.Devices.Emulated.Clock.ClockBits;

namespace HvSdk.Devices.Emulated;

// Saving and restoring.
public sealed partial class CmosClock
{
    /// <summary>The state of the clock and its memory.</summary>
    public CmosClockState SaveState()
    {
        lock (_gate)
        {
            CatchUp();
            return new CmosClockState
            {
                Memory = [.. _memory],
                Index = (byte)_index,
                NmiMasked = _isNmiMasked,
                Flags = _flags,
                Offset = TimeSpan.FromTicks(_offset),
                DayOfWeekOffset = _dayOfWeekOffset,
            };
        }
    }

    /// <summary>Puts a state back; the interrupt line gets the level that the state asks for.</summary>
    /// <param name="state">A state of <see cref="SaveState"/>.</param>
    /// <exception cref="ArgumentException">The state cannot be one of this clock's; the text names the field.</exception>
    public void LoadState(CmosClockState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        StateCheck.Length(nameof(state.Memory), state.Memory, MemorySize, MemorySize);
        StateCheck.Range(nameof(state.Index), state.Index, 0, MemorySize - 1);
        StateCheck.Bits(nameof(state.Flags), state.Flags, FlagMask);
        StateCheck.Range(nameof(state.Offset), state.Offset.Ticks, -DateTime.MaxValue.Ticks, DateTime.MaxValue.Ticks);
        StateCheck.Range(nameof(state.DayOfWeekOffset), state.DayOfWeekOffset, 0, 6);
        lock (_gate)
        {
            state.Memory.CopyTo(_memory, 0);
            _memory[A] &= unchecked((byte)~UpdateInProgress);
            _index = state.Index;
            _isNmiMasked = state.NmiMasked;
            _flags = state.Flags;
            _offset = state.Offset.Ticks;
            _dayOfWeekOffset = state.DayOfWeekOffset;
            _lastUpdate = -1;
            CatchUp();
            RestartPeriod();
            UpdateInterrupt();
        }
    }
}
