using HvSdk.Boot;

namespace HvSdk.VirtualMachines;

/// <summary>What the builder has decided about a machine, checked as a whole.</summary>
/// <param name="Processors">The processors.</param>
/// <param name="Memory">The memory's make.</param>
/// <param name="BootMachine">What the image is told.</param>
/// <param name="Tables">Bytes to write to guest memory before the image: ACPI, SMBIOS, MP.</param>
/// <param name="WatchForHalt">End the machine when it has halted for good.</param>
/// <param name="CountAccesses">Count accesses by place.</param>
/// <param name="TimeProvider">The machine's time.</param>
internal sealed record MachineBlueprint(
    ProcessorOptions Processors,
    MemoryOptions Memory,
    BootMachine BootMachine,
    IReadOnlyList<MachineTable> Tables,
    bool WatchForHalt,
    bool CountAccesses,
    TimeProvider TimeProvider);

/// <summary>Bytes that the guest finds in its memory.</summary>
/// <param name="Address">The GPA.</param>
/// <param name="Content">The bytes.</param>
internal readonly record struct MachineTable(ulong Address, ReadOnlyMemory<byte> Content);
