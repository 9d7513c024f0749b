namespace HvSdk.Devices.Emulated;

/// <summary>One counter of an 8254 (Intel 8254 data sheet, order number 231164): what it counts and puts out, computed from the time. Its owner locks.</summary>
/// <remarks>
/// Times are ticks of the counter's CLK. A count that is written at tick t is loaded at t + 1, as the data sheet has it ("Mode Definitions"). A count
/// of 1 in modes 2 and 3, which the data sheet forbids, leaves OUT high.
/// </remarks>
internal sealed partial class TimerCounter
{
    internal const long Never = long.MaxValue;

    private const int BinaryRange = 0x10000;
    private const int DecimalRange = 10_000;

    /// <summary>At power-on the mode is undefined; this is what the firmware of a PC leaves, without a count.</summary>
    private byte _control = 0x36;
    private bool _gate = true;
    private int _reload; // 0: none was written since the control word
    private bool _isNull = true;
    private long _loadAt = Never;
    private bool _isCounting;
    private long _start;
    private int _count;
    private long _frozenElapsed;
    private int _idleValue;
    private long _risesCountedTo;
    private long _rises;

    /// <summary>0 to 5. The codes 6 and 7 are modes 2 and 3 ("Control Word Format").</summary>
    internal int Mode => ((_control >> 1) & 7) switch { 6 => 2, 7 => 3, int mode => mode };

    /// <summary>The count that was written last; 0: none since the control word.</summary>
    internal int Reload => _reload;

    internal bool IsPeriodic => Mode is 2 or 3;

    private bool IsTriggered => Mode is 1 or 5;

    private bool IsFrozen => !_gate && !IsTriggered;

    private int Range => (_control & 1) != 0 ? DecimalRange : BinaryRange;

    /// <summary>How often OUT has gone high since the last call, up to the last <see cref="AdvanceTo"/>.</summary>
    internal long TakeRises()
    {
        long rises = _rises;
        _rises = 0;
        return rises;
    }

    /// <summary>Brings the counter to a time: loads counts that are due.</summary>
    internal void AdvanceTo(long now)
    {
        if (NextLoad() is long load && load <= now)
        {
            CountRises(load);
            Load(load);
        }

        CountRises(now);
    }

    internal bool OutputAt(long now)
    {
        long elapsed = Elapsed(now);
        if (!_isCounting)
        {
            return Mode != 0;
        }

        return Mode switch
        {
            0 or 1 => elapsed >= _count,
            2 => IsFrozen || _count == 1 || elapsed % _count != _count - 1,
            3 => IsFrozen || elapsed % _count < Half(_count),
            _ => elapsed != _count,
        };
    }

    /// <summary>The first tick after <paramref name="now"/> at which OUT goes high if nobody intervenes, or <see cref="Never"/>.</summary>
    internal long NextRise(long now)
    {
        if (NextLoad() is not long load)
        {
            return _isCounting && !IsFrozen ? RiseAfter(now, _start, _count) : Never;
        }

        long before = _isCounting && IsPeriodic ? RiseAfter(now, _start, _count) : Never;
        return before <= load ? before : IsFrozen ? Never : RiseAfter(load, StartOfLoad(load), _reload);
    }

    internal void WriteControl(byte control, long now)
    {
        bool wasHigh = OutputAt(now);
        Stop(now);
        _control = (byte)(control & 0x3F);
        _reload = 0;
        _isNull = true;
        ResetAccess();
        if (OutputAt(now) && !wasHigh)
        {
            _rises++;
        }
    }

    internal void SetGate(bool gate, long now)
    {
        if (gate == _gate)
        {
            return;
        }

        if (!gate)
        {
            _frozenElapsed = Elapsed(now);
            _gate = false;
            return;
        }

        if (IsPeriodic)
        {
            Stop(now);
        }
        else if (!IsTriggered)
        {
            _start = now - _frozenElapsed;
        }

        _gate = true;
        if ((IsPeriodic || IsTriggered) && _reload != 0)
        {
            // A rising gate reloads (modes 2 and 3) or triggers (modes 1 and 5) with the next CLK ("Gate Pin Operations Summary").
            _loadAt = now + 1;
        }
    }

    /// <summary>A count has been written whole.</summary>
    private void SetReload(int written, long now)
    {
        int value = written;
        if ((_control & 1) != 0)
        {
            value = ((((written >> 12) * 10) + ((written >> 8) & 15)) * 100) + (((written >> 4) & 15) * 10) + (written & 15);
            value %= DecimalRange;
        }

        _reload = value == 0 ? Range : value;
        _isNull = true;
        if (IsTriggered)
        {
            return; // waits for a trigger
        }

        if (Mode == 0)
        {
            Stop(now);
        }

        _loadAt = now + 1;
    }

    private void Stop(long now)
    {
        _idleValue = ValueAt(now);
        _isCounting = false;
        _loadAt = Never;
    }

    /// <summary>The tick at which the count that waits is loaded, or null: none waits, or the gate holds it back.</summary>
    private long? NextLoad()
    {
        if (_loadAt == Never)
        {
            return null;
        }

        if (!IsPeriodic || !_isCounting)
        {
            return _loadAt;
        }

        if (IsFrozen)
        {
            return null;
        }

        // Mode 2: at the end of the cycle; mode 3: of the half cycle.
        (long cycles, long phase) = long.DivRem(_loadAt - _start, _count);
        long end = phase == 0 ? 0 : Mode == 3 && phase <= Half(_count) ? Half(_count) : _count;
        return _start + (cycles * _count) + end;
    }

    private void Load(long at)
    {
        _start = StartOfLoad(at);
        _count = _reload;
        _frozenElapsed = 0;
        _isCounting = true;
        _isNull = false;
        _loadAt = Never;
    }

    /// <summary>Of a load in the middle of a cycle of mode 3 the new count begins with its low half.</summary>
    private long StartOfLoad(long at) =>
        Mode == 3 && _isCounting && (at - _start) % _count != 0 ? at - Half(_reload) : at;

    private long Elapsed(long now) => !_isCounting ? 0 : IsFrozen ? _frozenElapsed : long.Max(0, now - _start);

    /// <summary>The counting element, CE, as a number.</summary>
    private int ValueAt(long now)
    {
        if (!_isCounting)
        {
            return _idleValue % Range;
        }

        long elapsed = Elapsed(now);
        int phase = (int)(elapsed % _count);
        if (Mode == 2)
        {
            return (_count - phase) % Range;
        }

        if (Mode == 3)
        {
            // By two; an odd count is loaded less one ("Mode 3").
            int half = Half(_count);
            return ((_count & ~1) - (2 * (phase < half ? phase : phase - half))) % Range;
        }

        long value = (_count - elapsed) % Range;
        return (int)(value < 0 ? value + Range : value);
    }

    private void CountRises(long to)
    {
        if (_isCounting && !IsFrozen && to > _risesCountedTo)
        {
            _rises += RisesUntil(to) - RisesUntil(_risesCountedTo);
        }

        _risesCountedTo = long.Max(_risesCountedTo, to);
    }

    private long RisesUntil(long tick)
    {
        long elapsed = tick - _start;
        return IsPeriodic
            ? _count == 1 ? 0 : long.Max(0, elapsed) / _count
            : elapsed >= OneRise(_count) ? 1 : 0;
    }

    private long RiseAfter(long now, long start, int count)
    {
        if (IsPeriodic)
        {
            return count == 1 ? Never : start + (((long.Max(0, now - start) / count) + 1) * count);
        }

        long rise = start + OneRise(count);
        return rise > now ? rise : Never;
    }

    /// <summary>Modes 0 and 1 end with OUT high; modes 4 and 5 put it low for one tick then.</summary>
    private int OneRise(int count) => Mode is 0 or 1 ? count : count + 1;

    private static int Half(int count) => (count + 1) / 2;
}
