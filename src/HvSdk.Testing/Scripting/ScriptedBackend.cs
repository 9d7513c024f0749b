using HvSdk.Backends;
using Microsoft.Extensions.Logging;

namespace HvSdk.Testing;

/// <summary>A hypervisor without a hypervisor: its guests play a script of exits, so that handlers and devices can be tested on any machine.</summary>
/// <remarks>
/// Everything above it is the real HvSdk: the run loop, the buses, guest memory, cancellation, disposal. RAM is real memory; registers and
/// state are plain data that come back as they were set. It is strict: a use of the backend that its contract forbids throws.
/// Set it up before it is opened; scripts and records may be used from any thread at any time.
/// </remarks>
/// <example>
/// <code>
/// var backend = new ScriptedBackend();
/// backend.Vcpu(0).PortWrite(0x3F8, 'A').PortRead(0x3FD, out ScriptedAnswer status).Halt();
/// using Hypervisor hypervisor = Hypervisor.Open(backend);
/// using Partition partition = hypervisor.CreatePartition();
/// partition.Ports.Map(0x3F8, 8, new MyUart());
/// using Vcpu vcpu = partition.CreateVcpu(0);
/// vcpu.Run();
/// Assert.Equal(0x60UL, status.Value);
/// </code>
/// </example>
public sealed class ScriptedBackend : HypervisorBackend
{
    private const int FeatureBits = 20;

    private readonly object _gate = new();
    private readonly Dictionary<int, VcpuScript> _scripts = [];
    private readonly List<ScriptedPartition> _partitions = [];
    private readonly Dictionary<ScriptedOperation, Queue<HypervisorException>> _failures = [];
    private BackendProbe? _unavailable;
    private int _openHosts;

    /// <inheritdoc/>
    public override string Name => Capabilities.BackendName;

    /// <summary>
    /// What the host claims to offer: every feature but <see cref="HypervisorFeatures.HostDoorbells"/>, which the bus serves. Drop features or
    /// lower limits to see what an application does without them: <c>backend.Capabilities = backend.Capabilities with { MaxVcpus = 1 }</c>;
    /// give it another architecture, and its vCPUs have that one's registers.
    /// </summary>
    public HypervisorCapabilities Capabilities { get; set; } = new()
    {
        BackendName = "Scripted",
        HostDescription = "a script of exits",
        Architecture = GuestArchitecture.X64,
        Features = (HypervisorFeatures)((1 << FeatureBits) - 1) & ~HypervisorFeatures.HostDoorbells,
        MaxVcpus = 64,
        MaxMemoryRegions = 512,
        PageSize = 4096,
        GuestPhysicalAddressBits = 40,
        MaxHardwareBreakpoints = 4,
        InterruptLineCount = 24,
    };

    /// <summary>The CPUID answers that the host claims to offer.</summary>
    public X64CpuidTable SupportedCpuid { get; } = new(
    [
        new(0, null, 1, 0x6453_7648, 0x7374_7069, 0x7263_536B), // "HvSdkScripts" in EBX, EDX, ECX
        new(1, null, 0, 0, 0, 0),
    ]);

    /// <summary>The model-specific registers that vCPUs have; all start as 0, and any other is refused.</summary>
    public IList<uint> MsrIndexes { get; } =
    [
        X64MsrIndex.TimeStampCounter, X64MsrIndex.ApicBase, X64MsrIndex.SysenterCs, X64MsrIndex.SysenterEsp, X64MsrIndex.SysenterEip, X64MsrIndex.Pat,
        X64MsrIndex.Efer, X64MsrIndex.Star, X64MsrIndex.Lstar, X64MsrIndex.Fmask, X64MsrIndex.FsBase, X64MsrIndex.GsBase, X64MsrIndex.KernelGsBase,
    ];

    /// <summary>The system registers that AArch64 vCPUs have; all start as 0, and any other is refused.</summary>
    public IList<Arm64SystemRegister> SystemRegisters { get; } =
    [
        Arm64SystemRegister.SctlrEl1, Arm64SystemRegister.CpacrEl1, Arm64SystemRegister.Ttbr0El1, Arm64SystemRegister.Ttbr1El1, Arm64SystemRegister.TcrEl1,
        Arm64SystemRegister.MairEl1, Arm64SystemRegister.VbarEl1, Arm64SystemRegister.SpEl0, Arm64SystemRegister.SpEl1, Arm64SystemRegister.ElrEl1,
        Arm64SystemRegister.SpsrEl1, Arm64SystemRegister.EsrEl1, Arm64SystemRegister.FarEl1, Arm64SystemRegister.TpidrEl0, Arm64SystemRegister.TpidrEl1,
        Arm64SystemRegister.Fpcr, Arm64SystemRegister.Fpsr, Arm64SystemRegister.CntvCtlEl0, Arm64SystemRegister.CntvCvalEl0,
    ];

    /// <summary>How long <see cref="VcpuScript.WaitForCancel"/> waits before the test fails with a <see cref="TimeoutException"/>. Default: 30 seconds.</summary>
    public TimeSpan WaitLimit { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>The partitions that were made, in order, with what was asked of them.</summary>
    public IReadOnlyList<ScriptedPartition> Partitions
    {
        get
        {
            lock (_gate)
            {
                return [.. _partitions];
            }
        }
    }

    /// <summary>The partition that was made last.</summary>
    /// <exception cref="InvalidOperationException">None was made yet.</exception>
    public ScriptedPartition Partition => Partitions is [.., { } last]
        ? last
        : throw new InvalidOperationException("No partition was made yet. Call Hypervisor.CreatePartition first.");

    /// <summary>Open hypervisors of this backend: 0 where all were disposed of.</summary>
    public int OpenHosts => Volatile.Read(ref _openHosts);

    /// <summary>The script of the vCPU of an index. Each vCPU that is created with that index, in any partition, plays it from its start.</summary>
    /// <param name="index">The index.</param>
    public VcpuScript Vcpu(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        lock (_gate)
        {
            if (!_scripts.TryGetValue(index, out VcpuScript? script))
            {
                script = new VcpuScript(index);
                _scripts.Add(index, script);
            }

            return script;
        }
    }

    /// <summary>Makes the backend one that cannot be used, as on a machine without a hypervisor.</summary>
    /// <param name="reason">What the probe says is missing.</param>
    /// <param name="remedy">What it says to do.</param>
    public void MakeUnavailable(string reason, string remedy) => _unavailable = BackendProbe.Unavailable(Name, reason, remedy);

    /// <summary>Makes an operation throw the next time it is called; called again, the time after that too.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="failure">What it throws; null: an exception that names the operation.</param>
    public void FailNext(ScriptedOperation operation, HypervisorException? failure = null)
    {
        lock (_gate)
        {
            if (!_failures.TryGetValue(operation, out Queue<HypervisorException>? queue))
            {
                queue = new();
                _failures.Add(operation, queue);
            }

            queue.Enqueue(failure ?? new HypervisorException(Name, operation.ToString(), -1, "The test asked for it.", ""));
        }
    }

    /// <inheritdoc/>
    public override BackendProbe Probe() => _unavailable ?? BackendProbe.Available(Name, Capabilities.HostDescription);

    /// <inheritdoc/>
    public override HypervisorHost Open(ILoggerFactory loggerFactory)
    {
        if (_unavailable is { } probe)
        {
            throw new HypervisorUnavailableException(probe);
        }

        Begin(ScriptedOperation.Open);
        return new ScriptedHost(this);
    }

    /// <summary>A hypervisor was opened (1) or is gone (-1). The last partition of one takes it along, on any thread.</summary>
    internal void CountHost(int change) => Interlocked.Add(ref _openHosts, change);

    /// <summary>Throws where the test has asked for it.</summary>
    internal void Begin(ScriptedOperation operation)
    {
        lock (_gate)
        {
            if (_failures.TryGetValue(operation, out Queue<HypervisorException>? queue) && queue.TryDequeue(out HypervisorException? failure))
            {
                throw failure;
            }
        }
    }

    internal ScriptedPartition Remember(PartitionOptions options)
    {
        var partition = new ScriptedPartition(options);
        lock (_gate)
        {
            _partitions.Add(partition);
        }

        return partition;
    }
}
