using HvSdk.Devices;

namespace HvSdk.Boot;

/// <summary>Where the ISA interrupts of a platform lead and how they are signalled.</summary>
internal static class InterruptMap
{
    /// <summary>The override that leads to a line.</summary>
    public static X64InterruptOverride? FindOverride(X64Platform platform, int line)
    {
        foreach (X64InterruptOverride entry in platform.InterruptOverrides)
        {
            if (entry.Line == line)
            {
                return entry;
            }
        }

        return null;
    }

    /// <summary>The ISA interrupt that is the system control interrupt (ACPI 6.5, table 5.9: SCI_INT).</summary>
    public static byte SystemControlInterrupt(X64Platform platform, X64PowerManagementDescription block) =>
        FindOverride(platform, block.InterruptLine)?.IsaInterrupt ?? (byte)block.InterruptLine;

    /// <summary>The overrides as they are written, by ISA interrupt.</summary>
    /// <remarks>
    /// The system control interrupt always has one: without it guests take it for active low (ACPI 6.5, 5.2.12.5), and ours is active high as all lines.
    /// </remarks>
    public static IReadOnlyList<X64InterruptOverride> Overrides(X64Platform platform)
    {
        IEnumerable<X64InterruptOverride> all = platform.InterruptOverrides;
        if (platform is { IoApic: not null, PowerManagement: { } block } && FindOverride(platform, block.InterruptLine) is null)
        {
            all = all.Append(new X64InterruptOverride((byte)block.InterruptLine, block.InterruptLine, InterruptSense.Level));
        }

        return [.. all.OrderBy(static entry => entry.IsaInterrupt)];
    }

    /// <summary>Polarity and trigger mode as the MADT and the MP table write them: conforming to ISA (edge, active high), or level and active high.</summary>
    public static ushort Flags(InterruptSense sense) => sense == InterruptSense.Edge ? (ushort)0 : (ushort)0b11_01;
}
