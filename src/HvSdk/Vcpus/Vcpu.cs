using System.Diagnostics.CodeAnalysis;
using HvSdk.Backends;

namespace HvSdk;

/// <summary>A virtual processor. It is created, run and used on one thread, and should be alone on it.</summary>
/// <remarks>
/// Any thread may call <see cref="Cancel"/>, <see cref="Dispose"/> and <see cref="Statistics"/>; all other members throw
/// <see cref="InvalidOperationException"/> on a thread that did not create the vCPU. Never create one on the thread pool:
/// <see cref="Partition.RunVcpuAsync{TResult}"/> gives it a thread of its own. Handlers may read and write registers while they are called.
/// </remarks>
public sealed partial class Vcpu : IDisposable
{
    private const int InUse = 1;
    private const int Disposed = 2;

    /// <summary>How many runs the current thread is inside of: such a thread must not wait for a run to end.</summary>
    [ThreadStatic]
    private static int t_runs;

    private readonly Partition _partition;
    private readonly VcpuBackend _backend;
    private readonly int _ownerThreadId = Environment.CurrentManagedThreadId;
    private readonly object _teardownGate = new();
    private readonly VcpuCounters _counters = new();
    private readonly X64Vcpu? _x64;
    private readonly Arm64Vcpu? _arm64;
    private int _state;
    private bool _gone;

    internal Vcpu(Partition partition, VcpuBackend backend, int index)
    {
        _partition = partition;
        _backend = backend;
        Index = index;
        _x64 = backend.X64 is { } x64 ? new X64Vcpu(this, x64) : null;
        _arm64 = backend.Arm64 is { } arm64 ? new Arm64Vcpu(this, arm64) : null;
    }

    /// <summary>Its index in the partition, from 0 (x64: also the local APIC's ID; arm64: <see cref="Arm64Vcpu.GetAffinity"/> gives its MPIDR).</summary>
    public int Index { get; }

    /// <summary>The partition that it belongs to.</summary>
    public Partition Partition => _partition;

    /// <summary>Its x86-64 registers and state.</summary>
    /// <exception cref="NotSupportedException">The guest has another architecture.</exception>
    public X64Vcpu X64 => _x64 ?? throw OtherArchitecture();

    /// <summary>Its AArch64 registers and state.</summary>
    /// <exception cref="NotSupportedException">The guest has another architecture.</exception>
    public Arm64Vcpu Arm64 => _arm64 ?? throw OtherArchitecture();

    /// <summary>What it has done so far. Any thread; the numbers may be a moment old.</summary>
    public VcpuStatistics Statistics => _counters.Statistics;

    internal static bool IsThreadInRun => t_runs > 0;

    /// <summary>Sets how the vCPU is debugged by the host; replaces what was set before.</summary>
    /// <param name="options">The options; <see cref="VcpuDebugOptions.None"/> ends debugging.</param>
    /// <exception cref="NotSupportedException">The host does not offer what is asked for.</exception>
    public void SetDebug(VcpuDebugOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate(_partition.Capabilities);
        using UseScope use = Use();
        _backend.SetDebug(options);
    }

    /// <summary>Reads the counters that the host's hypervisor keeps for this vCPU; empty where it keeps none.</summary>
    public IReadOnlyList<HostStatistic> ReadHostStatistics()
    {
        using UseScope use = Use();
        return _backend.ReadStatistics();
    }

    /// <summary>
    /// Destroys the vCPU. A run that is under way on another thread is cancelled and waited for; within a handler, the vCPU goes when its run
    /// has returned. May be called more than once.
    /// </summary>
    public void Dispose()
    {
        BeginDispose();
        if (!IsThreadInRun)
        {
            WaitUntilGone();
        }
    }

    /// <summary>Starts the disposal and does not wait; the last user of the vCPU ends it.</summary>
    internal void BeginDispose()
    {
        int before = Interlocked.Or(ref _state, Disposed);
        if ((before & Disposed) != 0)
        {
            return;
        }

        if ((before & InUse) == 0)
        {
            Teardown();
        }
        else
        {
            Kick();
        }
    }

    internal void WaitUntilGone()
    {
        lock (_teardownGate)
        {
            while (!_gone)
            {
                Monitor.Wait(_teardownGate);
            }
        }
    }

    internal UseScope Use() => new(this, BeginUse());

    private bool BeginUse()
    {
        if ((Volatile.Read(ref _state) & Disposed) != 0)
        {
            ThrowDisposed();
        }

        if (Environment.CurrentManagedThreadId != _ownerThreadId)
        {
            ThrowWrongThread();
        }

        // Only the owner thread sets InUse, so finding it set means a call from within a handler.
        int before = Interlocked.CompareExchange(ref _state, InUse, 0);
        if ((before & Disposed) != 0)
        {
            ThrowDisposed();
        }

        return before == 0;
    }

    private void EndUse()
    {
        if ((Interlocked.And(ref _state, ~InUse) & Disposed) != 0)
        {
            Teardown();
        }
    }

    private void Teardown()
    {
        lock (_teardownGate)
        {
            _backend.Dispose();
            _gone = true;
            Monitor.PulseAll(_teardownGate);
        }

        _counters.Dispose();
        _partition.OnVcpuGone(this);
    }

    private void Kick()
    {
        lock (_teardownGate)
        {
            if (!_gone)
            {
                _backend.Kick();
            }
        }
    }

    private NotSupportedException OtherArchitecture() => new(
        $"This vCPU's architecture is {_partition.Capabilities.Architecture}. Look at {nameof(HypervisorCapabilities)}.{nameof(HypervisorCapabilities.Architecture)} first.");

    [DoesNotReturn]
    private void ThrowDisposed() => throw new ObjectDisposedException(nameof(Vcpu), $"vCPU {Index} of {_partition.Name} was disposed of.");

    [DoesNotReturn]
    private void ThrowWrongThread() => throw new InvalidOperationException(
        $"vCPU {Index} of {_partition.Name} belongs to thread {_ownerThreadId}, and this is thread {Environment.CurrentManagedThreadId}. " +
        $"Use it on the thread that created it; only {nameof(Cancel)} and {nameof(Dispose)} may come from others.");

    /// <summary>Marks the vCPU as in use until it is disposed of, so that a disposal from elsewhere waits.</summary>
    internal readonly ref struct UseScope(Vcpu vcpu, bool isOutermost)
    {
        public void Dispose()
        {
            if (isOutermost)
            {
                vcpu.EndUse();
            }
        }
    }
}
