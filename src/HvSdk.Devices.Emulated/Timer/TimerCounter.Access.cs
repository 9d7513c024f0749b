namespace HvSdk.Devices.Emulated;

/// <content>How the guest gets at a counter: bytes, latches, state.</content>
internal sealed partial class TimerCounter
{
    private const int LowByte = 1;
    private const int HighByte = 2;

    private bool _writesHigh;
    private bool _readsHigh;
    private byte _low;
    private bool _isCountLatched;
    private ushort _latchedCount;
    private bool _isStatusLatched;
    private byte _latchedStatus;

    private int Access => (_control >> 4) & 3;

    internal void Write(byte value, long now)
    {
        switch (Access)
        {
            case LowByte:
                SetReload(value, now);
                break;
            case HighByte:
                SetReload(value << 8, now);
                break;
            case var _ when _writesHigh:
                _writesHigh = false;
                SetReload((value << 8) | _low, now);
                break;
            default:
                _low = value;
                _writesHigh = true;
                if (Mode == 0)
                {
                    // "Writing the first byte disables counting. OUT is set low immediately."
                    Stop(now);
                }

                break;
        }
    }

    internal byte Read(long now)
    {
        if (_isStatusLatched)
        {
            // The status comes before a latched count, in whatever order they were latched ("Read-Back Command").
            _isStatusLatched = false;
            return _latchedStatus;
        }

        int value = _isCountLatched ? _latchedCount : Encode(ValueAt(now));
        bool isHigh = Access == HighByte || (Access != LowByte && _readsHigh);
        if (Access is not (LowByte or HighByte))
        {
            _readsHigh = !_readsHigh;
        }

        if (!_readsHigh)
        {
            _isCountLatched = false;
        }

        return (byte)(isHigh ? value >> 8 : value);
    }

    /// <summary>Of several latch commands the first counts until it has been read ("Counter Latch Command").</summary>
    internal void LatchCount(long now)
    {
        if (!_isCountLatched)
        {
            _isCountLatched = true;
            _latchedCount = Encode(ValueAt(now));
        }
    }

    /// <summary>OUT, null count and the programmed mode ("Read-Back Command", figure 12).</summary>
    internal void LatchStatus(long now)
    {
        if (!_isStatusLatched)
        {
            _isStatusLatched = true;
            _latchedStatus = (byte)((OutputAt(now) ? 0x80 : 0) | (_isNull ? 0x40 : 0) | _control);
        }
    }

    internal TimerCounterState SaveState(long now) => new()
    {
        Control = _control,
        Gate = _gate,
        Reload = _reload,
        IsNullCount = _isNull,
        TicksToLoad = _loadAt == Never ? null : _loadAt - now,
        IsCounting = _isCounting,
        Count = _count,
        ElapsedTicks = !_isCounting ? 0 : IsFrozen ? _frozenElapsed : now - _start,
        IdleValue = _idleValue,
        WritesHighByte = _writesHigh,
        ReadsHighByte = _readsHigh,
        LowByte = _low,
        LatchedCount = _isCountLatched ? _latchedCount : null,
        LatchedStatus = _isStatusLatched ? _latchedStatus : null,
    };

    internal void LoadState(TimerCounterState state, long now)
    {
        _control = state.Control;
        _gate = state.Gate;
        _reload = state.Reload;
        _isNull = state.IsNullCount;
        _loadAt = state.TicksToLoad + now ?? Never;
        _isCounting = state.IsCounting;
        _count = state.Count;
        _start = now - state.ElapsedTicks;
        _frozenElapsed = state.ElapsedTicks;
        _idleValue = state.IdleValue;
        _writesHigh = state.WritesHighByte;
        _readsHigh = state.ReadsHighByte;
        _low = state.LowByte;
        _isCountLatched = state.LatchedCount is not null;
        _latchedCount = state.LatchedCount ?? 0;
        _isStatusLatched = state.LatchedStatus is not null;
        _latchedStatus = state.LatchedStatus ?? 0;
        _rises = 0;
        _risesCountedTo = now;
    }

    private void ResetAccess()
    {
        _writesHigh = false;
        _readsHigh = false;
        _isCountLatched = false;
        _isStatusLatched = false;
    }

    private ushort Encode(int value) => (_control & 1) == 0
        ? (ushort)value
        : (ushort)((value / 1000 << 12) | (value / 100 % 10 << 8) | (value / 10 % 10 << 4) | (value % 10));
}
