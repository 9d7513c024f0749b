using HvSdk.Backends;
using HvSdk.Diagnostics;
using Microsoft.Extensions.Logging;

namespace HvSdk;

/// <summary>A guest's machine, as the hypervisor sees it: memory, vCPUs, interrupts, and the buses that its devices sit on.</summary>
/// <remarks>
/// Made by <see cref="Hypervisor.CreatePartition"/>. All members may be called from any thread, while vCPUs run. Map the RAM before the first
/// vCPU is created: on KVM that is the fast order.
/// </remarks>
public sealed class Partition : IDisposable
{
    private readonly PartitionBackend _backend;
    private readonly ILogger _logger;
    private readonly int _maxVcpus;
    private readonly Dictionary<int, Vcpu> _vcpus = [];
    private readonly HashSet<int> _usedIndexes = [];
    private readonly HashSet<Doorbell> _doorbells = [];

    /// <summary>The partition itself and each vCPU: the native partition goes with the last of them.</summary>
    private int _parts = 1;
    private bool _isGone;

    internal Partition(PartitionBackend backend, HypervisorCapabilities capabilities, PartitionOptions options, ILogger logger)
    {
        _backend = backend;
        _logger = logger;
        _maxVcpus = options.MaxVcpus;
        Name = options.Name;
        Capabilities = capabilities;
        Ports = new DeviceBus("I/O ports", ushort.MaxValue, this, null);
        Memory = new GuestMemory(this, backend, capabilities);
        Mmio = new DeviceBus("MMIO", (1UL << capabilities.GuestPhysicalAddressBits) - 1, this, Memory.FindConflict);
        Interrupts = new InterruptController(this, backend, capabilities, options.InterruptController);
        HvSdkMetrics.Add(this);
    }

    /// <summary>The name for people.</summary>
    public string Name { get; }

    /// <summary>What the host offers.</summary>
    public HypervisorCapabilities Capabilities { get; }

    /// <summary>The guest's memory.</summary>
    public GuestMemory Memory { get; }

    /// <summary>The I/O ports (x64): 0 to 0xFFFF.</summary>
    public DeviceBus Ports { get; }

    /// <summary>The GPAs without memory.</summary>
    public DeviceBus Mmio { get; }

    /// <summary>The interrupt controller that the host keeps.</summary>
    public InterruptController Interrupts { get; }

    /// <summary>The vCPUs that exist, by index.</summary>
    public IReadOnlyList<Vcpu> Vcpus
    {
        get
        {
            lock (Gate)
            {
                return [.. _vcpus.Values.OrderBy(static vcpu => vcpu.Index)];
            }
        }
    }

    /// <summary>Serializes what changes the partition. Never held while a vCPU runs or a device is called.</summary>
    internal object Gate { get; } = new();

    internal bool IsDisposed { get; private set; }

    /// <summary>Creates a vCPU that belongs to the calling thread: it alone may run and use it.</summary>
    /// <param name="index">
    /// Its index, 0 to <see cref="PartitionOptions.MaxVcpus"/> less one; each can be used once in the partition's life. (x64: 0 is the bootstrap
    /// processor.)
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such index.</exception>
    /// <exception cref="InvalidOperationException">That vCPU exists, or has existed.</exception>
    /// <exception cref="HypervisorException">The host refused.</exception>
    public Vcpu CreateVcpu(int index)
    {
        if ((uint)index >= (uint)_maxVcpus)
        {
            throw new ArgumentOutOfRangeException(
                nameof(index), index, $"Partition {Name} has vCPUs 0 to {_maxVcpus - 1}. Set {nameof(PartitionOptions)}.{nameof(PartitionOptions.MaxVcpus)} for more.");
        }

        lock (Gate)
        {
            ThrowIfDisposed();
            if (_usedIndexes.Contains(index))
            {
                throw new InvalidOperationException(
                    $"Partition {Name} has, or had, a vCPU {index}. Choose another index, or create another partition: no host makes the same vCPU twice as new.");
            }

            var vcpu = new Vcpu(this, _backend.CreateVcpu(index), index);
            _usedIndexes.Add(index);
            _vcpus.Add(index, vcpu);
            _parts++;
            return vcpu;
        }
    }

    /// <summary>Creates a vCPU on a thread of its own, calls the body there, and disposes of the vCPU when it returns.</summary>
    /// <typeparam name="TResult">What the body gives.</typeparam>
    /// <param name="index">Index of the vCPU.</param>
    /// <param name="body">What is done with the vCPU: set it up, run it, look at its end. It may block; the thread is its own.</param>
    /// <param name="cancellationToken">Handed to the body, which passes it to <see cref="Vcpu.Run(CancellationToken)"/>.</param>
    /// <returns>What the body gave, or its exception.</returns>
    public Task<TResult> RunVcpuAsync<TResult>(int index, Func<Vcpu, CancellationToken, TResult> body, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(body);
        ThrowIfDisposed();
        return VcpuThread.Start(this, index, body, cancellationToken);
    }

    /// <summary>Makes a doorbell. Where the host serves none (<see cref="HypervisorFeatures.HostDoorbells"/>), the bus rings it.</summary>
    /// <param name="location">The write that rings it.</param>
    /// <exception cref="ArgumentException">No write can match, or RAM lies there.</exception>
    /// <exception cref="HypervisorException">The host refused: the same doorbell exists, for one.</exception>
    public Doorbell CreateDoorbell(DoorbellLocation location)
    {
        location.Validate(nameof(location));
        lock (Gate)
        {
            ThrowIfDisposed();
            if (location.Space == BusSpace.Mmio && location.Address >> Capabilities.GuestPhysicalAddressBits != 0)
            {
                throw new ArgumentException(
                    $"A doorbell at {location} would never ring: guest addresses have {Capabilities.GuestPhysicalAddressBits} bits here.", nameof(location));
            }

            if (location.Space == BusSpace.Mmio && Memory.FindConflict(location.Address, location.Address + ulong.Max(1, (ulong)location.Size)) is { } memory)
            {
                throw new ArgumentException($"A doorbell at {location} would never ring: {memory} takes the write.", nameof(location));
            }

            HostEvent hostEvent = _backend.CreateDoorbell(location) ?? BusOf(location.Space).AddDoorbell(location);
            var doorbell = new Doorbell(this, hostEvent, location);
            _doorbells.Add(doorbell);
            return doorbell;
        }
    }

    /// <summary>Saves what the host keeps beside the vCPUs and the memory: interrupt chips, timer, clock. Let no vCPU run meanwhile.</summary>
    /// <exception cref="NotSupportedException">The host does not offer <see cref="HypervisorFeatures.StateTransfer"/>.</exception>
    public PartitionState SaveState()
    {
        Capabilities.Require(HypervisorFeatures.StateTransfer);
        lock (Gate)
        {
            ThrowIfDisposed();
            return _backend.SaveState();
        }
    }

    /// <summary>Loads what was saved, before any vCPU's state is loaded. Let no vCPU run meanwhile.</summary>
    /// <param name="state">The state, from a partition of the same options.</param>
    /// <exception cref="HypervisorException">The host refuses a part; the text names it.</exception>
    public void LoadState(PartitionState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        Capabilities.Require(HypervisorFeatures.StateTransfer);
        lock (Gate)
        {
            ThrowIfDisposed();
            _backend.LoadState(state);
        }
    }

    /// <summary>Reads the counters that the host's hypervisor keeps for this partition; empty where it keeps none.</summary>
    public IReadOnlyList<HostStatistic> ReadHostStatistics()
    {
        lock (Gate)
        {
            ThrowIfDisposed();
            return _backend.ReadStatistics();
        }
    }

    /// <summary>
    /// Ends the partition: runs are cancelled, vCPUs, doorbells, triggers and memory go. When it returns nothing native is left. Within a
    /// handler it does not wait: what is left goes when the last run has returned. May be called more than once.
    /// </summary>
    public void Dispose()
    {
        bool isFirst;
        lock (Gate)
        {
            isFirst = !IsDisposed;
            IsDisposed = true;
        }

        if (isFirst)
        {
            Interrupts.DisposeTriggers();
            foreach (Doorbell doorbell in Snapshot(_doorbells))
            {
                doorbell.Dispose();
            }

            foreach (Vcpu vcpu in Snapshot(_vcpus.Values))
            {
                vcpu.BeginDispose();
            }

            ReleasePart();
        }

        if (!Vcpu.IsThreadInRun)
        {
            WaitUntilGone();
        }
    }

    internal void ThrowIfDisposed()
    {
        if (IsDisposed)
        {
            throw new ObjectDisposedException(nameof(Partition), $"Partition {Name} was disposed of.");
        }
    }

    /// <summary>Names a doorbell among the GPAs of a range, or gives null: RAM there would take its writes.</summary>
    internal string? FindDoorbell(ulong address, ulong end)
    {
        foreach (Doorbell doorbell in Snapshot(_doorbells))
        {
            if (doorbell.Location.Space == BusSpace.Mmio && doorbell.Location.Address >= address && doorbell.Location.Address < end)
            {
                return $"the doorbell at {doorbell.Location}";
            }
        }

        return null;
    }

    internal void Forget(Doorbell doorbell)
    {
        lock (Gate)
        {
            _doorbells.Remove(doorbell);
        }
    }

    internal void OnVcpuGone(Vcpu vcpu)
    {
        lock (Gate)
        {
            _vcpus.Remove(vcpu.Index);
        }

        ReleasePart();
    }

    private DeviceBus BusOf(BusSpace space) => space == BusSpace.Ports ? Ports : Mmio;

    private T[] Snapshot<T>(IReadOnlyCollection<T> collection)
    {
        lock (Gate)
        {
            return [.. collection];
        }
    }

    private void ReleasePart()
    {
        lock (Gate)
        {
            if (--_parts > 0)
            {
                return;
            }

            try
            {
                _backend.Dispose();
                Memory.ReleaseAll();
            }
            finally
            {
                // Whatever a backend's defect leaves behind, nobody waits for it for ever.
                HvSdkMetrics.Remove(this);
                _isGone = true;
                Monitor.PulseAll(Gate);
            }
        }

        Log.PartitionDisposed(_logger, Name);
    }

    private void WaitUntilGone()
    {
        lock (Gate)
        {
            while (!_isGone)
            {
                Monitor.Wait(Gate);
            }
        }
    }
}
