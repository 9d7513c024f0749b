namespace HvSdk.Devices.Emulated;

/// <content>The registers and the system control interrupt.</content>
public sealed partial class PowerManagement
{
    // PM1 status and enable (ACPI 6.5, 4.8.3.1.1 and 4.8.3.1.2).
    private const ushort TimerEvent = 1 << 0;
    private const ushort GlobalLock = 1 << 5;
    private const ushort PowerButton = 1 << 8;
    private const ushort SleepButton = 1 << 9;
    private const ushort RtcEvent = 1 << 10;
    private const ushort Wake = 1 << 15;
    private const ushort EnableBits = TimerEvent | GlobalLock | PowerButton | SleepButton | RtcEvent;
    private const ushort StatusBits = EnableBits | Wake;

    // PM1 control (4.8.3.2.1): GBL_RLS and SLP_EN are write-only.
    private const ushort SciEnable = 1 << 0;
    private const ushort BusMasterReload = 1 << 1;
    private const int SleepTypeShift = 10;
    private const ushort SleepEnable = 1 << 13;
    private const ushort ControlBits = BusMasterReload | (7 << SleepTypeShift);

    private const int RtcAlarmLine = -1;

    private byte[] _eventStatus = [];
    private byte[] _eventEnable = [];
    private ushort _status;
    private ushort _enable;
    private ushort _control;
    private bool _isAsserted;
    private long _timerOffset;
    private long _timerHalf;
    private ITimer? _timer;
    private bool _isTimerSet;
    private bool _isDisposed;

    private enum BlockKind
    {
        Event,
        Control,
        Timer,
        GeneralPurpose,
    }

    private bool IsInterruptDue
    {
        get
        {
            int due = _status & _enable;
            for (int i = 0; i < _eventStatus.Length; i++)
            {
                due |= _eventStatus[i] & _eventEnable[i];
            }

            return due != 0;
        }
    }

    private byte ReadByte(BlockKind kind, int offset, uint timer) => kind switch
    {
        BlockKind.Event => (byte)((_status | ((uint)_enable << 16)) >> (8 * (offset & 3))),
        BlockKind.Control => (byte)((_control | SciEnable) >> (8 * (offset & 1))),
        BlockKind.Timer => (byte)(timer >> (8 * (offset & 3))),
        _ when offset < _eventStatus.Length => _eventStatus[offset],
        _ when offset < 2 * _eventStatus.Length => _eventEnable[offset - _eventStatus.Length],
        _ => 0,
    };

    /// <returns>The guest switches the machine off.</returns>
    private bool WriteByte(BlockKind kind, int offset, byte value)
    {
        int shift = 8 * (offset & 1);
        switch (kind)
        {
            case BlockKind.Event when (offset & 2) == 0: // a one clears
                _status &= (ushort)~(value << shift);
                break;
            case BlockKind.Event:
                _enable = (ushort)(((_enable & ~(0xFF << shift)) | (value << shift)) & EnableBits);
                break;
            case BlockKind.Control:
                _control = (ushort)(((_control & ~(0xFF << shift)) | (value << shift)) & ControlBits);
                return ((value << shift) & SleepEnable) != 0 && _control >> SleepTypeShift == SoftOffType;
            case BlockKind.GeneralPurpose when offset < _eventStatus.Length: // a one clears
                _eventStatus[offset] &= (byte)~value;
                break;
            case BlockKind.GeneralPurpose when offset < 2 * _eventStatus.Length:
                _eventEnable[offset - _eventStatus.Length] = value;
                break;
            default: // the timer is read-only
                break;
        }

        return false;
    }

    private void SetStatus(ushort status)
    {
        lock (_gate)
        {
            _status |= status;
            Update(_clock.Now);
        }
    }

    private void SetEvent(int number)
    {
        lock (_gate)
        {
            _eventStatus[number / 8] |= (byte)(1 << (number % 8));
            Update(_clock.Now);
        }
    }

    private long TimerTicks(long now) => now + _timerOffset;

    /// <summary>TMR_STS: the timer's highest bit has changed, in either direction (4.8.3.3).</summary>
    private void FollowTimer(long now)
    {
        long half = TimerTicks(now) >> (TimerBits - 1);
        if (half != _timerHalf)
        {
            _timerHalf = half;
            _status |= TimerEvent;
        }
    }

    /// <summary>Sets the interrupt, and the host's timer where the guest waits for the PM timer's interrupt.</summary>
    private void Update(long now)
    {
        FollowTimer(now);
        bool isDue = IsInterruptDue;
        if (isDue != _isAsserted)
        {
            _isAsserted = isDue;
            _interrupt?.Set(isDue);
        }

        bool isAwaited = (_enable & TimerEvent) != 0 && (_status & TimerEvent) == 0 && !_isDisposed;
        if (isAwaited == _isTimerSet)
        {
            return;
        }

        _isTimerSet = isAwaited;
        if (isAwaited)
        {
            SetTimer();
        }
        else
        {
            _timer?.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    private void SetTimer()
    {
        long change = ((_timerHalf + 1) << (TimerBits - 1)) - _timerOffset;

        // A host's timer may round down to its resolution.
        TimeSpan delay = _clock.Until(change) + TimeSpan.FromMilliseconds(1);
        if (_timer is null)
        {
            _timer = _clock.CreateTimer(static state => ((PowerManagement)state!).OnTimer(), this, delay);
        }
        else
        {
            _timer.Change(delay, Timeout.InfiniteTimeSpan);
        }
    }

    private void OnTimer()
    {
        lock (_gate)
        {
            if (!_isDisposed)
            {
                _isTimerSet = false;
                Update(_clock.Now);
            }
        }
    }

    private sealed class Block(PowerManagement owner, BlockKind kind) : IBusDevice
    {
        public void Read(ulong offset, Span<byte> data)
        {
            lock (owner._gate)
            {
                long now = owner._clock.Now;
                owner.FollowTimer(now);
                long ticks = owner.TimerTicks(now);
                uint timer = owner.TimerBits == 32 ? (uint)ticks : (uint)ticks & 0xFF_FFFF;
                for (int i = 0; i < data.Length; i++)
                {
                    data[i] = owner.ReadByte(kind, (int)((offset + (uint)i) & byte.MaxValue), timer);
                }
            }
        }

        public void Write(ulong offset, ReadOnlySpan<byte> data)
        {
            bool isOff = false;
            lock (owner._gate)
            {
                long now = owner._clock.Now;
                owner.FollowTimer(now);
                for (int i = 0; i < data.Length; i++)
                {
                    isOff |= owner.WriteByte(kind, (int)((offset + (uint)i) & byte.MaxValue), data[i]);
                }

                owner.Update(now);
            }

            if (isOff)
            {
                owner._machine?.PowerOff();
            }
        }
    }

    private sealed class EventLine(PowerManagement owner, int number) : IInterruptLine
    {
        private int _isAsserted;

        public void Set(bool asserted)
        {
            if (Interlocked.Exchange(ref _isAsserted, asserted ? 1 : 0) == 0 && asserted)
            {
                if (number == RtcAlarmLine)
                {
                    owner.SetStatus(RtcEvent);
                }
                else
                {
                    owner.SetEvent(number);
                }
            }
        }
    }
}
