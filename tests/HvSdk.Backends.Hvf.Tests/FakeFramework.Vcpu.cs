using System.Runtime.InteropServices;
using HvSdk.Backends.Hvf.Interop;

namespace HvSdk.Backends.Hvf.Tests;

/// <content>The one vCPU.</content>
internal sealed unsafe partial class FakeFramework
{
    [UnmanagedCallersOnly]
    private static int CreateVcpu(ulong* vcpu, HvVcpuExit** exit, nint config)
    {
        int result = Result(nameof(HvFunctions.hv_vcpu_create));
        if (result == 0)
        {
            *vcpu = Vcpu;
            *exit = Current._exit;
            Current._vcpuThread = Environment.CurrentManagedThreadId;
        }

        return result;
    }

    [UnmanagedCallersOnly]
    private static int DestroyVcpu(ulong vcpu)
    {
        int result = Result(nameof(HvFunctions.hv_vcpu_destroy), ofVcpu: true);
        Current._vcpuThread = 0;
        return result;
    }

    [UnmanagedCallersOnly]
    private static int Run(ulong vcpu)
    {
        int result = Result(nameof(HvFunctions.hv_vcpu_run), ofVcpu: true);
        if (result == 0)
        {
            *Current._exit = default;
            if (Interlocked.Exchange(ref Current._isCanceled, false))
            {
                Current._exit->Reason = HvExitReason.HV_EXIT_REASON_CANCELED;
            }
            else if (Current.Script.TryDequeue(out ScriptedExit? exit))
            {
                exit(Current, Current._exit);
            }
            else
            {
                Current.Faults.Add("a run beyond the script");
                Current._exit->Reason = HvExitReason.HV_EXIT_REASON_UNKNOWN;
            }
        }

        return result;
    }

    [UnmanagedCallersOnly]
    private static int CancelRuns(ulong* vcpus, uint count)
    {
        // Latched: the next run is one that was cancelled. Any thread may call, and as often as it likes.
        Volatile.Write(ref Current._isCanceled, true);
        return Result(nameof(HvFunctions.hv_vcpus_exit));
    }

    [UnmanagedCallersOnly]
    private static int GetRegister(ulong vcpu, HvRegister register, ulong* value)
    {
        *value = Current.Registers[(int)register];
        return Result(nameof(HvFunctions.hv_vcpu_get_reg), ofVcpu: true);
    }

    [UnmanagedCallersOnly]
    private static int SetRegister(ulong vcpu, HvRegister register, ulong value)
    {
        Current.Registers[(int)register] = value;
        return Result(nameof(HvFunctions.hv_vcpu_set_reg), ofVcpu: true);
    }

    [UnmanagedCallersOnly]
    private static int GetSimd(ulong vcpu, uint register, HvSimdValue* value)
    {
        *value = default;
        return Result(nameof(HvFunctions.hv_vcpu_get_simd_fp_reg), ofVcpu: true);
    }

    [UnmanagedCallersOnly]
    private static int SetSimd(ulong vcpu, uint register, HvSimdValue value) => Result(nameof(HvFunctions.hv_vcpu_set_simd_fp_reg), ofVcpu: true);

    [UnmanagedCallersOnly]
    private static int GetSystemRegister(ulong vcpu, ushort register, ulong* value)
    {
        *value = Current.SystemRegisters.GetValueOrDefault(register);
        return Result(nameof(HvFunctions.hv_vcpu_get_sys_reg), ofVcpu: true);
    }

    [UnmanagedCallersOnly]
    private static int SetSystemRegister(ulong vcpu, ushort register, ulong value)
    {
        Current.SystemRegisters[register] = value;
        return Result(nameof(HvFunctions.hv_vcpu_set_sys_reg), ofVcpu: true);
    }

    [UnmanagedCallersOnly]
    private static int SetPending(ulong vcpu, HvInterruptType type, byte isPending)
    {
        Current.Pending.Add(type);
        return Result(nameof(HvFunctions.hv_vcpu_set_pending_interrupt), ofVcpu: true);
    }

    [UnmanagedCallersOnly]
    private static int TrapDebug(ulong vcpu, byte value) => Result(nameof(HvFunctions.hv_vcpu_set_trap_debug_exceptions), ofVcpu: true);

    [UnmanagedCallersOnly]
    private static int SetTimerMask(ulong vcpu, byte value) => Result(nameof(HvFunctions.hv_vcpu_set_vtimer_mask), ofVcpu: true);

    [UnmanagedCallersOnly]
    private static int GetTimerMask(ulong vcpu, byte* value)
    {
        *value = 0;
        return Result(nameof(HvFunctions.hv_vcpu_get_vtimer_mask), ofVcpu: true);
    }

    [UnmanagedCallersOnly]
    private static int GetTime(ulong vcpu, ulong* value)
    {
        *value = 48;
        return Result(nameof(HvFunctions.hv_vcpu_get_exec_time), ofVcpu: true);
    }

    [UnmanagedCallersOnly]
    private static int GetTimerOffset(ulong vcpu, ulong* value)
    {
        *value = 48;
        return Result(nameof(HvFunctions.hv_vcpu_get_vtimer_offset), ofVcpu: true);
    }

    [UnmanagedCallersOnly]
    private static int SetTimerOffset(ulong vcpu, ulong value) => Result(nameof(HvFunctions.hv_vcpu_set_vtimer_offset), ofVcpu: true);
}
