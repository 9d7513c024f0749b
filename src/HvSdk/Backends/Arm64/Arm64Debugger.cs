namespace HvSdk.Backends;

/// <summary>
/// Breakpoints, watchpoints and single step of one vCPU, over whatever gives the host the processor's debug registers and the debug exceptions (Arm ARM, D2). On the vCPU's thread.
/// </summary>
/// <remarks>
/// A breakpoint or watchpoint is passed by a step with it switched off, so that the next run does not stop there again; after a watchpoint that step comes before the exit, since
/// the neutral contract stops behind the instruction.
/// </remarks>
public abstract class Arm64Debugger
{
    /// <summary>DBGBCR and DBGWCR (D19.3.2, D19.3.11): enabled, at EL1 and EL0, which bytes.</summary>
    private const ulong Enabled = 1;
    private const ulong AnyLevel = 3UL << 1;
    private const ulong WholeInstruction = 0xFUL << 5;
    private const int ByteSelectShift = 5;
    private const ulong Stores = 2UL << 3;
    private const ulong LoadsAndStores = 3UL << 3;

    private const int NoBreakpoint = -1;

    private int _stoppedAt = NoBreakpoint;
    private bool _isPassing;
    private bool _reportsAfterPassing;
    private ulong _watchedAt;

    /// <summary>What the caller wants.</summary>
    protected VcpuDebugOptions Options { get; private set; } = VcpuDebugOptions.None;

    /// <summary>The next entry is to end after one instruction.</summary>
    protected bool IsStepping => Options.SingleStep || _isPassing;

    /// <summary>PC, as the guest has it.</summary>
    protected abstract ulong ProgramCounter { get; }

    /// <summary>Takes other options; nothing of the former goes on.</summary>
    /// <param name="options">The options.</param>
    public void Set(VcpuDebugOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Options = options;
        _stoppedAt = NoBreakpoint;
        _isPassing = false;
        _reportsAfterPassing = false;
        Apply();
    }

    /// <summary>Before each entry: switches the breakpoint off at which the guest still stands.</summary>
    public virtual void BeforeEntry()
    {
        if (_stoppedAt == NoBreakpoint || _isPassing)
        {
            return;
        }

        HardwareBreakpoint breakpoint = Options.HardwareBreakpoints[_stoppedAt];
        if (breakpoint.Kind != HardwareBreakpointKind.Execute || ProgramCounter == breakpoint.Address)
        {
            _isPassing = true;
            Switch(_stoppedAt, isOn: false);
        }
        else
        {
            _stoppedAt = NoBreakpoint;
        }
    }

    /// <summary>An instruction was completed outside the guest, where no step is seen.</summary>
    /// <param name="raw">What the host said of the exit.</param>
    /// <param name="exit">The exit that the step is.</param>
    /// <returns>False where it is none, and the guest goes on.</returns>
    public bool TryStep(ReadOnlySpan<byte> raw, out VcpuExit exit)
    {
        exit = default;
        return IsStepping && OnStep(raw, out exit);
    }

    /// <summary>A debug exception has left the guest.</summary>
    /// <param name="syndrome">Its syndrome.</param>
    /// <param name="faultAddress">FAR: the virtual address that a watchpoint met.</param>
    /// <param name="raw">What the host said of the exit.</param>
    /// <param name="exit">The exit.</param>
    /// <returns>False where there is none, and the guest goes on.</returns>
    public bool TryDecode(Arm64Syndrome syndrome, ulong faultAddress, ReadOnlySpan<byte> raw, out VcpuExit exit)
    {
        ulong pc = ProgramCounter;
        switch (syndrome.Class)
        {
            case Arm64ExceptionClass.SoftwareStep:
                return OnStep(raw, out exit);
            case Arm64ExceptionClass.Brk:
                exit = ExitFactory.Debug(Options.SoftwareBreakpoints ? DebugCause.SoftwareBreakpoint : DebugCause.Unknown, pc, 0, raw);
                return true;
            case Arm64ExceptionClass.Breakpoint when Find(pc, isExecute: true) is >= 0 and var index:
                _stoppedAt = index;
                exit = ExitFactory.Debug(DebugCause.HardwareBreakpoint, pc, index, raw);
                return true;
            case Arm64ExceptionClass.Watchpoint when Find(faultAddress, isExecute: false) is >= 0 and var index:
                _stoppedAt = index;
                _reportsAfterPassing = true;
                _watchedAt = pc;
                exit = default;
                return false;
            default:
                exit = ExitFactory.Debug(DebugCause.Unknown, pc, 0, raw);
                return true;
        }
    }

    /// <summary>Brings <see cref="Options"/> to the host.</summary>
    protected abstract void Apply();

    /// <summary>Brings one breakpoint to the host, on or off, and <see cref="IsStepping"/> where that is not done before each entry.</summary>
    /// <param name="index">Its index in the options.</param>
    /// <param name="isOn">Whether the processor looks for it.</param>
    protected abstract void Switch(int index, bool isOn);

    /// <summary>The breakpoint is the one that the guest is passing.</summary>
    /// <param name="index">Its index in the options.</param>
    protected bool IsPassed(int index) => _isPassing && index == _stoppedAt;

    /// <summary>What DBGBCR or DBGWCR holds for a breakpoint that is on.</summary>
    /// <param name="breakpoint">The breakpoint.</param>
    protected static ulong ControlOf(HardwareBreakpoint breakpoint) => breakpoint.Kind switch
    {
        HardwareBreakpointKind.Execute => Enabled | AnyLevel | WholeInstruction,
        HardwareBreakpointKind.Write => Enabled | AnyLevel | Stores | Bytes(breakpoint),
        _ => Enabled | AnyLevel | LoadsAndStores | Bytes(breakpoint),
    };

    /// <summary>What DBGBVR or DBGWVR holds for a breakpoint: an instruction's address, or that of 8 bytes of which the control register selects some.</summary>
    /// <param name="breakpoint">The breakpoint.</param>
    protected static ulong ValueOf(HardwareBreakpoint breakpoint) => breakpoint.Address & (breakpoint.Kind == HardwareBreakpointKind.Execute ? ~3UL : ~7UL);

    private static ulong Bytes(HardwareBreakpoint breakpoint) => (((1UL << breakpoint.Length) - 1) << (int)(breakpoint.Address & 7)) << ByteSelectShift;

    private bool OnStep(ReadOnlySpan<byte> raw, out VcpuExit exit)
    {
        int passed = _isPassing ? _stoppedAt : NoBreakpoint;
        if (_isPassing)
        {
            _isPassing = false;
            _stoppedAt = NoBreakpoint;
            Switch(passed, isOn: true);
        }

        if (_reportsAfterPassing)
        {
            _reportsAfterPassing = false;
            exit = ExitFactory.Debug(DebugCause.HardwareBreakpoint, _watchedAt, passed, raw);
            return true;
        }

        exit = ExitFactory.Debug(DebugCause.SingleStep, ProgramCounter, 0, raw);
        return Options.SingleStep;
    }

    private int Find(ulong address, bool isExecute)
    {
        for (int i = 0; i < Options.HardwareBreakpoints.Count; i++)
        {
            HardwareBreakpoint breakpoint = Options.HardwareBreakpoints[i];
            bool isOfKind = breakpoint.Kind == HardwareBreakpointKind.Execute == isExecute;

            // A watchpoint may tell the first byte of an access that reaches into what is watched.
            const ulong largestAccess = 64;
            if (isOfKind && (isExecute ? address == breakpoint.Address : address < breakpoint.Address + (ulong)breakpoint.Length && address + largestAccess > breakpoint.Address))
            {
                return i;
            }
        }

        return NoBreakpoint;
    }
}
