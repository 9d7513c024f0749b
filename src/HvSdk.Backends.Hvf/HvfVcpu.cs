using HvSdk.Backends.Hvf.Interop;

namespace HvSdk.Backends.Hvf;

/// <summary>A vCPU: the run loop's inner half. The framework leaves before an access and completes nothing: each entry first does what the last exit has left to do.</summary>
/// <remarks>
/// The framework binds a vCPU to the thread that made it; the core keeps its owner to that thread. A kick cancels the run that is under way, or else the next one, which the
/// framework remembers; a Canceled that nobody has asked for is the core's to see through.
/// </remarks>
internal sealed unsafe partial class HvfVcpu : VcpuBackend
{
    private const ulong NanosecondsPerSecond = 1_000_000_000;
    private const int NanosecondExponent = -9;

    private readonly HvfPartition _partition;
    private readonly HvFunctions _functions;
    private readonly ulong _number;
    private readonly int _index;
    private readonly int _thread = Environment.CurrentManagedThreadId;
    private readonly HvfRegisters _registers;
    private readonly HvfArm64Vcpu _arm64;
    private readonly HvfDebugger _debugger;
    private readonly Arm64PowerSwitch _power;

    // SAFETY: the framework's, valid until the vCPU is destroyed, which Dispose does when no other call is under way and none will follow.
    private readonly HvVcpuExit* _exit;

    private HvfVcpu(HvfPartition partition, int index, ulong number, HvVcpuExit* exit)
    {
        _partition = partition;
        _functions = partition.Functions;
        _number = number;
        _index = index;
        _exit = exit;
        _registers = new HvfRegisters(_functions, number, partition.HasGic);
        _arm64 = new HvfArm64Vcpu(this, partition, _registers, index, number);
        _debugger = new HvfDebugger(_functions, number, _registers, partition.Host.Platform);
        _power = partition.Psci[index];
    }

    public override Arm64VcpuBackend Arm64 => _arm64;

    internal static HvfVcpu Create(HvfPartition partition, int index)
    {
        ulong number = 0;
        HvVcpuExit* exit = null;
        HvfError.Check(partition.Functions.hv_vcpu_create(&number, &exit, 0), nameof(HvFunctions.hv_vcpu_create));
        try
        {
            var vcpu = new HvfVcpu(partition, index, number, exit);
            vcpu.Reset();
            return vcpu;
        }
        catch
        {
            partition.Functions.hv_vcpu_destroy(number);
            throw;
        }
    }

    public override void Enter(out VcpuExit exit)
    {
        if (!TryComplete(out exit))
        {
            return;
        }

        do
        {
            if (!_power.WaitUntilOn(out Arm64PendingStart? start))
            {
                exit = ExitFactory.Plain(VcpuExitKind.Canceled);
                return;
            }

            if (start is { } first)
            {
                Start(first);
            }

            _arm64.BeforeEntry();
            _debugger.BeforeEntry();
            _changesAtEntry = _partition.Memory.Changes;
            int result = _functions.hv_vcpu_run(_number);
            if (result != (int)HvReturn.HV_SUCCESS)
            {
                // What the guest has brought about is a value.
                exit = ExitFactory.Plain(VcpuExitKind.HostFailure, 0, (uint)result);
                return;
            }
        }
        while (!TryDecode(out exit));
    }

    public override void Kick()
    {
        ulong number = _number;
        _functions.hv_vcpus_exit(&number, 1);
        _power.Wake();
    }

    public override void SetDebug(VcpuDebugOptions options) => _debugger.Set(options);

    public override IReadOnlyList<HostStatistic> ReadStatistics()
    {
        ulong ticks = 0;
        HvfError.Check(_functions.hv_vcpu_get_exec_time(_number, &ticks), nameof(HvFunctions.hv_vcpu_get_exec_time));
        return [new HostStatistic("execution time", [(ulong)((UInt128)ticks * NanosecondsPerSecond / (ulong)_partition.Host.Platform.CounterFrequency)], "seconds", NanosecondExponent, 10)];
    }

    public override void Dispose()
    {
        if (Environment.CurrentManagedThreadId != _thread)
        {
            HvfLeftovers.Add(_thread, _number);
            return;
        }

        _functions.hv_vcpu_destroy(_number);
    }

    /// <summary>As PSCI starts a vCPU (DEN 0022, 6.4): at EL1, with everything masked, MMU and caches off.</summary>
    private void Start(Arm64PendingStart start)
    {
        Reset();
        _registers.Set(HvRegister.HV_REG_PC, start.EntryPoint);
        _registers.SetGeneral(0, start.ContextId);
    }

    /// <summary>The framework gives no defined state but for a few registers.</summary>
    private void Reset()
    {
        /* RES1 bits of SCTLR_EL1 (Arm ARM, D19.2.124): LSMAOE, nTLSMD, SPAN, EIS, TSCXT, EOS. */
        const ulong control = (1UL << 29) | (1UL << 28) | (1UL << 23) | (1UL << 22) | (1UL << 20) | (1UL << 11);
        for (int i = 0; i < Arm64Registers.Count; i++)
        {
            _registers.SetGeneral(i, 0);
        }

        _registers.Set(HvRegister.HV_REG_PC, 0);
        _registers.Set(HvRegister.HV_REG_CPSR, Arm64Pstate.El1h | Arm64Pstate.AllMasked);
        _registers.Set(Arm64SystemRegister.SctlrEl1, control);
        _registers.Set(Arm64SystemRegister.MpidrEl1, (1UL << 31) | Arm64Vcpu.GetAffinity(_index));
    }
}
