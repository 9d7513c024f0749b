namespace HvSdk.Emulation;

/// <summary>Executes x86-64 instructions in software, one vCPU's worth: it owns the decoder, the decoded code and the translations.</summary>
/// <remarks>
/// An access that the machine has no memory for leaves <see cref="Run{TMachine}"/>; the caller does it and calls Run again with the same state,
/// unchanged, and the instruction goes on. Until then its registers are as before it. Not for use by several threads at once. Nothing is
/// allocated while it runs, but for tables that grow to a limit, and it is safe against any guest: whatever the guest does ends in a result.
/// </remarks>
public sealed class X64Emulator
{
    private readonly Core _core;

    /// <summary>Creates an emulator.</summary>
    /// <param name="options">How it behaves, or null for the defaults.</param>
    /// <exception cref="ArgumentException">An option has a value that makes no sense.</exception>
    public X64Emulator(X64EmulatorOptions? options = null)
    {
        options ??= new();
        if (options.PhysicalAddressBits is not 0 and (< 32 or > 52))
        {
            throw new ArgumentException($"{nameof(X64EmulatorOptions.PhysicalAddressBits)} is {options.PhysicalAddressBits}; it must be 0, or 32 to 52.", nameof(options));
        }

        _core = new(options);
    }

    /// <summary>After <see cref="X64EmulationResult.Access"/>: what the caller must do. At other times empty.</summary>
    public X64EmulatedAccess Access => _core.LeavingAccess;

    /// <summary>After <see cref="X64EmulationResult.Exception"/>: the exception.</summary>
    public X64Exception Exception => _core.Exception;

    /// <summary>After <see cref="X64EmulationResult.Unsupported"/>, <see cref="X64EmulationResult.Exception"/> or <see cref="X64EmulationResult.Hypercall"/>: the bytes of the instruction, as far as they could be read.</summary>
    public ReadOnlySpan<byte> Instruction => _core.InstructionBytes;

    /// <summary>How many instructions it has executed, as <see cref="Run{TMachine}"/> counts them; one that an access interrupted counts each time.</summary>
    public long InstructionCount { get; private set; }

    /// <summary>Executes up to so many instructions. Ends earlier with whatever the caller must do.</summary>
    /// <remarks>A repeated string instruction counts as one for each 4096 of its rounds, or part of them.</remarks>
    /// <typeparam name="TMachine">The machine; a struct is fastest.</typeparam>
    /// <param name="state">The registers.</param>
    /// <param name="machine">What is around the processor.</param>
    /// <param name="limit">How many instructions, at least 1. The one that an access interrupted counts when it is completed.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="limit"/> is below 1.</exception>
    public X64EmulationResult Run<TMachine>(X64CpuState state, ref TMachine machine, long limit)
        where TMachine : IX64Machine, allows ref struct
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        if (_core.IsSuspended && (!ReferenceEquals(state, _core.State) || _core.SuspendedRip != state.Gpr[RegisterIndex.Rip]))
        {
            _core.Cancel();
        }

        _core.Attach(state);
        long left = limit;
        X64EmulationResult result = Interpreter<TMachine>.Run(_core, ref machine, ref left);
        InstructionCount += limit - left;
        return result;
    }

    /// <summary>Enters the handler of an external interrupt, or of an NMI by vector 2, through the guest's IDT or IVT.</summary>
    /// <remarks>
    /// Whether the guest takes interrupts now (RFLAGS.IF, <see cref="X64CpuState.InterruptShadow"/>, <see cref="X64CpuState.IsNmiBlocked"/>) is the
    /// caller's to ask. A halted vCPU goes on. An access that left is given up; one that this makes goes on with the next Run.
    /// </remarks>
    /// <typeparam name="TMachine">The machine; a struct is fastest.</typeparam>
    /// <param name="state">The registers.</param>
    /// <param name="machine">What is around the processor.</param>
    /// <param name="vector">The vector.</param>
    /// <returns><see cref="X64EmulationResult.LimitReached"/> where the vCPU is at the handler; or Access, Unsupported, Shutdown.</returns>
    public X64EmulationResult Interrupt<TMachine>(X64CpuState state, ref TMachine machine, byte vector)
        where TMachine : IX64Machine, allows ref struct
    {
        ArgumentNullException.ThrowIfNull(state);
        _core.Cancel();
        _core.Attach(state);
        return Interpreter<TMachine>.DeliverExternal(_core, ref machine, vector);
    }

    /// <summary>Forgets an access that left: the next Run starts the instruction at RIP anew. Accesses that it had done before stay done.</summary>
    public void CancelAccess() => _core.Cancel();

    /// <summary>Forgets what is known of the guest's page tables: call it where the guest ran outside the emulator meanwhile. It is cheap.</summary>
    public void FlushTranslations() => _core.FlushTranslations();
}
