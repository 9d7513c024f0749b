namespace HvSdk.VirtualMachines;

/// <summary>What a kind of machine has for devices: ports, GPAs without RAM, interrupt lines.</summary>
/// <param name="HasPorts">It has I/O ports.</param>
/// <param name="FirstMmioAddress">The first GPA for windows anywhere.</param>
/// <param name="LastMmioAddress">The last one.</param>
/// <param name="FirstFreeLine">The first interrupt line for devices that take any.</param>
internal sealed record MachineSpace(bool HasPorts, ulong FirstMmioAddress, ulong LastMmioAddress, int FirstFreeLine)
{
    /// <summary>A PC: below its interrupt controllers, and beyond ISA's sixteen lines.</summary>
    public static MachineSpace Pc { get; } = new(true, 0xE000_0000, 0xFEBF_FFFF, 16);

    /// <summary>An arm64 machine: from where QEMU's "virt" has its serial port, up to RAM.</summary>
    public static MachineSpace Arm64 { get; } = new(false, 0x0900_0000, Arm64RamLayout.Start - 1, 0);
}
