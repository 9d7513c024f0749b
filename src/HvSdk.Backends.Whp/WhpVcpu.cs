using HvSdk.Backends.Whp.Interop;

namespace HvSdk.Backends.Whp;

/// <summary>A virtual processor: the run loop's inner half.</summary>
/// <remarks>
/// The platform leaves before an access and completes nothing: each entry first does what the last exit's instruction has left to do. A kick
/// cancels the run that is under way, or else the next one, which the platform remembers; a Canceled that nobody has asked for is the core's to
/// see through.
/// </remarks>
internal sealed unsafe partial class WhpVcpu : VcpuBackend
{
    private readonly WhpPartition _partition;
    private readonly nint _number;
    private readonly WhvScratch _scratch;
    private readonly WhpEmulation _emulation;
    private readonly WhpX64Vcpu _x64;
    private readonly WhpDebugger _debugger;

    // SAFETY: valid until Dispose, which the core calls when no other call is under way and none will follow.
    private readonly WHV_RUN_VP_EXIT_CONTEXT* _exit;
    private readonly byte* _data;

    private WhpAccess _pending;
    private int _dataLength;
    private (ulong Page, ulong Rip) _populated = (ulong.MaxValue, 0);

    internal WhpVcpu(WhpPartition partition, uint index)
    {
        _partition = partition;
        _number = partition.Native.Number;
        Index = index;
        _scratch = new WhvScratch();
        _exit = _scratch.Exit;
        _data = _scratch.Data;
        try
        {
            Registers = new WhpRegisterFile(partition.Native, index, _scratch);
            _debugger = new WhpDebugger(this, Registers);
            _x64 = new WhpX64Vcpu(this, partition, Registers, _debugger);
            _emulation = new WhpEmulation(partition, Registers, _x64, _debugger);
            _x64.Reset();
        }
        catch
        {
            _scratch.Dispose();
            throw;
        }

        partition.Memory.AddGate(_emulation.Gate);
    }

    public override X64VcpuBackend X64 => _x64;

    internal uint Index { get; }

    internal WhpRegisterFile Registers { get; }

    internal WhpPartition Partition => _partition;

    /// <summary>What the last exit told; RIP and flags as they were then.</summary>
    internal ref readonly WHV_VP_EXIT_CONTEXT Context => ref _exit->VpContext;

    /// <summary>An access is open, and what is done to registers waits until it is complete.</summary>
    internal bool IsAccessPending => _pending != WhpAccess.None;

    public override void Enter(out VcpuExit exit)
    {
        if (_pending != WhpAccess.None && !TryComplete(out exit))
        {
            return;
        }

        do
        {
            _partition.OnEntry();
            _debugger.BeforeEntry();
            _x64.BeforeEntry();
            int result = _partition.Native.Functions.WHvRunVirtualProcessor(_number, Index, _exit, (uint)sizeof(WHV_RUN_VP_EXIT_CONTEXT));
            if (result < 0)
            {
                // What the guest has brought about is a value.
                _x64.AfterFailure();
                exit = ExitFactory.Plain(VcpuExitKind.HostFailure, 0, (uint)result);
                return;
            }

            _x64.AfterExit(_exit->VpContext);
            _debugger.AfterExit();
        }
        while (!TryDecode(out exit));
    }

    public override void AnswerAccess(ReadOnlySpan<byte> data, bool isFaulted)
    {
        if (_pending == WhpAccess.Emulated)
        {
            data.CopyTo(_emulation.Data);
            return;
        }

        data.CopyTo(new Span<byte>(_data, _dataLength));
        _data[FaultOffset] = isFaulted ? (byte)1 : (byte)0;
    }

    public override void Kick() => _partition.Native.Functions.WHvCancelRunVirtualProcessor(_number, Index, 0);

    public override void SetDebug(VcpuDebugOptions options) => _debugger.Set(options);

    public override IReadOnlyList<HostStatistic> ReadStatistics() =>
        _partition.Host.Platform.HasCounters ? WhpStatistics.Read(_partition.Native, Index) : [];

    public override void Dispose()
    {
        _partition.Memory.RemoveGate(_emulation.Gate);
        _debugger.Dispose();
        _partition.Native.Functions.WHvDeleteVirtualProcessor(_number, Index);
        _scratch.Dispose();
    }

    /// <summary>The access that is open is given up: the caller has moved RIP, or loads another state.</summary>
    internal void AbandonAccess()
    {
        if (_pending == WhpAccess.Emulated)
        {
            _emulation.Cancel();
        }

        _pending = WhpAccess.None;
    }

    /// <summary>Does the rest of the last exit's instruction.</summary>
    /// <returns>False where that brings an exit of its own.</returns>
    private bool TryComplete(out VcpuExit exit)
    {
        exit = default;
        WhpAccess pending = _pending;
        _pending = WhpAccess.None;
        switch (pending)
        {
            case WhpAccess.Port:
                CompletePort();
                break;
            case WhpAccess.ReadMsr:
                CompleteMsr(isRead: true);
                break;
            case WhpAccess.WriteMsr:
                CompleteMsr(isRead: false);
                break;
            case WhpAccess.Hypercall:
                Advance((WHV_REGISTER_NAME.WHvX64RegisterRax, *(ulong*)_data));
                break;
            default:
                if (!TryEmulate(out exit))
                {
                    return false;
                }

                break;
        }

        _x64.ApplyDeferredRegisters();
        return !TryStep(out exit);
    }

    /// <summary>An instruction that was completed here is a step, where the host steps.</summary>
    private bool TryStep(out VcpuExit exit)
    {
        exit = default;
        if (!_debugger.IsStepping)
        {
            return false;
        }

        ulong rip = Registers.Get64(WHV_REGISTER_NAME.WHvX64RegisterRip);
        exit = ExitFactory.Debug(DebugCause.SingleStep, _exit->VpContext.Cs.Base + rip, 0, RawData);
        return true;
    }

    /// <summary>Puts RIP behind the instruction that left, with results of it, in one call.</summary>
    private void Advance(params ReadOnlySpan<(WHV_REGISTER_NAME Name, ulong Value)> results)
    {
        const ulong trapFlag = 1UL << 8;
        const ulong pendingSingleStep = 1UL << 4;
        ref WHV_VP_EXIT_CONTEXT context = ref _exit->VpContext;
        Span<WHV_REGISTER_NAME> names = Registers.Names;
        Span<WHV_REGISTER_VALUE> values = Registers.Values;
        int count = 0;
        foreach ((WHV_REGISTER_NAME name, ulong value) in results)
        {
            names[count] = name;
            values[count++] = new WHV_REGISTER_VALUE { Reg64 = value };
        }

        // RDMSR, WRMSR, CPUID and the hypercall instructions have two or three bytes; a Windows that does not tell leaves the two.
        const uint leastLength = 2;
        uint length = context.InstructionLength == 0 ? leastLength : context.InstructionLength;
        ulong next = context.Rip + length;
        bool isLong = context.ExecutionState.EferLma != 0 && context.Cs.Long != 0;
        names[count] = WHV_REGISTER_NAME.WHvX64RegisterRip;
        values[count++] = new WHV_REGISTER_VALUE { Reg64 = isLong ? next : (uint)next };

        // The guest's own step ends with this instruction.
        if ((context.Rflags & trapFlag) != 0 && !_debugger.IsStepping)
        {
            names[count] = WHV_REGISTER_NAME.WHvX64RegisterPendingDebugException;
            values[count++] = new WHV_REGISTER_VALUE { Reg64 = pendingSingleStep };
        }

        Registers.Set(count);
        if (context.ExecutionState.InterruptShadow != 0)
        {
            _x64.EndInterruptShadow();
        }
    }
}
