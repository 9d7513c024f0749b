namespace HvSdk.VirtualMachines;

/// <content>Pausing, stopping, and the watch for machines that have halted for good.</content>
public sealed partial class VirtualMachine
{
    private static readonly TimeSpan s_defaultGrace = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_haltWatchPeriod = TimeSpan.FromMilliseconds(500);

    /// <summary>How often in a row all processors must be found halted: one that is found so may have been woken by another that was looked at after it.</summary>
    private const int HaltConfirmations = 2;

    private ITimer? _haltWatch;
    private long _exitsSeen;
    private int _haltedInARow;

    /// <summary>Makes all processors stand still, and the threads of the devices.</summary>
    /// <param name="cancellationToken">Ends the wait; the machine pauses all the same.</param>
    /// <returns>Completes when they do.</returns>
    /// <remarks>Time goes on: the guest's clocks show when it is resumed how long it stood still, as after a suspend.</remarks>
    /// <exception cref="InvalidOperationException">It does not run.</exception>
    public async Task PauseAsync(CancellationToken cancellationToken = default)
    {
        if (!TryChange(MachineState.Paused, out MachineState from, MachineState.Running, MachineState.Paused))
        {
            throw new InvalidOperationException($"{Name} is {from}; only a machine that runs can be paused.");
        }

        Task all = _gate.Shut();
        Array.ForEach(_processors, static processor => processor.Kick());
        await all.WaitAsync(cancellationToken).ConfigureAwait(false);
        if (State == MachineState.Paused)
        {
            await Task.Run(() => _plan.Slots.ForEach(static slot => slot.Pause()), CancellationToken.None).WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Lets the processors run on.</summary>
    /// <exception cref="InvalidOperationException">It is not paused.</exception>
    public Task ResumeAsync()
    {
        if (!TryChange(MachineState.Running, out MachineState from, MachineState.Paused))
        {
            throw new InvalidOperationException($"{Name} is {from}; only a machine that is paused can be resumed.");
        }

        _plan.Slots.ForEach(static slot => slot.Resume());
        _gate.Open();
        return Task.CompletedTask;
    }

    /// <summary>Has a processor's own thread, which alone may use its vCPU, do something with it while the machine is paused: look at registers, save or load its state.</summary>
    /// <typeparam name="TResult">What the action gives.</typeparam>
    /// <param name="processor">The processor's number, from 0.</param>
    /// <param name="action">What is done. It may not run the vCPU, nor keep it; while it waits, the processor cannot run on.</param>
    /// <returns>What the action gave, or its exception.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such processor.</exception>
    /// <exception cref="InvalidOperationException">The machine is not paused; also by the task, where it ends before the action was called.</exception>
    /// <example>
    /// <code>
    /// await machine.PauseAsync();
    /// PartitionState chips = machine.Partition.SaveState();
    /// X64VcpuState state = await machine.InvokeOnProcessorAsync(0, vcpu =&gt; vcpu.X64.SaveState());
    /// </code>
    /// </example>
    public Task<TResult> InvokeOnProcessorAsync<TResult>(int processor, Func<Vcpu, TResult> action)
    {
        ArgumentNullException.ThrowIfNull(action);
        if ((uint)processor >= (uint)_processors.Length)
        {
            throw new ArgumentOutOfRangeException(nameof(processor), processor, $"{Name} has processors 0 to {_processors.Length - 1}.");
        }

        return State == MachineState.Paused
            ? _processors[processor].InvokeAsync(action)
            : throw new InvalidOperationException($"{Name} is {State}; its processors do something for others while it is paused. Pause it first.");
    }

    /// <summary>
    /// Asks the guest to switch itself off, by the ACPI power button, and stops it hard when it has not after a while. A machine without ACPI, and
    /// one that is paused, is stopped hard at once.
    /// </summary>
    /// <param name="grace">How long the guest has; 10 s where none is given, zero for a hard stop at once.</param>
    /// <param name="cancellationToken">Stops it hard at once.</param>
    /// <returns>How it ended; completes when it has.</returns>
    public async Task<MachineEnd> StopAsync(TimeSpan? grace = null, CancellationToken cancellationToken = default)
    {
        TimeSpan limit = grace ?? s_defaultGrace;
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, TimeSpan.Zero, nameof(grace));
        FinishBeforeStart();
        if (limit > TimeSpan.Zero && State == MachineState.Running && _power is { } power && !cancellationToken.IsCancellationRequested)
        {
            power.PressPowerButton();
            TryChange(MachineState.Stopping, out _, MachineState.Running);
            try
            {
                return await _ended.Task.WaitAsync(limit, _blueprint.TimeProvider, cancellationToken).ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                // The guest does not listen.
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                // The caller does not want to wait any longer.
            }
        }

        _ending.TryDecide(new MachineEnd { Kind = MachineEndKind.Stopped, Reason = "The machine was stopped." });
        return await _ended.Task.ConfigureAwait(false);
    }

    private void FinishBeforeStart()
    {
        if (State == MachineState.Built)
        {
            _ending.TryDecide(new MachineEnd { Kind = MachineEndKind.Stopped, Reason = "The machine was stopped before it was started." });
            FinishIfNeverStarted();
        }
    }

    private void StartHaltWatch()
    {
        if (_blueprint.WatchForHalt)
        {
            _haltWatch = _blueprint.TimeProvider.CreateTimer(static state => ((VirtualMachine)state!).WatchForHalt(), this, s_haltWatchPeriod, s_haltWatchPeriod);
            if (_ending.IsDecided)
            {
                StopHaltWatch();
            }
        }
    }

    private void StopHaltWatch() => Interlocked.Exchange(ref _haltWatch, null)?.Dispose();

    /// <summary>
    /// Where no processor has left the guest for a while, looks whether they all have halted for good: that is the host's to see alone, as it keeps
    /// the processors' own interrupt controllers and lets them sleep in the kernel.
    /// </summary>
    private void WatchForHalt()
    {
        if (State is not (MachineState.Running or MachineState.Stopping))
        {
            return;
        }

        long exits = 0;
        foreach (Processor processor in _processors)
        {
            if (processor.Vcpu is { } vcpu)
            {
                VcpuStatistics statistics = vcpu.Statistics;
                exits += statistics.Exits - statistics.ExitsOf(VcpuExitKind.Canceled);
            }
        }

        bool isSilent = exits == _exitsSeen;
        _exitsSeen = exits;
        _haltedInARow = isSilent && Array.TrueForAll(_processors, static processor => processor is { Inspections: > 0, IsHaltedForGood: true }) ? _haltedInARow + 1 : 0;
        if (_haltedInARow >= HaltConfirmations)
        {
            _ending.TryDecide(new MachineEnd { Kind = MachineEndKind.Halted, Reason = "All processors have halted with interrupts off." });
        }
        else if (isSilent)
        {
            Array.ForEach(_processors, static processor => processor.Inspect());
        }
    }
}
