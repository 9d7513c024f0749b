namespace HvSdk.Devices.Emulated;

// Saving and restoring.
public sealed partial class RealTimeClockPl031
{
    /// <summary>The clock's state.</summary>
    public RealTimeClockPl031State SaveState()
    {
        lock (_gate)
        {
            CatchUp();
            UpdateInterrupt();
            return new RealTimeClockPl031State
            {
                Offset = _offset,
                Counter = _seen,
                Match = _match,
                Load = _load,
                InterruptEnabled = _isEnabled,
                InterruptRaised = _isRaised,
            };
        }
    }

    /// <summary>Puts a state back; the interrupt line gets the level that the state and the time that has passed ask for. Every state is one that a clock can have.</summary>
    /// <param name="state">A state of <see cref="SaveState"/>.</param>
    public void LoadState(RealTimeClockPl031State state)
    {
        ArgumentNullException.ThrowIfNull(state);
        lock (_gate)
        {
            _offset = state.Offset;
            _hasSeen = state.Counter is not null;
            _seen = state.Counter ?? 0;
            _match = state.Match;
            _load = state.Load;
            _isEnabled = state.InterruptEnabled;
            _isRaised = state.InterruptRaised;
            CatchUp();
            UpdateInterrupt();
        }
    }
}
