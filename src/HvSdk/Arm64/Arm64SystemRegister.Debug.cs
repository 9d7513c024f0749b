namespace HvSdk;

/// <content>Debug registers (Arm ARM, D19.3).</content>
public readonly partial record struct Arm64SystemRegister
{
    /// <summary>MDCCINT_EL1: Interrupts of the debug communication channel.</summary>
    public static Arm64SystemRegister MdccintEl1 => Of(2, 0, 0, 2, 0);

    /// <summary>MDSCR_EL1: Debug control: single step, breakpoints, watchpoints.</summary>
    public static Arm64SystemRegister MdscrEl1 => Of(2, 0, 0, 2, 2);

    /// <summary>OSLAR_EL1: Sets and clears the OS lock.</summary>
    public static Arm64SystemRegister OslarEl1 => Of(2, 0, 1, 0, 4);

    /// <summary>OSLSR_EL1: State of the OS lock.</summary>
    public static Arm64SystemRegister OslsrEl1 => Of(2, 0, 1, 1, 4);

    /// <summary>OSDLR_EL1: The OS double lock.</summary>
    public static Arm64SystemRegister OsdlrEl1 => Of(2, 0, 1, 3, 4);

    /// <summary>DBGBVRn_EL1: the address of a hardware breakpoint.</summary>
    /// <param name="index">Which, 0 to 15.</param>
    public static Arm64SystemRegister DbgBvrEl1(int index) => OfDebug(index, BreakpointValue);

    /// <summary>DBGBCRn_EL1: control of a hardware breakpoint.</summary>
    /// <param name="index">Which, 0 to 15.</param>
    public static Arm64SystemRegister DbgBcrEl1(int index) => OfDebug(index, BreakpointControl);

    /// <summary>DBGWVRn_EL1: the address of a watchpoint.</summary>
    /// <param name="index">Which, 0 to 15.</param>
    public static Arm64SystemRegister DbgWvrEl1(int index) => OfDebug(index, WatchpointValue);

    /// <summary>DBGWCRn_EL1: control of a watchpoint.</summary>
    /// <param name="index">Which, 0 to 15.</param>
    public static Arm64SystemRegister DbgWcrEl1(int index) => OfDebug(index, WatchpointControl);

    private const int BreakpointValue = 4;
    private const int BreakpointControl = 5;
    private const int WatchpointValue = 6;
    private const int WatchpointControl = 7;
    private const int MaxDebugIndex = 15;

    private static Arm64SystemRegister OfDebug(int index, int op2)
    {
        RequireFits(index, MaxDebugIndex, nameof(index));
        return Of(2, 0, 0, index, op2);
    }
}
