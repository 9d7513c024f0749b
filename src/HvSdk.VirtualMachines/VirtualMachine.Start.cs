using System.Diagnostics;
using System.Runtime.ExceptionServices;
using HvSdk.Boot;

namespace HvSdk.VirtualMachines;

/// <content>From built to running.</content>
public sealed partial class VirtualMachine
{
    private long _startCalledAt;
    private long _startedAt;
    private long _endedAt;

    /// <summary>Makes the machine, loads what it boots, and lets its processors run.</summary>
    /// <param name="progress">Hears how far the loading is, or null.</param>
    /// <param name="cancellationToken">Ends the start, and with it the machine.</param>
    /// <returns>Completes when all processors run.</returns>
    /// <exception cref="InvalidOperationException">It was started before: a machine runs once.</exception>
    /// <exception cref="HypervisorException">The host refused something.</exception>
    /// <exception cref="BootImageException">The image is damaged in a part that was not looked at before.</exception>
    public async Task StartAsync(IProgress<BootProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        if (!TryChange(MachineState.Starting, out MachineState from, MachineState.Built))
        {
            throw new InvalidOperationException($"{Name} is {from}, and a machine is started once. Build another one.");
        }

        _startCalledAt = Stopwatch.GetTimestamp();
        try
        {
            using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(static state => ((CancellationTokenSource)state!).Cancel(), _startCancellation);
            await Task.Run(() => Create(progress, _startCancellation.Token), CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            bool isStopped = e is OperationCanceledException && _startCancellation.IsCancellationRequested;
            _ending.TryDecide(new MachineEnd
            {
                Kind = isStopped ? MachineEndKind.Stopped : MachineEndKind.Failed,
                Reason = isStopped ? "Its start was cancelled." : $"The start failed: {e.Message}",
                Exception = isStopped ? null : e,
            });
            await FinishAsync().ConfigureAwait(false);
            throw;
        }

        _ = FinishAsync();
        if (TryChange(MachineState.Running, out _, MachineState.Starting))
        {
            StartHaltWatch();
        }
    }

    private void Create(IProgress<BootProgress>? progress, CancellationToken cancellationToken)
    {
        var options = new PartitionOptions { Name = Name, MaxVcpus = _processors.Length, InterruptController = _chips.Mode };
        _chips.Configure(options);
        if (_hypervisor.Capabilities.Architecture == GuestArchitecture.X64)
        {
            options.X64.TscFrequency = _blueprint.Processors.TscFrequency;
            options.X64.ConfigureCpuid = table =>
            {
                ProcessorIdentity.Apply(table, _processors.Length);
                _blueprint.Processors.ConfigureCpuid?.Invoke(table);
            };
        }

        // Memory first and vCPUs last: on KVM that is the fast order.
        Partition partition = _hypervisor.CreatePartition(options);
        Volatile.Write(ref _partition, partition);
        MapMemory(partition);
        foreach (MachineTable table in _blueprint.Tables)
        {
            partition.Memory.Write(table.Address, table.Content.Span);
        }

        BootState state = _image.Load(_blueprint.BootMachine, partition.Memory, progress, cancellationToken);
        foreach (MachineWindow window in _plan.Windows)
        {
            if (window.Device is { } device)
            {
                BusOf(partition, window.Window.Space).Map(window.Window.Address, window.Window.Size, device);
            }
        }

        _chips.Connect(partition, _plan);
        _plan.Slots.ForEach(slot => slot.Connect(partition));
        StartProcessors(partition, state, cancellationToken);
    }

    private void MapMemory(Partition partition)
    {
        MemoryOptions memory = _blueprint.Memory;
        foreach (BootRegion region in _image.Regions.Where(region => !_plan.Ram.Contains(region.Address, region.Size)))
        {
            partition.Memory.Map(region.Address, region.Size, new MemoryRegionOptions { Access = region.Access, Name = region.Name });
        }

        foreach (MemoryRange range in _plan.Ram.Ranges)
        {
            partition.Memory.Map(range.Address, range.Size, new MemoryRegionOptions { Backing = memory.Backing, HugePages = memory.HugePages, Populate = memory.Populate });
        }
    }

    private void StartProcessors(Partition partition, BootState state, CancellationToken cancellationToken)
    {
        // Nobody runs before all are there: the first may wake the others at once.
        _gate.Shut();
        _ending.OnDecided(_gate.Release);
        var ready = new Task[_processors.Length];
        for (int i = 0; i < ready.Length; i++)
        {
            Processor processor = _processors[i];
            _ending.OnDecided(processor.Kick);
            Action<Vcpu>? start = i == 0 ? state.ApplyTo : null;
            Task task = WatchAsync(partition.RunVcpuAsync(
                i,
                (vcpu, _) =>
                {
                    processor.Run(vcpu, start);
                    return true;
                },
                CancellationToken.None));
            _processorTasks.Add(task);
            ready[i] = Task.WhenAny(processor.Ready, task);
        }

        Task.WaitAll(ready, CancellationToken.None);
        if (_ending is { IsDecided: true, End.Exception: { } failure })
        {
            ExceptionDispatchInfo.Throw(failure);
        }

        if (cancellationToken.IsCancellationRequested)
        {
            _ending.TryDecide(new MachineEnd { Kind = MachineEndKind.Stopped, Reason = "Its start was cancelled." });
            cancellationToken.ThrowIfCancellationRequested();
        }

        _startedAt = Stopwatch.GetTimestamp();
        _gate.Open();
    }

    /// <summary>What a processor's thread throws ends the machine.</summary>
    private async Task WatchAsync(Task processor)
    {
        try
        {
            await processor.ConfigureAwait(false);
        }
#pragma warning disable CA1031 // whatever it is becomes the machine's end
        catch (Exception e)
#pragma warning restore CA1031
        {
            _ending.TryDecide(new MachineEnd { Kind = MachineEndKind.Failed, Reason = $"A processor's thread failed: {e.Message}", Exception = e });
        }
    }

    /// <summary>Waits for the processors, then lets everybody know of the end.</summary>
    private async Task FinishAsync()
    {
        await Task.WhenAll(_processorTasks).ConfigureAwait(false);
        _endedAt = Stopwatch.GetTimestamp();
        StopHaltWatch();
        Finish();
    }

    private void Finish()
    {
        foreach (InterruptWire wire in _plan.Wires.Values)
        {
            wire.Disconnect();
        }

        MachineEnd end = _ending.End!;
        foreach (DeviceSlot slot in _plan.Slots)
        {
            try
            {
                slot.End();
            }
#pragma warning disable CA1031 // a device's defect must not keep the machine from ending, nor hide how it did
            catch (Exception e)
#pragma warning restore CA1031
            {
                end = end with { Reason = $"{end.Reason} {slot.Name} failed to end: {e.Message}", Exception = end.Exception ?? e };
            }
        }

        try
        {
            TryChange(MachineState.Ended, out _, MachineState.Built, MachineState.Starting, MachineState.Running, MachineState.Paused, MachineState.Stopping);
        }
        finally
        {
            _ended.TrySetResult(end); // whatever somebody who listens to the state does
        }
    }

    private void FinishIfNeverStarted()
    {
        if (TryChange(MachineState.Stopping, out _, MachineState.Built))
        {
            Finish();
        }
    }

    private static DeviceBus BusOf(Partition partition, BusSpace space) => space == BusSpace.Ports ? partition.Ports : partition.Mmio;
}
