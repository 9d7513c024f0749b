using System.Globalization;
using HvSdk.Devices;

namespace HvSdk.Boot;

/// <summary>Finds what keeps a platform from being described in ACPI tables: the platform itself; <see cref="AcpiDeviceProblems"/> looks at its devices.</summary>
internal static class X64PlatformProblems
{
    /// <summary>As many as there are generated names.</summary>
    public const int MaxProcessors = AcpiNames.MaxGenerated;

    // As many as SMBIOS handles are kept for.
    private const int MaxSockets = 256;

    public static IReadOnlyList<string> Find(X64Platform platform)
    {
        var problems = new List<string>();
        FindInProcessors(platform, problems);
        FindInOverrides(platform, problems);
        if (platform.IoApic is { } ioApic && ioApic.Address == 0)
        {
            problems.Add($"{nameof(X64IoApicDescription)}.{nameof(ioApic.Address)} is 0, where RAM is. Give 0xFEC00000, or null for no I/O APIC.");
        }

        if (platform.PowerManagement is { } block)
        {
            FindInPowerManagement(platform, block, problems);
        }

        if (platform.PciHost is { } pci)
        {
            PciHostProblems.Find(pci, problems);
        }

        AcpiDeviceProblems.Find(platform, problems);
        return problems;
    }

    /// <summary>Problems that all kinds of tables have with processors.</summary>
    public static void FindInProcessors(X64Platform platform, List<string> problems)
    {
        int count = platform.ApicIds.Count;
        if (count is 0 or > MaxProcessors)
        {
            problems.Add($"{nameof(platform.ApicIds)} has {count} processors. Give 1 to {MaxProcessors}.");
        }

        var seen = new HashSet<uint>();
        foreach (uint id in platform.ApicIds)
        {
            if (id == uint.MaxValue)
            {
                problems.Add($"{nameof(platform.ApicIds)} has 0x{id:X}, which addresses all processors. Give a lower ID.");
            }
            else if (!seen.Add(id))
            {
                problems.Add($"{nameof(platform.ApicIds)} has {id} more than once. Give each processor an ID of its own.");
            }
        }

        X64ProcessorDescription processors = platform.Processors;
        long group = (long)processors.Sockets * processors.ThreadsPerCore;
        if (processors.Sockets > MaxSockets)
        {
            problems.Add($"{nameof(platform.Processors)}.{nameof(processors.Sockets)} is {processors.Sockets}. Give at most {MaxSockets}.");
        }

        if (processors.Sockets < 1 || processors.ThreadsPerCore < 1 || count % group != 0)
        {
            problems.Add(string.Create(CultureInfo.InvariantCulture,
                $"{nameof(platform.Processors)}: {count} processors cannot be spread evenly over {processors.Sockets} sockets with cores of {processors.ThreadsPerCore} threads. Give numbers of 1 or more whose product divides {count}."));
        }
    }

    /// <summary>Problems that all kinds of tables have with interrupts.</summary>
    public static void FindInOverrides(X64Platform platform, List<string> problems)
    {
        var interrupts = new HashSet<byte>();
        var lines = new HashSet<int>();
        foreach (X64InterruptOverride entry in platform.InterruptOverrides)
        {
            string what = $"{nameof(platform.InterruptOverrides)}, {entry}:";
            if (entry.IsaInterrupt > 15)
            {
                problems.Add($"{what} there is no ISA interrupt {entry.IsaInterrupt}. Give 0 to 15.");
            }

            if (entry.Line < 0 || entry.Line < (platform.IoApic?.FirstLine ?? 0))
            {
                problems.Add($"{what} line {entry.Line} is no input of the I/O APIC. Give {platform.IoApic?.FirstLine ?? 0} or more.");
            }

            if (!interrupts.Add(entry.IsaInterrupt))
            {
                problems.Add($"{what} ISA interrupt {entry.IsaInterrupt} has an override already. Give one for each.");
            }

            if (!lines.Add(entry.Line))
            {
                problems.Add($"{what} another override leads to line {entry.Line}. Give each a line of its own.");
            }
        }

        if (platform.IoApic is null && platform.InterruptOverrides.Count > 0)
        {
            problems.Add($"{nameof(platform.InterruptOverrides)} has {platform.InterruptOverrides.Count} entries, and there is no I/O APIC that they could lead to. Give {nameof(platform.IoApic)}, or no overrides.");
        }
    }

    private static void FindInPowerManagement(X64Platform platform, X64PowerManagementDescription block, List<string> problems)
    {
        const string What = nameof(X64Platform.PowerManagement) + ".";
        FindInPorts(What + nameof(block.Pm1EventPort), block.Pm1EventPort, 4, problems);
        FindInPorts(What + nameof(block.Pm1ControlPort), block.Pm1ControlPort, 2, problems);
        FindInPorts(What + nameof(block.TimerPort), block.TimerPort, 4, problems);
        FindInPorts(What + nameof(block.GeneralPurposeEventPort), block.GeneralPurposeEventPort, block.GeneralPurposeEventLength, problems);
        if (block.SoftOffType > 7)
        {
            problems.Add($"{What}{nameof(block.SoftOffType)} is {block.SoftOffType}; the field has three bits. Give 0 to 7.");
        }

        int length = block.GeneralPurposeEventLength;
        if (block.GeneralPurposeEventPort is not null ? length is 0 or > 64 || length % 2 != 0 : length != 0)
        {
            problems.Add(
                $"{What}{nameof(block.GeneralPurposeEventLength)} is {length}. Give an even number of 2 to 64 (256 events are all that ACPI has names for), and 0 where there is no {nameof(block.GeneralPurposeEventPort)}.");
        }

        X64InterruptOverride? leading = InterruptMap.FindOverride(platform, block.InterruptLine);
        if (leading is { Sense: not InterruptSense.Level } wrong)
        {
            problems.Add($"{nameof(platform.InterruptOverrides)}, {wrong}: the system control interrupt is level-triggered (ACPI 6.5, table 5.9: SCI_INT). Give {nameof(InterruptSense.Level)}.");
        }
        else if (leading is null && block.InterruptLine is < 0 or > 15)
        {
            problems.Add($"{What}{nameof(block.InterruptLine)} is {block.InterruptLine}. Give 0 to 15, or an override that leads an ISA interrupt there.");
        }
        else if (leading is null && platform.InterruptOverrides.Any(entry => entry.IsaInterrupt == block.InterruptLine))
        {
            problems.Add($"{What}{nameof(block.InterruptLine)} is {block.InterruptLine}, but an override leads that ISA interrupt elsewhere. Give the line where it leads.");
        }
    }

    private static void FindInPorts(string what, ushort? port, int count, List<string> problems)
    {
        if (port == 0)
        {
            problems.Add($"{what} is 0, which in the tables says that there is none. Give another port, or null where it may be.");
        }
        else if (port + count > 0x1_0000)
        {
            problems.Add($"{what} is 0x{port:X}, and its {count} ports go beyond 0xFFFF. Give a lower port.");
        }
    }
}
