namespace HvSdk.Devices.Emulated;

/// <summary>The interval timer of a PC, an 8254, with the system control port that gates its counter 2. Any thread may call.</summary>
/// <remarks>
/// Source: Intel 8254 data sheet; Intel 82371SB (PIIX3), 2.5.3.1 for port 0x61. Counters are computed from the time when somebody looks. The host's
/// timer runs only while counter 0 has an interrupt ahead; it is set to absolute times, so that a period does not drift. Interrupts do not come faster
/// than <see cref="MinimumPeriod"/>: of what a guest programs beyond that, the rest is dropped. An interrupt is a rise of counter 0's OUT; between
/// rises the line stays asserted except where OUT is low for good.
/// </remarks>
public sealed partial class IntervalTimer8254 : IPlatformDevice, IDisposable
{
    private const int DefaultLateTickLimit = 100;
    private const int ControlOffset = 3;
    private const byte SpeakerData = 1 << 1;

    private readonly Lock _gate = new();
    private readonly TimerCounter[] _counters = [new(), new(), new()];
    private readonly TimeSpan _minimumPeriod = TimeSpan.FromMicroseconds(200);
    private readonly int _lateTickLimit = DefaultLateTickLimit;
    private OscillatorClock _clock = OscillatorClock.ForIntervalTimer(TimeProvider.System);
    private IInterruptLine? _output;
    private byte _systemControl;

    /// <summary>Makes a timer that gets its time and line from its machine.</summary>
    public IntervalTimer8254()
    {
        CounterPorts = new CounterRegisters(this);
        SystemControlPorts = new SystemControlRegister(this);
        _counters[2].SetGate(false, 0);
    }

    /// <summary>Makes a timer without a machine.</summary>
    /// <param name="timeProvider">The time.</param>
    /// <param name="output">Counter 0's output; null: nowhere. Set with the timer's lock held.</param>
    public IntervalTimer8254(TimeProvider timeProvider, IInterruptLine? output = null)
        : this()
    {
        ArgumentNullException.ThrowIfNull(timeProvider);
        _clock = OscillatorClock.ForIntervalTimer(timeProvider);
        _output = output;
    }

    /// <summary>The first of the four ports.</summary>
    public ushort Port { get; init; } = 0x40;

    /// <summary>The system control port.</summary>
    public ushort SystemControlPort { get; init; } = 0x61;

    /// <summary>The interrupt line of counter 0.</summary>
    public int InterruptLine { get; init; }

    /// <summary>What becomes of interrupts that the host is late for. Default: <see cref="LateTickPolicy.CatchUp"/>.</summary>
    public LateTickPolicy LateTickPolicy { get; init; }

    /// <summary>How many late interrupts are made up for at most; what is more is dropped. Default: 100.</summary>
    public int LateTickLimit
    {
        get => _lateTickLimit;
        init
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            _lateTickLimit = value;
        }
    }

    /// <summary>The shortest time between two interrupts, at least 50 us. Default: 200 us.</summary>
    public TimeSpan MinimumPeriod
    {
        get => _minimumPeriod;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, TimeSpan.FromMicroseconds(50));
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, TimeSpan.FromSeconds(1));
            _minimumPeriod = value;
        }
    }

    /// <summary>The four registers.</summary>
    public IBusDevice CounterPorts { get; }

    /// <summary>The system control register.</summary>
    public IBusDevice SystemControlPorts { get; }

    /// <summary>The speaker is on: its data bit is set and counter 2 is high.</summary>
    public bool IsSpeakerOn
    {
        get
        {
            lock (_gate)
            {
                long now = Advance(2);
                return (_systemControl & SpeakerData) != 0 && _counters[2].OutputAt(now);
            }
        }
    }

    /// <inheritdoc/>
    public void Attach(IDeviceSlot slot)
    {
        ArgumentNullException.ThrowIfNull(slot);
        _clock = OscillatorClock.ForIntervalTimer(slot.TimeProvider);
        slot.MapPorts(Port, 4, CounterPorts);
        slot.MapPorts(SystemControlPort, 1, SystemControlPorts);
        _output = slot.ConnectLine(InterruptLine, InterruptSense.Edge);

        // PNP0100: the AT timer.
        slot.Acpi = new AcpiIdentity { HardwareId = "PNP0100", Name = "TIMR" };
    }

    /// <summary>Takes the state out.</summary>
    public IntervalTimerState SaveState()
    {
        lock (_gate)
        {
            long now = _clock.Now;
            var counters = new TimerCounterState[_counters.Length];
            for (int i = 0; i < counters.Length; i++)
            {
                Advance(i, now);
                counters[i] = _counters[i].SaveState(now);
            }

            TakeRises();
            return new IntervalTimerState
            {
                Counters = counters,
                SystemControl = _systemControl,
                LateTicks = (int)long.Min(_lateTicks, int.MaxValue),
                IsAsserted = _isAsserted,
            };
        }
    }

    /// <summary>Puts a state in; the time goes on from there.</summary>
    /// <param name="state">The state.</param>
    /// <exception cref="ArgumentException">It is not one; the text names the field.</exception>
    public void LoadState(IntervalTimerState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        state.Validate();
        lock (_gate)
        {
            long now = _clock.Now;
            for (int i = 0; i < _counters.Length; i++)
            {
                _counters[i].LoadState(state.Counters[i], now);
            }

            _systemControl = state.SystemControl;
            _lateTicks = long.Min(state.LateTicks, LateTickLimit + 1L);
            _notBefore = now;
            SetOutput(state.IsAsserted);
            Arm(now);
        }
    }

    private long Advance(int counter) => Advance(counter, _clock.Now);

    private long Advance(int counter, long now)
    {
        _counters[counter].AdvanceTo(now);
        return now;
    }

    private sealed class CounterRegisters(IntervalTimer8254 owner) : IBusDevice
    {
        public void Read(ulong offset, Span<byte> data)
        {
            lock (owner._gate)
            {
                long now = owner._clock.Now;
                for (int i = 0; i < data.Length; i++)
                {
                    // The control word register cannot be read ("Read Operations": the bus stays as it is).
                    int register = (int)((offset + (uint)i) & 3);
                    if (register != ControlOffset)
                    {
                        owner.Advance(register, now);
                        data[i] = owner._counters[register].Read(now);
                    }
                }
            }
        }

        public void Write(ulong offset, ReadOnlySpan<byte> data)
        {
            lock (owner._gate)
            {
                long now = owner._clock.Now;
                for (int i = 0; i < data.Length; i++)
                {
                    owner.Write((int)((offset + (uint)i) & 3), data[i], now);
                }
            }
        }
    }

    private sealed class SystemControlRegister(IntervalTimer8254 owner) : IBusDevice
    {
        private const int GateBit = 0x01;
        private const int RefreshBit = 0x10;
        private const int OutputBit = 0x20;
        private const int RefreshTicks = 18; // about 15 us

        public void Read(ulong offset, Span<byte> data)
        {
            lock (owner._gate)
            {
                // Bits 7 and 6: no parity and no channel check error has been seen.
                long now = owner.Advance(2);
                data[0] = (byte)(owner._systemControl
                    | ((now / RefreshTicks & 1) != 0 ? RefreshBit : 0)
                    | (owner._counters[2].OutputAt(now) ? OutputBit : 0));
            }
        }

        public void Write(ulong offset, ReadOnlySpan<byte> data)
        {
            lock (owner._gate)
            {
                // Bits 3 and 2 disable errors that this machine does not have; they are kept.
                owner._systemControl = (byte)(data[0] & 15);
                long now = owner.Advance(2);
                owner._counters[2].SetGate((data[0] & GateBit) != 0, now);
            }
        }
    }
}
