using System.Diagnostics;
using HvSdk.Boot;

namespace HvSdk.VirtualMachines;

/// <summary>A whole machine: memory, processors with threads of their own, devices, and what it boots.</summary>
/// <remarks>
/// Made by <see cref="VirtualMachineBuilder.Build"/>; it runs once. All members may be called from any thread. Many machines may run in one
/// process where the host allows it (<see cref="HypervisorFeatures.ManyPartitions"/>).
/// </remarks>
public sealed partial class VirtualMachine : IAsyncDisposable
{
    private readonly Hypervisor _hypervisor;
    private readonly MachinePlan _plan;
    private readonly MachineBlueprint _blueprint;
    private readonly MachineEnding _ending;
    private readonly MachineChips _chips;
    private readonly Devices.Emulated.PowerManagement? _power;
    private readonly BootImage _image;
    private readonly ProcessorGate _gate;
    private readonly Processor[] _processors;
    private readonly AccessCounts? _accesses;
    private readonly TaskCompletionSource<MachineEnd> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly object _stateGate = new();

    /// <summary>Ends the loading of an image when the end is decided: who stops a machine that starts does not wait for the rest of it.</summary>
    private readonly CancellationTokenSource _startCancellation = new();
    private Partition? _partition;
    private readonly List<Task> _processorTasks = [];
    private MachineState _state;

    internal VirtualMachine(Hypervisor hypervisor, MachinePlan plan, MachineBlueprint blueprint, MachineEnding ending, MachineChips chips, Devices.Emulated.PowerManagement? power, BootImage image)
    {
        _hypervisor = hypervisor;
        _plan = plan;
        _blueprint = blueprint;
        _ending = ending;
        _chips = chips;
        _power = power;
        _image = image;
        _gate = new ProcessorGate(ending, blueprint.Processors.Count);
        ending.OnDecided(_startCancellation.Cancel);
        _accesses = blueprint.CountAccesses ? new AccessCounts() : null;
        _processors = new Processor[blueprint.Processors.Count];
        for (int i = 0; i < _processors.Length; i++)
        {
            _processors[i] = new Processor(i, _gate, chips, ending, _accesses);
        }
    }

    /// <summary>Has come to another state. Called on whatever thread brought it there; do not block.</summary>
    public event EventHandler<MachineStateChangedEventArgs>? StateChanged;

    /// <summary>The name for people.</summary>
    public string Name => _plan.Name;

    /// <summary>Where it is in its life.</summary>
    public MachineState State
    {
        get
        {
            lock (_stateGate)
            {
                return _state;
            }
        }
    }

    /// <summary>How it ended; null before.</summary>
    public MachineEnd? End => _ended.Task.IsCompletedSuccessfully ? _ended.Task.Result : null;

    /// <summary>What it boots, for people.</summary>
    public string BootFormat => _image.Format;

    /// <summary>The memory map that the guest is given.</summary>
    public IReadOnlyList<MemoryMapEntry> MemoryMap => _blueprint.BootMachine.MemoryMap;

    /// <summary>The partition under it, from its start to its disposal: for what the machine does not offer itself.</summary>
    /// <exception cref="InvalidOperationException">It was not started yet.</exception>
    public Partition Partition => Volatile.Read(ref _partition) ?? throw new InvalidOperationException($"{Name} has no partition: it is {State}. Start it first.");

    /// <summary>Starts describing a machine.</summary>
    /// <param name="hypervisor">What it will run on; it must stay open while the machine lives.</param>
    public static VirtualMachineBuilder CreateBuilder(Hypervisor hypervisor)
    {
        ArgumentNullException.ThrowIfNull(hypervisor);
        return new VirtualMachineBuilder(hypervisor);
    }

    /// <summary>Waits until the machine has ended.</summary>
    /// <param name="cancellationToken">Ends the wait; the machine runs on.</param>
    /// <returns>How it ended.</returns>
    public Task<MachineEnd> WaitForExitAsync(CancellationToken cancellationToken = default) => _ended.Task.WaitAsync(cancellationToken);

    /// <summary>What it has done so far.</summary>
    public MachineStatistics GetStatistics() => new()
    {
        StartDuration = _startedAt == 0 ? TimeSpan.Zero : Stopwatch.GetElapsedTime(_startCalledAt, _startedAt),
        RunDuration = _startedAt == 0 ? TimeSpan.Zero : Stopwatch.GetElapsedTime(_startedAt, _endedAt == 0 ? Stopwatch.GetTimestamp() : _endedAt),
        Processors = [.. _processors.Where(static processor => processor.Vcpu is not null).Select(static processor => processor.Vcpu!.Statistics)],
        Accesses = _accesses?.Snapshot() ?? [],
    };

    /// <inheritdoc/>
    public override string ToString() => $"{Name} ({State})";

    /// <summary>Ends the machine at once where it still runs, and frees everything that it holds: when this has completed, nothing is left behind.</summary>
    public async ValueTask DisposeAsync()
    {
        _ending.TryDecide(new MachineEnd { Kind = MachineEndKind.Stopped, Reason = "The machine was disposed of." });
        FinishIfNeverStarted();
        await _ended.Task.ConfigureAwait(false);
        if (Interlocked.Exchange(ref _isDisposed, true))
        {
            await _disposed.Task.ConfigureAwait(false);
            return;
        }

        try
        {
            foreach (DeviceSlot slot in _plan.Slots)
            {
                await DisposeAsync(slot.Device).ConfigureAwait(false);
            }
        }
        finally
        {
            Volatile.Read(ref _partition)?.Dispose();
            _image.Dispose();
            _startCancellation.Dispose();
            _disposed.SetResult();
        }
    }

    private readonly TaskCompletionSource _disposed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _isDisposed;

    private static async ValueTask DisposeAsync(object device)
    {
        switch (device)
        {
            case IAsyncDisposable asyncDisposable:
                await asyncDisposable.DisposeAsync().ConfigureAwait(false);
                break;
            case IDisposable disposable:
                disposable.Dispose();
                break;
        }
    }

    /// <summary>Goes to another state, if it is in one of those given.</summary>
    private bool TryChange(MachineState to, out MachineState from, params ReadOnlySpan<MachineState> allowed)
    {
        lock (_stateGate)
        {
            from = _state;
            bool isAllowed = false;
            foreach (MachineState state in allowed)
            {
                isAllowed |= state == from;
            }

            if (!isAllowed)
            {
                return false;
            }

            _state = to;
        }

        if (from == to)
        {
            return true;
        }

        StateChanged?.Invoke(this, new MachineStateChangedEventArgs(from, to));
        return true;
    }
}
