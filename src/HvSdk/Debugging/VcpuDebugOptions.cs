namespace HvSdk;

/// <summary>How a vCPU is debugged by the host; the guest sees none of it.</summary>
/// <remarks>Each field needs its feature: <see cref="HypervisorFeatures.SingleStep"/>, <see cref="HypervisorFeatures.SoftwareBreakpoints"/>,
/// <see cref="HypervisorFeatures.HardwareBreakpoints"/>.</remarks>
public sealed record VcpuDebugOptions
{
    /// <summary>Nothing is debugged.</summary>
    public static VcpuDebugOptions None { get; } = new();

    /// <summary>Leave the guest after each instruction.</summary>
    public bool SingleStep { get; init; }

    /// <summary>Leave the guest at each breakpoint instruction (x64: INT3) instead of raising the guest's exception.</summary>
    public bool SoftwareBreakpoints { get; init; }

    /// <summary>Hardware breakpoints, at most <see cref="HypervisorCapabilities.MaxHardwareBreakpoints"/>.</summary>
    public IReadOnlyList<HardwareBreakpoint> HardwareBreakpoints { get; init; } = [];

    internal void Validate(HypervisorCapabilities capabilities)
    {
        if (SingleStep)
        {
            capabilities.Require(HypervisorFeatures.SingleStep);
        }

        if (SoftwareBreakpoints)
        {
            capabilities.Require(HypervisorFeatures.SoftwareBreakpoints);
        }

        ArgumentNullException.ThrowIfNull(HardwareBreakpoints);
        if (HardwareBreakpoints.Count > 0)
        {
            capabilities.Require(HypervisorFeatures.HardwareBreakpoints);
        }

        if (HardwareBreakpoints.Count > capabilities.MaxHardwareBreakpoints)
        {
            throw new ArgumentException(
                $"{HardwareBreakpoints.Count} hardware breakpoints were asked for, and {capabilities.BackendName} has {capabilities.MaxHardwareBreakpoints}. Set fewer.",
                nameof(HardwareBreakpoints));
        }

        foreach (HardwareBreakpoint breakpoint in HardwareBreakpoints)
        {
            Validate(breakpoint);
        }
    }

    private static void Validate(HardwareBreakpoint breakpoint)
    {
        if (!Enum.IsDefined(breakpoint.Kind))
        {
            throw new ArgumentException(
                $"{breakpoint.Kind} is not a member of {nameof(HardwareBreakpointKind)}. Use Execute, Write or ReadWrite.", nameof(HardwareBreakpoints));
        }

        bool lengthFits = breakpoint.Kind == HardwareBreakpointKind.Execute ? breakpoint.Length == 1 : breakpoint.Length is 1 or 2 or 4 or 8;
        if (!lengthFits)
        {
            throw new ArgumentException(
                $"A hardware breakpoint of kind {breakpoint.Kind} cannot watch {breakpoint.Length} bytes. Use 1 to execute, else 1, 2, 4 or 8.",
                nameof(HardwareBreakpoints));
        }

        if (breakpoint.Address % (uint)breakpoint.Length != 0)
        {
            throw new ArgumentException(
                $"The hardware breakpoint at 0x{breakpoint.Address:X} watches {breakpoint.Length} bytes and must be aligned to them.",
                nameof(HardwareBreakpoints));
        }
    }
}
