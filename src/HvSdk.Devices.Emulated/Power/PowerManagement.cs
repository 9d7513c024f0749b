namespace HvSdk.Devices.Emulated;

/// <summary>The fixed hardware of ACPI: power and sleep button, PM timer, soft off, general-purpose events (ACPI 6.5, 4.8). Any thread may call.</summary>
/// <remarks>
/// The machine is always in ACPI mode: SCI_EN is hardwired, and the FADT's SMI_CMD is 0. Of the sleep states there is S5 alone; a request for another
/// one is ignored. A PM timer costs nothing until the guest enables its interrupt. Registers may be accessed byte by byte.
/// </remarks>
public sealed partial class PowerManagement : IPlatformDevice, IDisposable
{
    private const int MostEventPorts = 64;

    private readonly Lock _gate = new();
    private readonly byte _eventLength = 4;
    private readonly int _timerBits = 32;
    private readonly byte _softOffType = 5;
    private OscillatorClock _clock = OscillatorClock.ForPowerManagement(TimeProvider.System);
    private IInterruptLine? _interrupt;
    private IMachineControl? _machine;
    private EventLine?[] _eventLines = [];

    /// <summary>Makes a device that gets time, line and machine from its slot.</summary>
    public PowerManagement()
    {
        EventPorts = new Block(this, BlockKind.Event);
        ControlPorts = new Block(this, BlockKind.Control);
        TimerPorts = new Block(this, BlockKind.Timer);
        GeneralPurposeEventPorts = new Block(this, BlockKind.GeneralPurpose);
        RtcAlarm = new EventLine(this, RtcAlarmLine);
        SetEventCount();
    }

    /// <summary>Makes a device without a slot.</summary>
    /// <param name="timeProvider">The time.</param>
    /// <param name="interrupt">The system control interrupt, a level; null: nowhere. Set with the device's lock held.</param>
    /// <param name="machine">What is switched off; null: nothing.</param>
    public PowerManagement(TimeProvider timeProvider, IInterruptLine? interrupt = null, IMachineControl? machine = null)
        : this()
    {
        ArgumentNullException.ThrowIfNull(timeProvider);
        _clock = OscillatorClock.ForPowerManagement(timeProvider);
        _interrupt = interrupt;
        _machine = machine;
    }

    /// <summary>PM1a_EVT_BLK, 4 ports.</summary>
    public ushort EventPort { get; init; } = 0x600;

    /// <summary>PM1a_CNT_BLK, 2 ports.</summary>
    public ushort ControlPort { get; init; } = 0x604;

    /// <summary>PM_TMR_BLK, 4 ports; null: no timer.</summary>
    public ushort? TimerPort { get; init; } = 0x608;

    /// <summary>GPE0_BLK; null: none.</summary>
    public ushort? GeneralPurposeEventPort { get; init; } = 0x620;

    /// <summary>GPE0_BLK_LEN: 2 to 64, even; the first half are status registers, the second enable registers. Default: 4, for 16 events.</summary>
    public byte GeneralPurposeEventLength
    {
        get => _eventLength;
        init
        {
            if (value is < 2 or > MostEventPorts || value % 2 != 0)
            {
                throw new ArgumentOutOfRangeException(nameof(value), value, $"The block has {value} ports; it has an even number of them, 2 to {MostEventPorts}.");
            }

            _eventLength = value;
            SetEventCount();
        }
    }

    /// <summary>How many general-purpose events there are.</summary>
    public int GeneralPurposeEventCount => GeneralPurposeEventLength / 2 * 8;

    /// <summary>The width of the PM timer, 24 or 32 bits (the FADT's flag TMR_VAL_EXT). Default: 32.</summary>
    public int TimerBits
    {
        get => _timerBits;
        init => _timerBits = value is 24 or 32
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), value, $"A PM timer has 24 or 32 bits, not {value}.");
    }

    /// <summary>The line of the system control interrupt, SCI.</summary>
    public int InterruptLine { get; init; } = 9;

    /// <summary>SLP_TYP of S5, soft off, 0 to 7: what \_S5 is to say. Default: 5.</summary>
    public byte SoftOffType
    {
        get => _softOffType;
        init
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 7);
            _softOffType = value;
        }
    }

    /// <summary>The registers of PM1a_EVT_BLK.</summary>
    public IBusDevice EventPorts { get; }

    /// <summary>The register of PM1a_CNT_BLK.</summary>
    public IBusDevice ControlPorts { get; }

    /// <summary>The register of PM_TMR_BLK.</summary>
    public IBusDevice TimerPorts { get; }

    /// <summary>The registers of GPE0_BLK.</summary>
    public IBusDevice GeneralPurposeEventPorts { get; }

    /// <summary>An edge says that the real time clock's alarm has gone off: RTC_STS.</summary>
    public IInterruptLine RtcAlarm { get; }

    /// <summary>Somebody presses the power button: PWRBTN_STS.</summary>
    public void PressPowerButton() => SetStatus(PowerButton);

    /// <summary>Somebody presses the sleep button: SLPBTN_STS.</summary>
    public void PressSleepButton() => SetStatus(SleepButton);

    /// <summary>A general-purpose event: an edge sets its status bit (ACPI 6.5, 4.8.4.1).</summary>
    /// <param name="number">0 to <see cref="GeneralPurposeEventCount"/> less one.</param>
    public IInterruptLine GetEvent(int number)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(number);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(number, GeneralPurposeEventCount);
        lock (_gate)
        {
            return _eventLines[number] ??= new EventLine(this, number);
        }
    }

    /// <inheritdoc/>
    public void Attach(IDeviceSlot slot)
    {
        ArgumentNullException.ThrowIfNull(slot);
        _clock = OscillatorClock.ForPowerManagement(slot.TimeProvider);
        _machine = slot.Machine;
        _interrupt = slot.ConnectLine(InterruptLine, InterruptSense.Level);
        slot.MapPorts(EventPort, 4, EventPorts);
        slot.MapPorts(ControlPort, 2, ControlPorts);
        if (TimerPort is { } timer)
        {
            slot.MapPorts(timer, 4, TimerPorts);
        }

        if (GeneralPurposeEventPort is { } events)
        {
            slot.MapPorts(events, GeneralPurposeEventLength, GeneralPurposeEventPorts);
        }
    }

    /// <summary>Stops the host's timer. The registers go on working, without the timer's interrupt.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            _timer?.Dispose();
            _timer = null;
        }
    }

    /// <summary>Takes the state out.</summary>
    public PowerManagementState SaveState()
    {
        lock (_gate)
        {
            long now = _clock.Now;
            FollowTimer(now);
            return new PowerManagementState
            {
                Status = _status,
                Enable = _enable,
                Control = _control,
                TimerValue = (uint)TimerTicks(now),
                EventStatus = [.. _eventStatus],
                EventEnable = [.. _eventEnable],
            };
        }
    }

    /// <summary>Puts a state in; the timer goes on from there.</summary>
    /// <param name="state">The state, of a device with as many events.</param>
    /// <exception cref="ArgumentException">It is not one; the text names the field.</exception>
    public void LoadState(PowerManagementState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        StateField.RequireCount(state.EventStatus, _eventStatus.Length, nameof(state.EventStatus));
        StateField.RequireCount(state.EventEnable, _eventEnable.Length, nameof(state.EventEnable));
        lock (_gate)
        {
            _status = (ushort)(state.Status & StatusBits);
            _enable = (ushort)(state.Enable & EnableBits);
            _control = (ushort)(state.Control & ControlBits);
            long now = _clock.Now;
            _timerOffset = state.TimerValue - now;
            _timerHalf = TimerTicks(now) >> (TimerBits - 1);
            for (int i = 0; i < _eventStatus.Length; i++)
            {
                _eventStatus[i] = state.EventStatus[i];
                _eventEnable[i] = state.EventEnable[i];
            }

            _isAsserted = IsInterruptDue;
            _interrupt?.Set(_isAsserted);
            Update(now);
        }
    }

    private void SetEventCount()
    {
        _eventStatus = new byte[GeneralPurposeEventLength / 2];
        _eventEnable = new byte[GeneralPurposeEventLength / 2];
        _eventLines = new EventLine?[GeneralPurposeEventCount];
    }
}
