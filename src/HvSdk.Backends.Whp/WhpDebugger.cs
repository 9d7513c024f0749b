using System.Numerics;
using HvSdk.Backends.Whp.Interop;
using HvSdk.Emulation;

namespace HvSdk.Backends.Whp;

/// <summary>Breakpoints and steps of the host, by exceptions of the guest that leave.</summary>
/// <remarks>
/// The platform has no debugger of its own: a step is the guest's trap flag, set at each entry and taken away at the exit; hardware breakpoints
/// are its debug registers, whose own values are kept here meanwhile. A guest that looks for either can see them.
/// </remarks>
internal sealed unsafe class WhpDebugger(WhpVcpu vcpu, WhpRegisterFile registers) : IDisposable
{
    internal const int HardwareBreakpoints = 4;

    private const ulong TrapFlag = 1UL << 8;
    private const ulong ResumeFlag = 1UL << 16;
    private const ulong Dr6SingleStep = 1UL << 14;
    private const ulong Dr6Initial = 0xFFFF_0FF0;
    private const ulong Dr7GlobalExact = 1UL << 9;
    private const ulong Dr7Reserved = 1UL << 10;
    private const ulong DebugException = 1UL << (int)WHV_EXCEPTION_TYPE.WHvX64ExceptionTypeDebugTrapOrFault;
    private const ulong BreakpointException = 1UL << (int)WHV_EXCEPTION_TYPE.WHvX64ExceptionTypeBreakpointTrap;

    private VcpuDebugOptions _options = VcpuDebugOptions.None;
    private ulong _breakpointsInUse;
    private bool _guestSteps;
    private bool _trapFlagSet;
    private bool _resumes;

    /// <summary>The guest's own debug registers, while the processor holds the host's.</summary>
    internal X64DebugRegisters? GuestRegisters { get; set; }

    internal bool IsStepping => _options.SingleStep;

    internal bool StopsAtSoftwareBreakpoints => _options.SoftwareBreakpoints;

    internal void Set(VcpuDebugOptions options)
    {
        ulong exceptions = (options.SingleStep || options.HardwareBreakpoints.Count > 0 ? DebugException : 0)
            | (options.SoftwareBreakpoints ? BreakpointException : 0);
        vcpu.Partition.SetDebugExceptions(vcpu, exceptions);
        _options = options;
        _breakpointsInUse = (1UL << options.HardwareBreakpoints.Count) - 1;
        var x64 = (WhpX64Vcpu)vcpu.X64;
        if (options.HardwareBreakpoints.Count > 0)
        {
            GuestRegisters ??= x64.ReadDebugRegisters();
            x64.WriteDebugRegisters(ToRegisters(options.HardwareBreakpoints));
        }
        else if (GuestRegisters is { } guest)
        {
            GuestRegisters = null;
            x64.WriteDebugRegisters(guest);
        }
    }

    internal void BeforeEntry()
    {
        if (!_options.SingleStep && !_resumes)
        {
            return;
        }

        ulong flags = registers.Get64(WHV_REGISTER_NAME.WHvX64RegisterRflags);
        _guestSteps = (flags & TrapFlag) != 0;
        _trapFlagSet = _options.SingleStep && !_guestSteps;

        // RF keeps the breakpoint of the instruction that the vCPU stands at from stopping it again (Intel SDM vol. 3B, 18.3.1.1).
        ulong wanted = flags | (_options.SingleStep ? TrapFlag : 0) | (_resumes ? ResumeFlag : 0);
        _resumes = false;
        if (wanted != flags)
        {
            registers.Set64(WHV_REGISTER_NAME.WHvX64RegisterRflags, wanted);
        }
    }

    internal void AfterExit()
    {
        if (!_trapFlagSet)
        {
            return;
        }

        _trapFlagSet = false;
        ulong flags = registers.Get64(WHV_REGISTER_NAME.WHvX64RegisterRflags);
        registers.Set64(WHV_REGISTER_NAME.WHvX64RegisterRflags, flags & ~TrapFlag);
    }

    /// <summary>An exception has left: the host's business, or the guest's, which gets it back.</summary>
    internal bool TryDecode(WHV_RUN_VP_EXIT_CONTEXT* exit, ReadOnlySpan<byte> raw, out VcpuExit result)
    {
        ref WHV_VP_EXCEPTION_CONTEXT exception = ref exit->VpException;
        ulong address = exit->VpContext.Cs.Base + exit->VpContext.Rip;
        var type = (WHV_EXCEPTION_TYPE)exception.ExceptionType;
        if (type == WHV_EXCEPTION_TYPE.WHvX64ExceptionTypeBreakpointTrap && _options.SoftwareBreakpoints)
        {
            result = ExitFactory.Debug(DebugCause.SoftwareBreakpoint, address, 0, raw);
            return true;
        }

        if (type == WHV_EXCEPTION_TYPE.WHvX64ExceptionTypeDebugTrapOrFault && (_options.SingleStep || _breakpointsInUse != 0))
        {
            return TryDecodeDebug(exception, address, raw, out result);
        }

        GiveBack(exit);
        result = default;
        return false;
    }

    public void Dispose()
    {
        if (_options != VcpuDebugOptions.None)
        {
            _options = VcpuDebugOptions.None;
            try
            {
                vcpu.Partition.SetDebugExceptions(vcpu, 0);
            }
            catch (HypervisorException)
            {
                // The exceptions of the other vCPUs leave for nothing, and are given back.
            }
        }
    }

    private bool TryDecodeDebug(in WHV_VP_EXCEPTION_CONTEXT exception, ulong address, ReadOnlySpan<byte> raw, out VcpuExit result)
    {
        // The parameter is what would go to DR6; where the platform does not tell it, DR6 has it.
        ulong status = exception.ExceptionParameter != 0 ? exception.ExceptionParameter : registers.Get64(WHV_REGISTER_NAME.WHvX64RegisterDr6);
        registers.Set64(WHV_REGISTER_NAME.WHvX64RegisterDr6, Dr6Initial);
        ulong hit = status & _breakpointsInUse;
        if (hit != 0)
        {
            int index = BitOperations.TrailingZeroCount(hit);
            _resumes = _options.HardwareBreakpoints[index].Kind == HardwareBreakpointKind.Execute;
            result = ExitFactory.Debug(DebugCause.HardwareBreakpoint, address, index, raw);
            return true;
        }

        result = ExitFactory.Debug((status & Dr6SingleStep) != 0 ? DebugCause.SingleStep : DebugCause.Unknown, address, 0, raw);
        return true;
    }

    private void GiveBack(WHV_RUN_VP_EXIT_CONTEXT* exit)
    {
        ref WHV_VP_EXCEPTION_CONTEXT exception = ref exit->VpException;
        if (exception.ExceptionInfo.SoftwareException != 0)
        {
            // INT3 and INTO are traps: the guest's handler returns behind them.
            uint length = exit->VpContext.InstructionLength == 0 ? 1 : exit->VpContext.InstructionLength;
            registers.Set64(WHV_REGISTER_NAME.WHvX64RegisterRip, exit->VpContext.Rip + length);
        }

        ((WhpX64Vcpu)vcpu.X64).Raise(new X64Exception(
            exception.ExceptionType, exception.ExceptionInfo.ErrorCodeValid != 0, exception.ErrorCode, exception.ExceptionParameter, IsTrap: false));
    }

    /// <summary>Enable bits, kinds and lengths of DR7, addresses in DR0 to DR3 (Intel SDM vol. 3B, 18.2.4).</summary>
    private static X64DebugRegisters ToRegisters(IReadOnlyList<HardwareBreakpoint> breakpoints)
    {
        Span<ulong> addresses = stackalloc ulong[HardwareBreakpoints];
        addresses.Clear();
        ulong dr7 = Dr7GlobalExact | Dr7Reserved;
        for (int i = 0; i < breakpoints.Count; i++)
        {
            HardwareBreakpoint breakpoint = breakpoints[i];
            addresses[i] = breakpoint.Address;
            ulong kind = breakpoint.Kind switch { HardwareBreakpointKind.Execute => 0UL, HardwareBreakpointKind.Write => 1, _ => 3 };
            ulong length = breakpoint.Length == 8 ? 2UL : (ulong)(breakpoint.Length - 1);
            dr7 |= (2UL << (i * 2)) | ((kind | (length << 2)) << (16 + (i * 4)));
        }

        return new X64DebugRegisters { Dr0 = addresses[0], Dr1 = addresses[1], Dr2 = addresses[2], Dr3 = addresses[3], Dr6 = Dr6Initial, Dr7 = dr7 };
    }
}
