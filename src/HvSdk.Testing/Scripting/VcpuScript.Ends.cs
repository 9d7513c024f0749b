using HvSdk.Backends;

namespace HvSdk.Testing;

/// <content>Steps that are no accesses: ends of runs, and what happens between exits.</content>
public sealed partial class VcpuScript
{
    /// <summary>The guest halts.</summary>
    public VcpuScript Halt() => AddPlain(VcpuExitKind.Halt);

    /// <summary>The guest's virtual timer asserts its interrupt (arm64).</summary>
    public VcpuScript Timer() => AddPlain(VcpuExitKind.Timer);

    /// <summary>The vCPU cannot go on (x64: a triple fault).</summary>
    public VcpuScript Shutdown() => AddPlain(VcpuExitKind.Shutdown);

    /// <summary>The guest can take an interrupt now; the request for it is fulfilled.</summary>
    public VcpuScript InterruptWindow() => Do(() => IsInterruptWindowRequested = false).AddPlain(VcpuExitKind.InterruptWindow);

    /// <summary>The guest has ended a level-triggered interrupt.</summary>
    /// <param name="vector">Its vector.</param>
    public VcpuScript EndOfInterrupt(byte vector) => AddPlain(VcpuExitKind.EndOfInterrupt, vector);

    /// <summary>The guest has changed the task priority.</summary>
    /// <param name="priority">The priority, 0 to 15.</param>
    public VcpuScript TaskPriority(byte priority) => AddPlain(VcpuExitKind.TaskPriority, priority);

    /// <summary>The guest asks the platform for something.</summary>
    /// <param name="kind">What.</param>
    /// <param name="rawReason">The host's number for it.</param>
    public VcpuScript SystemEvent(SystemEventKind kind, uint rawReason = 0) =>
        Add((ScriptedVcpuBackend _, out VcpuExit exit) => Exit(out exit, ExitFactory.SystemEvent(kind, rawReason, default)));

    /// <summary>A breakpoint or a step.</summary>
    /// <param name="cause">What stopped the vCPU.</param>
    /// <param name="address">Linear address of the instruction.</param>
    /// <param name="breakpointIndex">Which hardware breakpoint.</param>
    public VcpuScript Debug(DebugCause cause, ulong address, int breakpointIndex = 0) =>
        Add((ScriptedVcpuBackend _, out VcpuExit exit) => Exit(out exit, ExitFactory.Debug(cause, address, breakpointIndex, default)));

    /// <summary>The host cannot emulate an instruction.</summary>
    /// <param name="instruction">Its bytes, or none.</param>
    public VcpuScript EmulationFailure(params ReadOnlySpan<byte> instruction)
    {
        byte[] bytes = instruction.ToArray();
        return Add((ScriptedVcpuBackend _, out VcpuExit exit) => Exit(out exit, ExitFactory.EmulationFailure(bytes, 1, default)));
    }

    /// <summary>The processor refuses the vCPU's state.</summary>
    /// <param name="rawReason">Its reason.</param>
    public VcpuScript EntryFailure(uint rawReason) => AddPlain(VcpuExitKind.EntryFailure, 0, rawReason);

    /// <summary>The guest touches memory that the host cannot provide.</summary>
    /// <param name="address">The GPA.</param>
    public VcpuScript MemoryFault(ulong address) => AddPlain(VcpuExitKind.MemoryFault, address);

    /// <summary>The host gives up on the vCPU.</summary>
    /// <param name="rawReason">Its number for the reason.</param>
    public VcpuScript HostFailure(uint rawReason) => AddPlain(VcpuExitKind.HostFailure, 0, rawReason);

    /// <summary>The host gives a reason that HvSdk gives no meaning.</summary>
    /// <param name="rawReason">Its number.</param>
    /// <param name="raw">Its data.</param>
    public VcpuScript Unknown(uint rawReason, params ReadOnlySpan<byte> raw)
    {
        byte[] data = raw.ToArray();
        return Add((ScriptedVcpuBackend _, out VcpuExit exit) => Exit(out exit, ExitFactory.Plain(VcpuExitKind.Unknown, 0, rawReason, data)));
    }

    /// <summary>The host leaves the guest although nobody has asked for it, as hosts do; a run goes on.</summary>
    public VcpuScript SpuriousCancel() => AddPlain(VcpuExitKind.Canceled);

    /// <summary>The guest runs, for good, until somebody cancels; limited by <see cref="ScriptedBackend.WaitLimit"/>.</summary>
    public VcpuScript WaitForCancel() => Add(static (ScriptedVcpuBackend vcpu, out VcpuExit exit) =>
    {
        vcpu.WaitForKick();
        exit = ExitFactory.Plain(VcpuExitKind.Canceled);
        return true;
    });

    /// <summary>The guest stores into its RAM, which makes pages dirty.</summary>
    /// <param name="address">GPA of the first byte.</param>
    /// <param name="data">The bytes. They lie within one region that the guest may write; the run throws otherwise.</param>
    public VcpuScript Store(ulong address, params ReadOnlySpan<byte> data)
    {
        byte[] bytes = data.ToArray();
        return Add((ScriptedVcpuBackend vcpu, out VcpuExit exit) =>
        {
            vcpu.Partition.Store(address, bytes);
            exit = default;
            return false;
        });
    }

    /// <summary>Something happens on the vCPU's thread while the guest runs: a cancellation, a change of the partition, an assertion.</summary>
    /// <param name="action">What happens. An exception of its ends the run.</param>
    public VcpuScript Do(Action action)
    {
        ArgumentNullException.ThrowIfNull(action);
        return Add((ScriptedVcpuBackend _, out VcpuExit exit) =>
        {
            action();
            exit = default;
            return false;
        });
    }

    private VcpuScript AddPlain(VcpuExitKind kind, ulong number = 0, uint rawReason = 0) =>
        Add((ScriptedVcpuBackend _, out VcpuExit exit) => Exit(out exit, ExitFactory.Plain(kind, number, rawReason)));
}
