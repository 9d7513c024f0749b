namespace HvSdk.VirtualMachines;

/// <summary>The interrupt inputs of one arm64 processor between the GIC, which sets them from any thread, and the processor's thread, which alone may hand them to the host.</summary>
internal sealed class ProcessorInputs
{
    private readonly object _gate = new();
    private Vcpu? _vcpu;
    private int _thread;
    private volatile bool _irq;
    private volatile bool _fiq;
    private bool _appliedIrq;
    private bool _appliedFiq;
    private bool _isWoken;

    /// <summary>The virtual timer has left, and asserts its interrupt for all we know. The processor's thread alone.</summary>
    public bool IsTimerAsserted { get; set; }

    /// <summary>Called on the processor's thread.</summary>
    public void Attach(Vcpu vcpu)
    {
        _thread = Environment.CurrentManagedThreadId;
        Volatile.Write(ref _vcpu, vcpu);
    }

    /// <summary>Called on the processor's thread, which ends: what is set from now on reaches nobody, also not by a later thread of the same number.</summary>
    public void Detach() => Volatile.Write(ref _vcpu, null);

    /// <summary>Sets an input. A processor that is in the guest leaves it to hear of an interrupt; that one has gone it hears at its next exit.</summary>
    public void Set(Arm64InterruptInput input, bool asserted)
    {
        if (input == Arm64InterruptInput.Irq)
        {
            _irq = asserted;
        }
        else
        {
            _fiq = asserted;
        }

        if (Volatile.Read(ref _vcpu) is not { } vcpu)
        {
            return;
        }

        if (Environment.CurrentManagedThreadId == _thread)
        {
            Apply();
        }
        else if (asserted)
        {
            vcpu.Cancel();
            Wake();
        }
    }

    /// <summary>Hands the levels to the host. Called on the processor's thread.</summary>
    public void Apply()
    {
        bool irq = _irq;
        bool fiq = _fiq;
        if (irq != _appliedIrq)
        {
            _vcpu!.Arm64.SetInterruptInput(Arm64InterruptInput.Irq, irq);
            _appliedIrq = irq;
        }

        if (fiq != _appliedFiq)
        {
            _vcpu!.Arm64.SetInterruptInput(Arm64InterruptInput.Fiq, fiq);
            _appliedFiq = fiq;
        }
    }

    /// <summary>Ends the current sleep, or the next one.</summary>
    public void Wake()
    {
        lock (_gate)
        {
            _isWoken = true;
            Monitor.Pulse(_gate);
        }
    }

    /// <summary>Waits, on the processor's thread, for an interrupt, for the timer, or for somebody who wants its attention. Ending too early is no harm: WFI may (Arm ARM, D1.7.2).</summary>
    public void Sleep()
    {
        // While its interrupt is asserted, the timer brings nothing new.
        TimeSpan limit = IsTimerAsserted ? Timeout.InfiniteTimeSpan : _vcpu!.Arm64.GetVirtualTimerDelay();
        lock (_gate)
        {
            if (!_irq && !_fiq && !_isWoken && limit != TimeSpan.Zero)
            {
                Monitor.Wait(_gate, ToWait(limit));
            }

            _isWoken = false;
        }
    }

    /// <summary>Monitor counts in whole milliseconds; a little too late beats a second round.</summary>
    private static TimeSpan ToWait(TimeSpan limit) =>
        limit == Timeout.InfiniteTimeSpan || limit.TotalMilliseconds >= int.MaxValue ? Timeout.InfiniteTimeSpan : TimeSpan.FromMilliseconds(Math.Ceiling(limit.TotalMilliseconds));
}
