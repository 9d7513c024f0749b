namespace HvSdk.VirtualMachines;

/// <summary>One processor of a machine: its thread's loop, and what others may ask of it.</summary>
internal sealed class Processor(int index, ProcessorGate gate, MachineChips chips, MachineEnding ending, AccessCounts? accesses)
{
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ProcessorWork _work = new();
    private volatile bool _inspect;

    /// <summary>Completes when the processor stands ready.</summary>
    public Task Ready => _ready.Task;

    /// <summary>Null before the thread has made it.</summary>
    public Vcpu? Vcpu { get; private set; }

    /// <summary>When it was last looked at, it had halted with interrupts off, or was never started.</summary>
    public bool IsHaltedForGood { get; private set; }

    /// <summary>Somebody wants something done by this processor's thread.</summary>
    public bool HasWork => _work.IsDue;

    /// <summary>How often it was looked at.</summary>
    public int Inspections { get; private set; }

    /// <summary>Makes it leave the guest and look at what is asked of it.</summary>
    public void Kick()
    {
        Vcpu?.Cancel();
        chips.Wake(index);
    }

    /// <summary>Has it find out whether it has halted for good.</summary>
    public void Inspect()
    {
        _inspect = true;
        Kick();
    }

    /// <summary>Has this processor's thread do something with the vCPU, before the guest runs on.</summary>
    /// <exception cref="InvalidOperationException">The machine has ended; also by the task, where it ends before that is done.</exception>
    public Task<TResult> InvokeAsync<TResult>(Func<Vcpu, TResult> action)
    {
        Task<TResult> task = _work.Add(action);
        gate.Wake();
        return task;
    }

    /// <summary>Runs the guest until the machine ends.</summary>
    /// <param name="vcpu">The vCPU, made by this thread.</param>
    /// <param name="start">Sets its registers, or null.</param>
    public void Run(Vcpu vcpu, Action<Vcpu>? start)
    {
        try
        {
            chips.Prepare(vcpu);
            start?.Invoke(vcpu);
            Vcpu = vcpu;
            _ready.SetResult();
            RunGuest(vcpu);
        }
        finally
        {
            _work.End();
            chips.Release(vcpu);
        }
    }

    private void RunGuest(Vcpu vcpu)
    {
        var handler = new ProcessorHandler(vcpu, chips, accesses);
        while (gate.Pass(this))
        {
            if (_work.TryDo(vcpu))
            {
                continue; // and back to the gate
            }

            if (_inspect)
            {
                _inspect = false;
                IsHaltedForGood = IsHaltedForGoodNow(vcpu);
                Inspections++;
            }

            chips.BeforeRun(vcpu);
            VcpuExit exit = vcpu.Run(ref handler);
            if (exit.Kind is not (VcpuExitKind.Canceled or VcpuExitKind.InterruptWindow))
            {
                ending.TryDecide(ToEnd(vcpu, exit));
            }
        }
    }

    private static bool IsHaltedForGoodNow(Vcpu vcpu) => vcpu.X64.Activity switch
    {
        X64ActivityState.WaitForInit => true,
        X64ActivityState.Halted => (vcpu.X64.GetRegisters().Rflags & X64Flags.InterruptEnable) == 0,
        _ => false,
    };

    private MachineEnd ToEnd(Vcpu vcpu, in VcpuExit exit)
    {
        (MachineEndKind kind, string what) = exit.Kind switch
        {
            VcpuExitKind.Halt => (MachineEndKind.Halted, "halted"),
            VcpuExitKind.Shutdown => (MachineEndKind.Crashed, "shut down after a triple fault"),
            VcpuExitKind.SystemEvent when exit.SystemEvent == SystemEventKind.PowerOff => (MachineEndKind.PoweredOff, "asked the host to power off"),
            VcpuExitKind.SystemEvent when exit.SystemEvent == SystemEventKind.Reset => (MachineEndKind.Reset, "asked the host for a reset"),
            VcpuExitKind.SystemEvent when exit.SystemEvent == SystemEventKind.Crash => (MachineEndKind.Panicked, "reported a crash to the host"),
            _ => (MachineEndKind.Crashed, $"left the guest with {exit.ToString()}"),
        };
        string where = kind == MachineEndKind.Crashed && exit.Kind != VcpuExitKind.Shutdown ? Where(vcpu) : "";
        return new MachineEnd { Kind = kind, Reason = $"Processor {index} {what}{where}." };
    }

    private string Where(Vcpu vcpu)
    {
        try
        {
            return chips.Where(vcpu);
        }
        catch (HypervisorException)
        {
            return ""; // the host does not even give its registers
        }
    }
}
