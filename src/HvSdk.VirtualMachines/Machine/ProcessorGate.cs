namespace HvSdk.VirtualMachines;

/// <summary>What processors pass before they enter the guest: shut while the machine is paused, and for good when it has ended.</summary>
internal sealed class ProcessorGate(MachineEnding ending, int processors)
{
    private readonly object _gate = new();
    private bool _isPaused;
    private int _waiting;
    private TaskCompletionSource? _allWait;

    /// <summary>Waits while the machine is paused and the processor has nothing to do for others.</summary>
    /// <returns>False: the machine ends.</returns>
    public bool Pass(Processor processor)
    {
        if (ending.IsDecided)
        {
            return false;
        }

        lock (_gate)
        {
            if (!_isPaused)
            {
                return !ending.IsDecided;
            }

            if (++_waiting == processors)
            {
                _allWait?.TrySetResult();
            }

            while (_isPaused && !ending.IsDecided && !processor.HasWork)
            {
                Monitor.Wait(_gate);
            }

            _waiting--;
            return !ending.IsDecided;
        }
    }

    /// <summary>Shuts the gate.</summary>
    /// <returns>Completes when all processors wait at it, or the machine ends.</returns>
    public Task Shut()
    {
        lock (_gate)
        {
            _isPaused = true;
            if (_waiting == processors || ending.IsDecided)
            {
                return Task.CompletedTask;
            }

            _allWait ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _allWait.Task;
        }
    }

    /// <summary>Opens the gate.</summary>
    public void Open()
    {
        lock (_gate)
        {
            _isPaused = false;
            _allWait = null;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Lets those who wait look whether there is something to do for others.</summary>
    public void Wake()
    {
        lock (_gate)
        {
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Lets everybody see that the machine ends.</summary>
    public void Release()
    {
        lock (_gate)
        {
            _allWait?.TrySetResult();
            Monitor.PulseAll(_gate);
        }
    }
}
