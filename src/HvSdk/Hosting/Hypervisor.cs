using HvSdk.Backends;
using HvSdk.Diagnostics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace HvSdk;

/// <summary>The hypervisor of this machine, opened: where partitions come from. Any thread may call.</summary>
public sealed class Hypervisor : IDisposable
{
    private readonly HypervisorHost _host;
    private readonly ILogger _logger;
    private bool _disposed;

    private Hypervisor(HypervisorHost host, ILogger logger)
    {
        _host = host;
        _logger = logger;
        X64Host = host.X64 is { } x64 ? new X64Host(x64) : null;
        Arm64Host = host.Arm64 is { } arm64 ? new Arm64Host(arm64) : null;
    }

    /// <summary>What the host offers, asked when it was opened.</summary>
    public HypervisorCapabilities Capabilities => _host.Capabilities;

    /// <summary>What the host offers to x86-64 guests.</summary>
    /// <exception cref="NotSupportedException">The host runs guests of another architecture.</exception>
    public X64Host X64 => X64Host ?? throw OtherArchitecture();

    /// <summary>What the host offers to AArch64 guests.</summary>
    /// <exception cref="NotSupportedException">The host runs guests of another architecture.</exception>
    public Arm64Host Arm64 => Arm64Host ?? throw OtherArchitecture();

    private X64Host? X64Host { get; }

    private Arm64Host? Arm64Host { get; }

    /// <summary>Tries each backend and tells whether it can be used, and if not, why and what to do. Never throws.</summary>
    /// <param name="backends">The backends that the application references, the preferred one first.</param>
    public static HypervisorProbe Probe(params ReadOnlySpan<HypervisorBackend> backends)
    {
        var results = new BackendProbe[backends.Length];
        for (int i = 0; i < backends.Length; i++)
        {
            results[i] = TryProbe(backends[i]);
        }

        return new HypervisorProbe(results);
    }

    /// <summary>Opens the first of the backends that can be used.</summary>
    /// <param name="backends">The backends that the application references, the preferred one first.</param>
    /// <exception cref="HypervisorUnavailableException">None can be used; the text says why, and what to do, for each.</exception>
    public static Hypervisor Open(params ReadOnlySpan<HypervisorBackend> backends) => Open(NullLoggerFactory.Instance, backends);

    /// <summary>Opens the first of the backends that can be used.</summary>
    /// <param name="loggerFactory">Where HvSdk logs.</param>
    /// <param name="backends">The backends that the application references, the preferred one first.</param>
    /// <exception cref="HypervisorUnavailableException">None can be used; the text says why, and what to do, for each.</exception>
    public static Hypervisor Open(ILoggerFactory loggerFactory, params ReadOnlySpan<HypervisorBackend> backends)
    {
        ArgumentNullException.ThrowIfNull(loggerFactory);
        ILogger logger = loggerFactory.CreateLogger("HvSdk");
        var probes = new List<BackendProbe>();
        foreach (HypervisorBackend backend in backends)
        {
            ArgumentNullException.ThrowIfNull(backend, nameof(backends));
            if (TryOpen(backend, loggerFactory, out BackendProbe? probe) is { } host)
            {
                Log.HypervisorOpened(logger, host.Capabilities.BackendName, host.Capabilities.HostDescription);
                return new Hypervisor(host, logger);
            }

            Log.BackendUnavailable(logger, probe!.BackendName, probe.Reason, probe.Remedy);
            probes.Add(probe);
        }

        throw new HypervisorUnavailableException(new HypervisorProbe(probes));
    }

    /// <summary>Makes a partition: an empty machine, without memory and without vCPUs.</summary>
    /// <param name="options">How it is made; null: one vCPU, no interrupt controller. Checked as a whole before anything is made.</param>
    /// <exception cref="ArgumentException">The options contradict themselves or ask for more than the host has.</exception>
    /// <exception cref="NotSupportedException">The options need a feature that the host does not offer.</exception>
    /// <exception cref="HypervisorException">The host refused.</exception>
    public Partition CreatePartition(PartitionOptions? options = null)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        PartitionOptions own = (options ?? new PartitionOptions()).Copy();
        own.Validate(Capabilities);
        using System.Diagnostics.Activity? activity = HvSdkActivities.Source.StartActivity("hvsdk.partition.create");
        activity?.SetTag("hvsdk.backend", Capabilities.BackendName);
        PartitionBackend backend = _host.CreatePartition(own);
        Log.PartitionCreated(_logger, own.Name, own.InterruptController, own.MaxVcpus);
        return new Partition(backend, Capabilities, own, _logger);
    }

    /// <summary>Closes the hypervisor. Partitions that exist go on.</summary>
    public void Dispose()
    {
        if (!Interlocked.Exchange(ref _disposed, true))
        {
            _host.Dispose();
        }
    }

    private NotSupportedException OtherArchitecture() => new(
        $"{Capabilities.BackendName} runs {Capabilities.Architecture} guests on this machine. Look at {nameof(HypervisorCapabilities)}.{nameof(HypervisorCapabilities.Architecture)} first.");

    /// <summary>Opens without probing first: a probe makes a partition, and opening does so again.</summary>
    private static HypervisorHost? TryOpen(HypervisorBackend backend, ILoggerFactory loggerFactory, out BackendProbe? probe)
    {
        probe = null;
        try
        {
            return backend.Open(loggerFactory);
        }
        catch (HypervisorUnavailableException e) when (e.Probe.Backends is [{ IsAvailable: false } unavailable])
        {
            probe = unavailable;
            return null;
        }
        catch (Exception) when ((probe = TryProbe(backend)) is { IsAvailable: false })
        {
            return null;
        }
    }

    private static BackendProbe TryProbe(HypervisorBackend backend)
    {
        ArgumentNullException.ThrowIfNull(backend);
        try
        {
            return backend.Probe();
        }
#pragma warning disable CA1031 // a probe never throws, whatever a backend of somebody else does
        catch (Exception e)
#pragma warning restore CA1031
        {
            return BackendProbe.Unavailable(backend.Name, $"The probe failed: {e.Message}", "This is a defect of the backend; please report it.");
        }
    }
}
