namespace HvSdk.Devices.Virtio;

/// <content>Saved and loaded state.</content>
internal sealed partial class VirtioEndpoint
{
    internal VirtioState SaveState()
    {
        lock (_gate)
        {
            if (IsActive && !_isPaused)
            {
                throw new InvalidOperationException($"The {Device.GetType().Name} is at work. Pause the machine first: its devices and its memory are saved while they stand still.");
            }

            // A device that asks to be reset does nothing with its queues before it is.
            bool carriesQueues = (_status & VirtioStatus.NeedsReset) == 0;
            return new VirtioState
            {
                DeviceId = Device.DeviceId,
                Status = (byte)_status,
                DriverFeatures = _driverFeatures,
                ConfigurationGeneration = ConfigurationGeneration,
                Fault = Fault,
                Queues = Array.ConvertAll(_queues, setup => setup.SaveState(carriesQueues)),
                Device = Device.SaveState(),
            };
        }
    }

    /// <param name="state">The state.</param>
    /// <param name="setSignals">Called when all was found to be right, before anything is signalled: the reset that comes first has taken the vectors away.</param>
    internal void LoadState(VirtioState state, Action? setSignals = null)
    {
        ArgumentNullException.ThrowIfNull(state);
        HoldQueues();
        lock (_gate)
        {
            bool wasPaused = _isPaused;
            Check(state);
            Virtqueue?[] queues = OpenSaved(state);
            Reset();
            setSignals?.Invoke();
            try
            {
                Apply(state, queues, wasPaused);
            }
            catch
            {
                Reset();
                throw;
            }

            if (IsActive)
            {
                StartWorker();
                Wake();
            }
        }
    }

    private void Check(VirtioState state)
    {
        var status = (VirtioStatus)state.Status;
        StateProblem.Require(state.Version == VirtioState.CurrentVersion, $"{nameof(state.Version)} is {state.Version}; this version of the library reads {VirtioState.CurrentVersion}.");
        StateProblem.Require(
            state.DeviceId == Device.DeviceId, $"{nameof(state.DeviceId)} is {state.DeviceId}, and this is a {Device.GetType().Name} with {Device.DeviceId}. Load it into a device of the kind that it was saved of.");
        StateProblem.RequireCount(state.Queues, _queues.Length, _queues.Length, nameof(state.Queues));
        StateProblem.Require(
            !status.HasFlag(VirtioStatus.DriverOk) || status.HasFlag(VirtioStatus.FeaturesOk), $"{nameof(state.Status)} is 0x{state.Status:X2}: DRIVER_OK without FEATURES_OK (virtio 1.2, 3.1.1).");
        StateProblem.Require(
            !status.HasFlag(VirtioStatus.FeaturesOk) || AreAcceptable(state.DriverFeatures),
            $"{nameof(state.DriverFeatures)} is 0x{state.DriverFeatures:X}; this {Device.GetType().Name} offers 0x{_offered:X}, and does not take them. Make it with the options that it was saved with.");
        for (int i = 0; i < state.Queues.Count; i++)
        {
            StateProblem.Require(state.Queues[i] is { Size: >= 0 }, $"{nameof(state.Queues)}[{i}] is null, or its {nameof(VirtqueueState.Size)} is negative.");
        }

        if (status.HasFlag(VirtioStatus.DriverOk) && _view is null)
        {
            throw new InvalidOperationException("The machine is not built yet, and the device has no memory to look into. Build it, fill its memory, then load the state.");
        }
    }

    /// <summary>Makes the queues that are in use. Nothing of the device has changed yet.</summary>
    private Virtqueue?[] OpenSaved(VirtioState state)
    {
        var queues = new Virtqueue?[_queues.Length];
        var status = (VirtioStatus)state.Status;
        if (!status.HasFlag(VirtioStatus.DriverOk) || status.HasFlag(VirtioStatus.NeedsReset))
        {
            return queues;
        }

        for (int i = 0; i < queues.Length; i++)
        {
            VirtqueueState saved = state.Queues[i];
            if (!saved.IsReady)
            {
                continue;
            }

            var layout = new QueueLayout(saved.Size, saved.Descriptors, saved.DriverArea, saved.DeviceArea);
            Virtqueue? queue = Open(i, layout, _queues[i], (VirtioFeatures)state.DriverFeatures, out string? problem);
            if (queue is not null)
            {
                _view!.Enter();
                problem = queue.LoadState(saved);
                _view.Exit();
            }

            StateProblem.Require(problem is null, $"{nameof(state.Queues)}[{i}]: {problem}");
            queues[i] = queue;
        }

        return queues;
    }

    private void Apply(VirtioState state, Virtqueue?[] queues, bool isPaused)
    {
        _status = (VirtioStatus)state.Status;
        _driverFeatures = state.DriverFeatures;
        Fault = _status.HasFlag(VirtioStatus.NeedsReset) ? state.Fault ?? "It asked to be reset when its state was saved." : null;
        Volatile.Write(ref _configurationGeneration, (int)state.ConfigurationGeneration);
        for (int i = 0; i < queues.Length; i++)
        {
            _queues[i].LoadState(state.Queues[i], queues[i]);
            queues[i]?.IsHeld = isPaused;
        }

        if (IsActive)
        {
            Device.OnActivated();
        }

        Device.LoadState(state.Device);
    }
}
