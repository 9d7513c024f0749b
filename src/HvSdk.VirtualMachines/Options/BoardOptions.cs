using HvSdk.Boot;

namespace HvSdk.VirtualMachines;

/// <summary>What a machine's board has besides the devices that are added to it.</summary>
public sealed class BoardOptions
{
    /// <summary>Who keeps the interrupt controller and timer that all processors share. Default: the host where it can.</summary>
    public ChipPlacement Chips { get; set; } = ChipPlacement.Automatic;

    /// <summary>
    /// The 8254 timer (x64). Default off for Linux where the host has a clock for it (<see cref="HypervisorFeatures.ParavirtualClock"/>): it needs none then, and boots faster
    /// without. On for all other images, and for Linux on hosts without such a clock.
    /// </summary>
    public bool? IntervalTimer { get; set; }

    /// <summary>ACPI (x64): the tables, and the power management block with power button, timer and soft off. Default on.</summary>
    public bool Acpi { get; set; } = true;

    /// <summary>The CMOS memory and clock (x64). Default on: kernels wait seconds for one that is not there.</summary>
    public bool CmosClock { get; set; } = true;

    /// <summary>The PL031 clock (arm64). Default on.</summary>
    public bool RealTimeClock { get; set; } = true;

    /// <summary>The reset control port 0xCF9 (x64; on arm64 PSCI resets). Default on.</summary>
    public bool ResetControl { get; set; } = true;

    /// <summary>
    /// A PCI bus (x64). Default: where devices for it were added (<see cref="VirtualMachineBuilder.AddPciDevice"/>). A guest finds it by ACPI, or by ports 0xCF8 and 0xCFC.
    /// </summary>
    public bool Pci { get; set; }

    /// <summary>Where devices of <see cref="VirtualMachineBuilder.AddVirtio"/> go. Null, the default: to the PCI bus (x64), to windows in memory (arm64).</summary>
    public VirtioTransport? VirtioTransport { get; set; }

    /// <summary>
    /// Names each <see cref="Devices.Virtio.VirtioMmio"/> on a Linux kernel's command line, as <see cref="Devices.Virtio.VirtioMmio.KernelParameter"/> has it: for kernels with
    /// CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES on boards without <see cref="Acpi"/>. Default off: a kernel that finds them by ACPI too would take each of them twice.
    /// </summary>
    public bool VirtioKernelParameters { get; set; }

    /// <summary>The tables of Intel's MultiProcessor Specification, for guests without ACPI. Default off.</summary>
    public bool MultiprocessorTable { get; set; }

    /// <summary>What the guest may know of the machine's make (SMBIOS, x64), or null: no such tables. Default: HvSdk's own.</summary>
    public SmbiosIdentity? Smbios { get; set; } = new();

    /// <summary>
    /// Ends the machine with <see cref="MachineEndKind.Halted"/> when all of its processors have halted with interrupts off, from which nothing wakes them (x64). Default on.
    /// </summary>
    public bool EndWhenHalted { get; set; } = true;
}

/// <summary>Who keeps the chips that all processors share (x64: I/O APIC, 8259A pair, 8254; arm64: the GIC).</summary>
public enum ChipPlacement
{
    /// <summary>The host where it can, else this process.</summary>
    Automatic,

    /// <summary>The host.</summary>
    Host,

    /// <summary>This process: the host keeps each processor's own part alone (x64: the local APIC), or nothing (arm64).</summary>
    Split,
}
