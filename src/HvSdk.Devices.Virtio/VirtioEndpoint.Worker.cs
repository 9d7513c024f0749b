namespace HvSdk.Devices.Virtio;

/// <content>The worker: one thread for each device, which waits for the driver's notifications and for the device's own wishes.</content>
internal sealed partial class VirtioEndpoint : IDisposable
{
    private readonly AutoResetEvent _idle = new(false);
    private Doorbell? _doorbell;
    private Thread? _worker;
    private bool _isPaused;
    private bool _isEnded;
    private int _isWoken;

    /// <summary>False: nobody works but who calls <see cref="RunOnce"/>; for tests.</summary>
    internal bool HasWorker { get; init; } = true;

    /// <summary>The machine exists.</summary>
    /// <param name="memory">Its memory.</param>
    internal void Connect(GuestMemory memory)
    {
        lock (_gate)
        {
            _view = memory.CreateView();
        }
    }

    /// <summary>The doorbell that the driver's notifications ring is there, elsewhere, or gone. Waits for nobody; the one before is disposed of.</summary>
    /// <param name="doorbell">The doorbell, or null.</param>
    internal void SetDoorbell(Doorbell? doorbell)
    {
        Interlocked.Exchange(ref _doorbell, doorbell)?.Dispose();

        // A ring of the one before may have been lost, and the worker may be waiting for one to come.
        doorbell?.Ring();
        _idle.Set();
    }

    /// <summary>Has the worker look at the device soon.</summary>
    internal void Wake()
    {
        Volatile.Write(ref _isWoken, 1);
        Notify();
    }

    /// <summary>The driver has notified where no doorbell hears it.</summary>
    internal void Notify()
    {
        try
        {
            if (Volatile.Read(ref _doorbell) is { } doorbell)
            {
                doorbell.Ring();
                return;
            }
        }
        catch (ObjectDisposedException)
        {
            // It moved, and who moved it rings the new one; or the machine has gone, and a stream of the host's outlives it.
        }

        _idle.Set();
    }

    /// <summary>Returns when the device stands still.</summary>
    internal void Pause()
    {
        HoldQueues();
        lock (_gate)
        {
            _isPaused = true;
        }
    }

    internal void Resume()
    {
        lock (_gate)
        {
            _isPaused = false;
            foreach (QueueSetup setup in _queues)
            {
                setup.Queue?.IsHeld = false;
            }
        }

        Wake();
    }

    /// <summary>The machine has ended: the device is reset, and its worker ends.</summary>
    public void Dispose()
    {
        Reset();
        bool isFirst;
        lock (_gate)
        {
            isFirst = !_isEnded;
            _isEnded = true;
        }

        SetDoorbell(null);
        if (_worker is { } worker && worker != Thread.CurrentThread)
        {
            worker.Join();
        }

        if (isFirst)
        {
            Guard(_ => VirtioMetrics.Remove(this));
            Guard(static device => device.OnEnded());
        }
    }

    /// <summary>One look at all queues.</summary>
    /// <returns>True: there is more to do.</returns>
    internal bool RunOnce()
    {
        lock (_gate)
        {
            return Run(0, static (endpoint, _) => endpoint.LookAtQueues());
        }
    }

    /// <summary>Has the calling thread do a piece of the device's work at once, in the worker's place: handing it over would take longer. It never waits.</summary>
    /// <returns>What the action said; false where it was not called, as the worker is at work or the device stands still.</returns>
    internal bool TryWork<TState>(TState state, Func<VirtioDevice, TState, bool> action)
        where TState : allows ref struct
    {
        // The caller may be in the midst of this device's own work, or of another's.
        if (!HasWorker || Monitor.IsEntered(_gate) || !Monitor.TryEnter(_gate))
        {
            return false;
        }

        try
        {
            return Run(new Work<TState>(state, action), static (endpoint, work) =>
            {
                bool isDone = work.Action(endpoint.Device, work.State);
                endpoint.SignalQueues();
                return isDone;
            });
        }
        finally
        {
            Monitor.Exit(_gate);
        }
    }

    /// <summary>Works on the queues, where that may be; called with the gate held.</summary>
    private bool Run<TState>(TState state, Func<VirtioEndpoint, TState, bool> action)
        where TState : allows ref struct
    {
        if (!IsActive || _isPaused || (_status & VirtioStatus.NeedsReset) != 0 || !_signals.CanAccessMemory)
        {
            return false;
        }

        _view!.Enter();
        try
        {
            return action(this, state);
        }
#pragma warning disable CA1031 // a device's defect is the device's end, not the process's
        catch (Exception e)
#pragma warning restore CA1031
        {
            Break($"{Device.GetType().Name} failed: {e.Message}");
            return false;
        }
        finally
        {
            _view.Exit();
        }
    }

    private bool LookAtQueues()
    {
        foreach (QueueSetup setup in _queues)
        {
            if (setup.Queue is { Fault: null } queue)
            {
                queue.BeginLook();
                queue.DisableNotifications();
            }
        }

        if (Interlocked.Exchange(ref _isWoken, 0) != 0)
        {
            Device.OnWoken();
        }

        foreach (QueueSetup setup in _queues)
        {
            if (setup.Queue is { Fault: null } queue)
            {
                Device.Process(queue);
            }
        }

        bool hasMore = false;
        foreach (QueueSetup setup in _queues)
        {
            hasMore |= setup.Queue is { } queue && queue.EnableNotifications();
        }

        SignalQueues();
        return hasMore || Volatile.Read(ref _isWoken) != 0;
    }

    private void SignalQueues()
    {
        foreach (QueueSetup setup in _queues)
        {
            if (setup.Queue is not { } queue)
            {
                continue;
            }

            if (queue.TakeSignal())
            {
                SignalQueue(queue.Index);
            }

            if (queue.Fault is { } fault)
            {
                Break(fault);
            }
        }
    }

    private void StartWorker()
    {
        if (_worker is null && HasWorker && !_isEnded)
        {
            _worker = new Thread(RunWorker) { IsBackground = true, Name = $"virtio {Device.GetType().Name}" };
            _worker.Start();
        }
    }

    private void RunWorker()
    {
        while (true)
        {
            if (Volatile.Read(ref _doorbell) is { } doorbell)
            {
                try
                {
                    doorbell.Wait();
                }
                catch (ObjectDisposedException)
                {
                    // It has moved, or the machine has ended.
                }
            }
            else
            {
                _idle.WaitOne();
            }

            _kicks++;
            while (RunOnce())
            {
                Thread.Yield(); // to a vCPU's thread that wants to reset the device
            }

            if (Volatile.Read(ref _isEnded))
            {
                return;
            }
        }
    }

    private readonly ref struct Work<TState>(TState state, Func<VirtioDevice, TState, bool> action)
        where TState : allows ref struct
    {
        public readonly TState State = state;
        public readonly Func<VirtioDevice, TState, bool> Action = action;
    }
}
