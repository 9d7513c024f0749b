using System.Runtime.InteropServices;
using System.Text;
using HvSdk.Backends.Hvf.Interop;

namespace HvSdk.Backends.Hvf.Tests;

/// <summary>What a scripted run does: it fills the exit block, as the framework would.</summary>
internal unsafe delegate void ScriptedExit(FakeFramework framework, HvVcpuExit* exit);

/// <summary>The functions of Hypervisor.framework, scripted: no guest runs; each run takes the next exit of the script.</summary>
/// <remarks>One at a time in the process, as the framework itself is. It notes what is wrong with a call: a second machine, a call from another thread, what was left behind.</remarks>
internal sealed unsafe partial class FakeFramework : IDisposable
{
    private const ulong Vcpu = 7;

    private static FakeFramework? s_current;

    private readonly HvVcpuExit* _exit = (HvVcpuExit*)NativeMemory.AllocZeroed((nuint)sizeof(HvVcpuExit));
    private int _vcpuThread;
    private bool _isCanceled;

    internal FakeFramework() => Assert.Null(Interlocked.CompareExchange(ref s_current, this, null));

    /// <summary>Exports that this library lacks.</summary>
    internal HashSet<string> Missing { get; } = [];

    /// <summary>It has what macOS 15 has; else what macOS 11 has.</summary>
    internal bool IsNewest { get; init; }

    /// <summary>Functions called, in order.</summary>
    internal List<string> Calls { get; } = [];

    /// <summary>One call that gives a result instead of doing anything, by its place among all calls.</summary>
    internal (int Index, HvReturn Result)? FailingCall { get; set; }

    /// <summary>Results that functions give instead of doing anything.</summary>
    internal Dictionary<string, HvReturn> Results { get; } = [];

    /// <summary>Numbers of the system.</summary>
    internal Dictionary<string, long> SystemNumbers { get; } = new() { ["kern.hv_support"] = 1, ["hw.tbfrequency"] = 24_000_000 };

    /// <summary>The runs to come.</summary>
    internal Queue<ScriptedExit> Script { get; } = new();

    /// <summary>X0 to X30, PC, FPCR, FPSR, CPSR.</summary>
    internal ulong[] Registers { get; } = new ulong[35];

    internal Dictionary<ushort, ulong> SystemRegisters { get; } = [];

    /// <summary>Interrupts that were asserted before each run.</summary>
    internal List<HvInterruptType> Pending { get; } = [];

    /// <summary>Ranges that are mapped, with their rights.</summary>
    internal Dictionary<ulong, HvMemoryFlags> Maps { get; } = [];

    /// <summary>What was wrong with a call: nothing may be here at the end.</summary>
    internal List<string> Faults { get; } = [];

    internal bool HasVm { get; private set; }

    internal bool HasVcpu => _vcpuThread != 0;

    private static FakeFramework Current => s_current ?? throw new InvalidOperationException("There is no fake framework.");

    internal HvfBackend CreateBackend() => new(new HvFunctions(Find));

    /// <summary>Says what comes of the next run.</summary>
    internal void Exit(HvExitReason reason, ulong syndrome = 0, ulong address = 0) => Script.Enqueue((_, exit) =>
    {
        exit->Reason = reason;
        exit->Syndrome = syndrome;
        exit->PhysicalAddress = address;
        exit->VirtualAddress = address;
    });

    public void Dispose()
    {
        s_current = null;
        NativeMemory.Free(_exit);
        Assert.Empty(Faults);
        Assert.False(HasVm, "A virtual machine was left behind.");
        Assert.Equal((0, 0), (Objects, Allocations));
    }

    private nint Find(string name) => Missing.Contains(name) ? 0 : name switch
    {
        nameof(HvFunctions.hv_vm_get_max_vcpu_count) => (nint)(delegate* unmanaged<uint*, int>)&MaxVcpus,
        nameof(HvFunctions.hv_vm_create) => (nint)(delegate* unmanaged<nint, int>)&CreateVm,
        nameof(HvFunctions.hv_vm_destroy) => (nint)(delegate* unmanaged<int>)&DestroyVm,
        nameof(HvFunctions.hv_vm_map) => (nint)(delegate* unmanaged<void*, ulong, nuint, HvMemoryFlags, int>)&Map,
        nameof(HvFunctions.hv_vm_unmap) => (nint)(delegate* unmanaged<ulong, nuint, int>)&Unmap,
        nameof(HvFunctions.hv_vm_protect) => (nint)(delegate* unmanaged<ulong, nuint, HvMemoryFlags, int>)&Protect,
        nameof(HvFunctions.hv_vcpu_config_create) => (nint)(delegate* unmanaged<nint>)&CreateVcpuConfig,
        nameof(HvFunctions.hv_vcpu_config_get_feature_reg) => (nint)(delegate* unmanaged<nint, HvFeatureRegister, ulong*, int>)&Feature,
        nameof(HvFunctions.hv_vcpu_create) => (nint)(delegate* unmanaged<ulong*, HvVcpuExit**, nint, int>)&CreateVcpu,
        nameof(HvFunctions.hv_vcpu_destroy) => (nint)(delegate* unmanaged<ulong, int>)&DestroyVcpu,
        nameof(HvFunctions.hv_vcpu_run) => (nint)(delegate* unmanaged<ulong, int>)&Run,
        nameof(HvFunctions.hv_vcpus_exit) => (nint)(delegate* unmanaged<ulong*, uint, int>)&CancelRuns,
        nameof(HvFunctions.hv_vcpu_get_reg) => (nint)(delegate* unmanaged<ulong, HvRegister, ulong*, int>)&GetRegister,
        nameof(HvFunctions.hv_vcpu_set_reg) => (nint)(delegate* unmanaged<ulong, HvRegister, ulong, int>)&SetRegister,
        nameof(HvFunctions.hv_vcpu_get_simd_fp_reg) => (nint)(delegate* unmanaged<ulong, uint, HvSimdValue*, int>)&GetSimd,
        nameof(HvFunctions.hv_vcpu_set_simd_fp_reg) => (nint)(delegate* unmanaged<ulong, uint, HvSimdValue, int>)&SetSimd,
        nameof(HvFunctions.hv_vcpu_get_sys_reg) => (nint)(delegate* unmanaged<ulong, ushort, ulong*, int>)&GetSystemRegister,
        nameof(HvFunctions.hv_vcpu_set_sys_reg) => (nint)(delegate* unmanaged<ulong, ushort, ulong, int>)&SetSystemRegister,
        nameof(HvFunctions.hv_vcpu_set_pending_interrupt) => (nint)(delegate* unmanaged<ulong, HvInterruptType, byte, int>)&SetPending,
        nameof(HvFunctions.hv_vcpu_set_trap_debug_exceptions) => (nint)(delegate* unmanaged<ulong, byte, int>)&TrapDebug,
        nameof(HvFunctions.hv_vcpu_set_vtimer_mask) => (nint)(delegate* unmanaged<ulong, byte, int>)&SetTimerMask,
        nameof(HvFunctions.hv_vcpu_get_exec_time) => (nint)(delegate* unmanaged<ulong, ulong*, int>)&GetTime,
        nameof(HvFunctions.hv_vcpu_get_vtimer_offset) => (nint)(delegate* unmanaged<ulong, ulong*, int>)&GetTimerOffset,
        nameof(HvFunctions.hv_vcpu_get_vtimer_mask) => (nint)(delegate* unmanaged<ulong, byte*, int>)&GetTimerMask,
        nameof(HvFunctions.hv_vcpu_set_vtimer_offset) => (nint)(delegate* unmanaged<ulong, ulong, int>)&SetTimerOffset,
        nameof(HvFunctions.os_release) => (nint)(delegate* unmanaged<nint, void>)&ReleaseObject,
        nameof(HvFunctions.mach_absolute_time) => (nint)(delegate* unmanaged<ulong>)&Time,
        nameof(HvFunctions.mach_timebase_info) => (nint)(delegate* unmanaged<MachTimebaseInfo*, int>)&Timebase,
        nameof(HvFunctions.sysctlbyname) => (nint)(delegate* unmanaged<byte*, void*, nuint*, void*, nuint, int>)&ReadSystem,
        _ => IsNewest ? FindOptional(name) : 0,
    };

    /// <summary>Notes a call and gives its result.</summary>
    private static int Result(string name, bool ofVcpu = false)
    {
        lock (Current.Calls)
        {
            Current.Calls.Add(name);
            if (Current.FailingCall is { } failing && failing.Index == Current.Calls.Count - 1)
            {
                return (int)failing.Result;
            }
        }

        if (ofVcpu && Current._vcpuThread != Environment.CurrentManagedThreadId)
        {
            Current.Faults.Add($"{name} from another thread");
            return (int)HvReturn.HV_BAD_ARGUMENT;
        }

        return (int)Current.Results.GetValueOrDefault(name);
    }

    [UnmanagedCallersOnly]
    private static int MaxVcpus(uint* count)
    {
        *count = 4;
        return Result(nameof(HvFunctions.hv_vm_get_max_vcpu_count));
    }

    [UnmanagedCallersOnly]
    private static int CreateVm(nint config)
    {
        int result = Result(nameof(HvFunctions.hv_vm_create));
        if (result != 0 || Current.HasVm)
        {
            return result != 0 ? result : (int)HvReturn.HV_BUSY;
        }

        Current.HasVm = true;
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int DestroyVm()
    {
        if (Current.HasVcpu)
        {
            return (int)HvReturn.HV_BUSY;
        }

        Current.HasVm = false;
        return Result(nameof(HvFunctions.hv_vm_destroy));
    }

    [UnmanagedCallersOnly]
    private static int Map(void* memory, ulong address, nuint size, HvMemoryFlags flags)
    {
        if (((ulong)memory | address | size) % HvfCapabilities.PageSize != 0)
        {
            Current.Faults.Add($"map of 0x{size:X} bytes from 0x{(ulong)memory:X} to 0x{address:X}");
        }

        int result = Result(nameof(HvFunctions.hv_vm_map));
        if (result == 0)
        {
            Current.Maps[address] = flags;
        }

        return result;
    }

    [UnmanagedCallersOnly]
    private static int Unmap(ulong address, nuint size)
    {
        Current.Maps.Remove(address);
        return Result(nameof(HvFunctions.hv_vm_unmap));
    }

    [UnmanagedCallersOnly]
    private static int Protect(ulong address, nuint size, HvMemoryFlags flags)
    {
        Current.Maps[address] = flags;
        return Result(nameof(HvFunctions.hv_vm_protect));
    }

    [UnmanagedCallersOnly]
    private static int Feature(nint config, HvFeatureRegister register, ulong* value)
    {
        // ID_AA64DFR0_EL1: six breakpoints, four watchpoints.
        *value = register == HvFeatureRegister.HV_FEATURE_REG_ID_AA64DFR0_EL1 ? (5UL << 12) | (3UL << 20) : 0;
        return Result(nameof(HvFunctions.hv_vcpu_config_get_feature_reg));
    }

    [UnmanagedCallersOnly]
    private static ulong Time() => 1000;

    [UnmanagedCallersOnly]
    private static int Timebase(MachTimebaseInfo* info)
    {
        *info = new MachTimebaseInfo { Numerator = 125, Denominator = 3 };
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int ReadSystem(byte* name, void* value, nuint* size, void* newValue, nuint newSize)
    {
        if (!Current.SystemNumbers.TryGetValue(Encoding.ASCII.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(name)), out long number))
        {
            return -1;
        }

        *(long*)value = number;
        *size = sizeof(long);
        return 0;
    }
}
