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
    private long _signalCount;

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
            Guard(static device => device.OnEnded());
        }
    }

    /// <summary>One look at all queues.</summary>
    /// <returns>True: there is more to do.</returns>
    internal bool RunOnce()
    {
        lock (_gate)
        {
            if (!IsActive || _isPaused || (_status & VirtioStatus.NeedsReset) != 0 || !_signals.CanAccessMemory)
            {
                return false;
            }

            _view!.Enter();
            try
            {
                return LookAtQueues();
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
            if (setup.Queue is not { } queue)
            {
                continue;
            }

            hasMore |= queue.EnableNotifications();
            if (queue.TakeSignal())
            {
                Interlocked.Increment(ref _signalCount);
                _signals.SignalQueue(queue.Index);
            }

            if (queue.Fault is { } fault)
            {
                Break(fault);
            }
        }

        return hasMore || Volatile.Read(ref _isWoken) != 0;
    }

    private void StartWorker()
    {
        if (_worker is null && HasWorker && !_isEnded)
        {
            _worker = new Thread(Work) { IsBackground = true, Name = $"virtio {Device.GetType().Name}" };
            _worker.Start();
        }
    }

    private void Work()
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
}
