using System.Runtime.InteropServices;
using HvSdk.Backends.Hvf.Interop;

namespace HvSdk.Backends.Hvf;

/// <content>From the framework's exits to those of the core.</content>
internal sealed unsafe partial class HvfVcpu
{
    private const int InstructionSize = 4;
    private const int ArgumentCount = 7;

    private readonly ulong[] _arguments = new ulong[ArgumentCount];

    private ReadOnlySpan<byte> RawData => new(_exit, sizeof(HvVcpuExit)); // SAFETY: the exit block is that long.

    /// <summary>Makes an exit of what the run has ended with.</summary>
    /// <returns>False where the guest goes on: nobody above need know.</returns>
    private bool TryDecode(out VcpuExit exit)
    {
        switch (_exit->Reason)
        {
            case HvExitReason.HV_EXIT_REASON_CANCELED:
                exit = ExitFactory.Plain(VcpuExitKind.Canceled);
                return true;
            case HvExitReason.HV_EXIT_REASON_VTIMER_ACTIVATED when _partition.HasGic:
                exit = default;
                return false;
            case HvExitReason.HV_EXIT_REASON_VTIMER_ACTIVATED:
                exit = ExitFactory.Plain(VcpuExitKind.Timer);
                return true;
            case HvExitReason.HV_EXIT_REASON_EXCEPTION:
                return TryDecodeException(new Arm64Syndrome(_exit->Syndrome), out exit);
            default:
                exit = ExitFactory.Plain(VcpuExitKind.Unknown, 0, (uint)_exit->Reason, RawData);
                return true;
        }
    }

    private bool TryDecodeException(Arm64Syndrome syndrome, out VcpuExit exit)
    {
        switch (syndrome.Class)
        {
            case Arm64ExceptionClass.DataAbort:
                return TryDecodeAbort(syndrome, out exit);
            case Arm64ExceptionClass.InstructionAbort when _partition.Memory.Meet(_exit->PhysicalAddress, isWrite: false, _changesAtEntry) == HvfAbort.Changed:
                exit = default;
                return false;
            case Arm64ExceptionClass.InstructionAbort:
                exit = ExitFactory.Plain(VcpuExitKind.MemoryFault, _exit->PhysicalAddress, (uint)syndrome.Class, RawData);
                return true;
            case Arm64ExceptionClass.Hvc:
                return TryDecodeCall(isMonitorCall: false, out exit);
            case Arm64ExceptionClass.Smc:
                return TryDecodeCall(isMonitorCall: true, out exit);
            case Arm64ExceptionClass.SystemRegister:
                return TryDecodeRegister(syndrome, out exit);
            case Arm64ExceptionClass.WaitFor:
                _registers.Advance();
                return TryWait(syndrome.IsWaitForEvent, out exit);
            case Arm64ExceptionClass.SoftwareStep or Arm64ExceptionClass.Breakpoint or Arm64ExceptionClass.Watchpoint or Arm64ExceptionClass.Brk:
                return _debugger.TryDecode(syndrome, _exit->VirtualAddress, RawData, out exit);
            default:
                exit = ExitFactory.Plain(VcpuExitKind.Unknown, 0, (uint)syndrome.Class, RawData);
                return true;
        }
    }

    /// <summary>A wait ends where it began when the host keeps the GIC: it has its own wait, and this one was left for another reason.</summary>
    private bool TryWait(bool isForEvent, out VcpuExit exit)
    {
        exit = ExitFactory.Plain(VcpuExitKind.Halt);
        if (!isForEvent && !_partition.HasGic)
        {
            return true;
        }

        Thread.Yield();
        return false;
    }

    /// <summary>HVC leaves behind the instruction, SMC at it.</summary>
    private bool TryDecodeCall(bool isMonitorCall, out VcpuExit exit)
    {
        if (isMonitorCall)
        {
            _registers.Advance();
        }

        exit = default;
        ulong function = _registers.GetGeneral(0);
        if (_partition.Options.Arm64.Psci)
        {
            Arm64PsciOutcome outcome = _partition.Psci.Call(
                _index, (uint)function, _registers.GetGeneral(1), _registers.GetGeneral(2), _registers.GetGeneral(3), out long result);
            switch (outcome)
            {
                case Arm64PsciOutcome.Continue:
                    _registers.SetGeneral(0, (ulong)result);
                    return false;
                case Arm64PsciOutcome.WaitForInterrupt:
                    _registers.SetGeneral(0, (ulong)result);
                    return TryWait(isForEvent: false, out exit);
                case Arm64PsciOutcome.PowerOff:
                    return false;
                case Arm64PsciOutcome.SystemOff:
                    exit = ExitFactory.SystemEvent(SystemEventKind.PowerOff, (uint)function, RawData);
                    return true;
                case Arm64PsciOutcome.SystemReset:
                    exit = ExitFactory.SystemEvent(SystemEventKind.Reset, (uint)function, RawData);
                    return true;
                default:
                    break;
            }
        }

        if (!_partition.Options.ExitOnHypercall)
        {
            _registers.SetGeneral(0, ulong.MaxValue); // NOT_SUPPORTED (DEN 0028, 5.3)
            return false;
        }

        for (int i = 0; i < ArgumentCount; i++)
        {
            _arguments[i] = _registers.GetGeneral(i + 1);
        }

        _pending = HvfPending.Hypercall;
        _dataLength = sizeof(ulong);
        Data.Clear();
        exit = ExitFactory.Hypercall(function, Data, MemoryMarshal.AsBytes(_arguments.AsSpan()));
        return true;
    }

    private bool TryDecodeRegister(Arm64Syndrome syndrome, out VcpuExit exit)
    {
        Arm64SystemRegister register = syndrome.SystemRegister;
        int operand = syndrome.SystemRegisterOperand;
        exit = default;
        if (register == Arm64SystemRegister.CntpctEl0 && syndrome.ReadsSystemRegister)
        {
            // The framework lets the guest read its virtual counter alone where the interrupt controller is the caller's. The physical one is the host's.
            _registers.SetGeneral(operand, _functions.mach_absolute_time());
            _registers.Advance();
            return false;
        }

        // Boot code unlocks the debug registers on every processor; the locks themselves hold nothing.
        bool isLock = register == Arm64SystemRegister.OslarEl1 || register == Arm64SystemRegister.OslsrEl1 || register == Arm64SystemRegister.OsdlrEl1;
        switch (isLock ? Arm64UnknownRegisterPolicy.ReadZero : _partition.Options.Arm64.UnknownRegisters)
        {
            case Arm64UnknownRegisterPolicy.ReadZero:
                if (syndrome.ReadsSystemRegister)
                {
                    _registers.SetGeneral(operand, 0);
                }

                _registers.Advance();
                return false;
            case Arm64UnknownRegisterPolicy.Undefined:
                Arm64ExceptionEntry.Undefined(_arm64);
                return false;
            default:
                break;
        }

        _pending = syndrome.ReadsSystemRegister ? HvfPending.ReadRegister : HvfPending.WriteRegister;
        _operand = operand;
        _dataLength = sizeof(ulong);
        _fault[0] = 0;
        if (!syndrome.ReadsSystemRegister)
        {
            Put(_registers.GetGeneral(operand));
        }

        exit = ExitFactory.Register(!syndrome.ReadsSystemRegister, register.Encoding, Data, _fault);
        return true;
    }
}
