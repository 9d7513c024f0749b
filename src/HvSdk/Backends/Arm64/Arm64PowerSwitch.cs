namespace HvSdk.Backends;

/// <summary>The power switch of one vCPU, between whoever turns it on and the thread that runs it. Any thread may call.</summary>
public sealed class Arm64PowerSwitch
{
    private readonly object _gate = new();
    private Arm64PowerSwitchState _state;
    private Arm64PendingStart _start;
    private bool _isWoken;

    internal Arm64PowerSwitch(bool isOn) => _state = isOn ? Arm64PowerSwitchState.On : Arm64PowerSwitchState.Off;

    /// <summary>On, off, or about to start.</summary>
    public Arm64PowerSwitchState State
    {
        get
        {
            lock (_gate)
            {
                return _state;
            }
        }
    }

    /// <summary>Where the vCPU begins that was turned on and has not run since, or null.</summary>
    public Arm64PendingStart? PendingStart
    {
        get
        {
            lock (_gate)
            {
                return _state == Arm64PowerSwitchState.Starting ? _start : null;
            }
        }
    }

    /// <summary>Turns a vCPU on that is off.</summary>
    /// <param name="entryPoint">GPA of its first instruction.</param>
    /// <param name="contextId">What its X0 holds.</param>
    /// <returns>The state that was found; only from <see cref="Arm64PowerSwitchState.Off"/> it starts.</returns>
    public Arm64PowerSwitchState TurnOn(ulong entryPoint, ulong contextId)
    {
        lock (_gate)
        {
            Arm64PowerSwitchState before = _state;
            if (before == Arm64PowerSwitchState.Off)
            {
                _state = Arm64PowerSwitchState.Starting;
                _start = new Arm64PendingStart(entryPoint, contextId);
                Monitor.PulseAll(_gate);
            }

            return before;
        }
    }

    /// <summary>Turns the vCPU off; a start that it has not acted on is forgotten.</summary>
    public void TurnOff() => Set(Arm64PowerSwitchState.Off);

    /// <summary>Turns the vCPU on where it is: no registers change.</summary>
    public void ContinueAsIs() => Set(Arm64PowerSwitchState.On);

    /// <summary>Waits, on the vCPU's thread, until it is on, or until somebody calls <see cref="Wake"/>.</summary>
    /// <param name="start">Where it begins, where it has just been turned on: registers are to be reset.</param>
    /// <returns>False where it is off still: it was woken.</returns>
    public bool WaitUntilOn(out Arm64PendingStart? start)
    {
        start = null;
        lock (_gate)
        {
            while (_state == Arm64PowerSwitchState.Off && !_isWoken)
            {
                Monitor.Wait(_gate);
            }

            // Whoever woke a vCPU that is on has other means to stop its run.
            _isWoken = false;
            switch (_state)
            {
                case Arm64PowerSwitchState.Off:
                    return false;
                case Arm64PowerSwitchState.Starting:
                    _state = Arm64PowerSwitchState.On;
                    start = _start;
                    return true;
                default:
                    return true;
            }
        }
    }

    /// <summary>Ends the current wait, or else the next one.</summary>
    public void Wake()
    {
        lock (_gate)
        {
            _isWoken = true;
            Monitor.PulseAll(_gate);
        }
    }

    private void Set(Arm64PowerSwitchState state)
    {
        lock (_gate)
        {
            _state = state;
            Monitor.PulseAll(_gate);
        }
    }
}

/// <summary>What a vCPU's power switch says.</summary>
public enum Arm64PowerSwitchState
{
    /// <summary>The vCPU is off.</summary>
    Off,

    /// <summary>It was turned on, and has not run since.</summary>
    Starting,

    /// <summary>It runs.</summary>
    On,
}
