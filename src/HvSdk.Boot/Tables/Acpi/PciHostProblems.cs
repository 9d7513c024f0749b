namespace HvSdk.Boot;

/// <summary>Finds what keeps a PCI host bridge from being described in ACPI tables.</summary>
internal static class PciHostProblems
{
    private const int LastDevice = 31;
    private const int LastPin = 3;

    public static void Find(X64PciHostDescription pci, List<string> problems)
    {
        const string What = nameof(X64Platform.PciHost) + ".";
        if (pci.EcamAddress % Mcfg.BusSize != 0 || pci.EcamAddress == 0)
        {
            problems.Add($"{What}{nameof(pci.EcamAddress)} is 0x{pci.EcamAddress:X}. Give a multiple of 1 MiB, not 0.");
        }

        if (pci.MemoryWindows.Count == 0)
        {
            problems.Add($"{What}{nameof(pci.MemoryWindows)} is empty, and devices need a place. Give one window at least.");
        }

        foreach (X64MemoryRange window in pci.MemoryWindows)
        {
            if (window.Size == 0 || window.Size - 1 > ulong.MaxValue - window.Address)
            {
                problems.Add($"{What}{nameof(pci.MemoryWindows)} has {window}, which is empty or goes beyond the last address. Give a window within.");
            }
        }

        var seen = new HashSet<(int, int)>();
        foreach (X64PciInterrupt interrupt in pci.Interrupts)
        {
            if (interrupt.Device is < 0 or > LastDevice || interrupt.Pin is < 0 or > LastPin || interrupt.Line < 0)
            {
                problems.Add($"{What}{nameof(pci.Interrupts)} has {interrupt}. Give devices 0 to {LastDevice}, pins 0 to {LastPin}, and lines from 0 on.");
            }
            else if (!seen.Add((interrupt.Device, interrupt.Pin)))
            {
                problems.Add($"{What}{nameof(pci.Interrupts)} has device {interrupt.Device} with pin {interrupt.Pin} more than once. Give each pin once.");
            }
        }
    }
}
