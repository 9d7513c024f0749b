using HvSdk.Backends.Whp.Interop;

namespace HvSdk.Backends.Whp;

/// <summary>A virtual processor: the run loop's inner half.</summary>
/// <remarks>
/// The platform leaves before an access and completes nothing: each entry first does what the last exit's instruction has left to do. A kick
/// cancels the run that is under way, or else the next one, which the platform remembers; a Canceled that nobody has asked for is the core's to
/// see through.
/// </remarks>
internal sealed unsafe class WhpVcpu : VcpuBackend
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

    /// <summary>The byte after the data tells that an access to a system register is refused.</summary>
    private const int FaultOffset = 32;

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

    private bool TryDecode(out VcpuExit exit)
    {
        exit = default;
        switch (_exit->ExitReason)
        {
            case WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64IoPortAccess:
                return TryDecodePort(out exit);
            case WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonMemoryAccess:
                return !TryPopulate() && !TryFinish(out exit);
            case WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64MsrAccess:
                return TryDecodeMsr(out exit);
            case WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Cpuid:
                AnswerCpuid();
                return TryStep(out exit);
            case WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64InterruptWindow:
                return _x64.TryDecodeWindow(_exit->InterruptWindow.DeliverableType, out exit);
            case WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonException:
                return _debugger.TryDecode(_exit, RawData, out exit);
            case WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64ApicEoi:
                _partition.Lines.EndOfInterrupt(_exit->ApicEoi.InterruptVector);
                exit = ExitFactory.Plain(VcpuExitKind.EndOfInterrupt, _exit->ApicEoi.InterruptVector);
                return true;
            case WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonHypercall:
                DecodeHypercall(out exit);
                return true;
            case WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonUnsupportedFeature:
                // The emulator may know what the platform does not, an instruction for one; a step of it is progress.
                return !TryFinish(out exit);
            default:
                exit = ExitFactory.Plain(ToKind(_exit->ExitReason), 0, (uint)_exit->ExitReason, RawData);
                return true;
        }
    }

    private static VcpuExitKind ToKind(WHV_RUN_VP_EXIT_REASON reason) => reason switch
    {
        WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonCanceled => VcpuExitKind.Canceled,
        WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt => VcpuExitKind.Halt,
        WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonUnrecoverableException => VcpuExitKind.Shutdown,
        WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonInvalidVpRegisterValue => VcpuExitKind.EntryFailure,
        _ => VcpuExitKind.Unknown,
    };

    // SAFETY: the union lies within the exit block.
    private ReadOnlySpan<byte> RawData => new((byte*)_exit + WHV_RUN_VP_EXIT_CONTEXT.UnionOffset, WHV_RUN_VP_EXIT_CONTEXT.UnionSize);

    private bool TryDecodePort(out VcpuExit exit)
    {
        ref WHV_X64_IO_PORT_ACCESS_CONTEXT access = ref _exit->IoPortAccess;
        uint size = access.AccessInfo.AccessSize;
        if (access.AccessInfo.StringOp != 0 || _exit->VpContext.InstructionLength == 0 || size is not (1 or 2 or 4))
        {
            return !TryFinish(out exit);
        }

        *(ulong*)_data = access.Rax;
        _dataLength = (int)size;
        if (access.AccessInfo.IsWrite != 0 && _partition.PortDoorbells.TryRing(access.PortNumber, new ReadOnlySpan<byte>(_data, (int)size)))
        {
            Advance();
            return TryStep(out exit);
        }

        _pending = WhpAccess.Port;
        exit = ExitFactory.Port(access.AccessInfo.IsWrite != 0, access.PortNumber, new Span<byte>(_data, (int)size), 1);
        return true;
    }

    private void CompletePort()
    {
        ref WHV_X64_IO_PORT_ACCESS_CONTEXT access = ref _exit->IoPortAccess;
        if (access.AccessInfo.IsWrite != 0)
        {
            Advance();
            return;
        }

        ulong value = *(ulong*)_data;
        ulong rax = _dataLength switch
        {
            1 => (access.Rax & ~0xFFUL) | (value & 0xFF),
            2 => (access.Rax & ~0xFFFFUL) | (value & 0xFFFF),
            _ => value & 0xFFFF_FFFF, // a 32-bit result clears the upper half (Intel SDM vol. 1, 3.4.1.1)
        };
        Advance((WHV_REGISTER_NAME.WHvX64RegisterRax, rax));
    }

    private bool TryDecodeMsr(out VcpuExit exit)
    {
        ref WHV_X64_MSR_ACCESS_CONTEXT access = ref _exit->MsrAccess;
        bool isWrite = access.AccessInfo.IsWrite != 0;
        X64PartitionOptions options = _partition.Options.X64;
        if (!options.ExitOnUnknownMsr
            && !WhpMsrExits.Find(options.MsrExits, access.MsrNumber).HasFlag(isWrite ? X64MsrAccess.Write : X64MsrAccess.Read))
        {
            // Nobody has asked for this one: the guest gets what it would without the exits.
            _x64.RaiseGeneralProtection();
            exit = default;
            return false;
        }

        *(ulong*)_data = isWrite ? (uint)access.Rax | (access.Rdx << 32) : 0;
        _data[FaultOffset] = 0;
        _dataLength = sizeof(ulong);
        _pending = isWrite ? WhpAccess.WriteMsr : WhpAccess.ReadMsr;
        exit = ExitFactory.Register(isWrite, access.MsrNumber, new Span<byte>(_data, sizeof(ulong)), new Span<byte>(_data + FaultOffset, 1));
        return true;
    }

    private void CompleteMsr(bool isRead)
    {
        if (_data[FaultOffset] != 0)
        {
            _x64.RaiseGeneralProtection();
        }
        else if (isRead)
        {
            ulong value = *(ulong*)_data;
            Advance((WHV_REGISTER_NAME.WHvX64RegisterRax, (uint)value), (WHV_REGISTER_NAME.WHvX64RegisterRdx, value >> 32));
        }
        else
        {
            Advance();
        }
    }

    private void AnswerCpuid()
    {
        ref WHV_X64_CPUID_ACCESS_CONTEXT access = ref _exit->CpuidAccess;
        uint leaf = (uint)access.Rax;
        uint subleaf = (uint)access.Rcx;
        WHV_CPUID_OUTPUT mask = WhpCpuid.MaskOf(leaf, subleaf);
        X64CpuidEntry entry = default;
        if (_partition.Cpuid is null || !_partition.Cpuid.TryGet(leaf, subleaf, out entry))
        {
            entry = default;
        }

        Advance(
            (WHV_REGISTER_NAME.WHvX64RegisterRax, Mix(entry.Eax, access.DefaultResultRax, mask.Eax)),
            (WHV_REGISTER_NAME.WHvX64RegisterRbx, Mix(entry.Ebx, access.DefaultResultRbx, mask.Ebx)),
            (WHV_REGISTER_NAME.WHvX64RegisterRcx, Mix(entry.Ecx, access.DefaultResultRcx, mask.Ecx)),
            (WHV_REGISTER_NAME.WHvX64RegisterRdx, Mix(entry.Edx, access.DefaultResultRdx, mask.Edx)));

        static ulong Mix(uint table, ulong platform, uint mask) => (table & mask) | ((uint)platform & ~mask);
    }

    /// <summary>Number and arguments as KVM's guests give them too (Documentation/virt/kvm/x86/hypercalls.rst), and R8 for those of Hyper-V.</summary>
    private void DecodeHypercall(out VcpuExit exit)
    {
        ref WHV_HYPERCALL_CONTEXT call = ref _exit->Hypercall;
        var arguments = new Span<ulong>(_data + sizeof(ulong), ArgumentCount);
        arguments[0] = call.Rbx;
        arguments[1] = call.Rcx;
        arguments[2] = call.Rdx;
        arguments[3] = call.Rsi;
        arguments[4] = call.Rdi;
        arguments[5] = call.R8;
        *(ulong*)_data = 0;
        _dataLength = sizeof(ulong);
        _pending = WhpAccess.Hypercall;
        exit = ExitFactory.Hypercall(
            call.Rax, new Span<byte>(_data, sizeof(ulong)), new ReadOnlySpan<byte>(_data + sizeof(ulong), ArgumentCount * sizeof(ulong)));
    }

    private const int ArgumentCount = 6;

    /// <summary>Memory that the guest may use and the platform has not brought in: asked for once per place, then left to the emulator.</summary>
    private bool TryPopulate()
    {
        ref WHV_MEMORY_ACCESS_CONTEXT access = ref _exit->MemoryAccess;
        var type = (WHV_MEMORY_ACCESS_TYPE)access.AccessInfo.AccessType;
        bool isWrite = type == WHV_MEMORY_ACCESS_TYPE.WHvMemoryAccessWrite;
        if (_partition.Memory.Find(access.Gpa) is not { } mapping || (isWrite && mapping.Access == MemoryAccess.ReadOnly))
        {
            return false;
        }

        (ulong, ulong) place = (access.Gpa & ~(ulong)(WhpMemory.PageSize - 1), _exit->VpContext.Rip);
        if (place == _populated)
        {
            return false;
        }

        _populated = place;
        return _partition.Memory.TryPopulate(place.Item1, WhpMemory.PageSize, type);
    }

    /// <summary>Starts an instruction in the emulator.</summary>
    /// <returns>True where it is done and the guest can be entered again; else <paramref name="exit"/> says what it needs.</returns>
    private bool TryFinish(out VcpuExit exit)
    {
        if (_emulation.TryBegin(out int error))
        {
            return TryEmulate(out exit) && !TryStep(out exit);
        }

        exit = ExitFactory.Plain(VcpuExitKind.HostFailure, 0, (uint)error, RawData);
        return false;
    }

    private bool TryEmulate(out VcpuExit exit)
    {
        switch (_emulation.Run(RawData, out exit))
        {
            case WhpEmulationResult.Done:
                return true;
            case WhpEmulationResult.Access:
                _pending = WhpAccess.Emulated;
                return false;
            default:
                return false;
        }
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
