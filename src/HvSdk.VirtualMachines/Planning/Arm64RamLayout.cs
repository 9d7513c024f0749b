using HvSdk.Boot;

namespace HvSdk.VirtualMachines;

/// <summary>The RAM of an arm64 machine: one range from 1 GiB on, as QEMU's machine "virt" has it, which boot loaders expect. Below lie ROM and devices.</summary>
internal sealed class Arm64RamLayout : RamLayout
{
    public const ulong Start = 1UL << 30;

    private Arm64RamLayout(ulong end)
        : base(Start, end)
    {
    }

    /// <summary>A kernel begins at the start of RAM.</summary>
    protected override ulong ReservationFloor => Start + MinSize;

    public static Arm64RamLayout Create(ulong size, ulong limit, HypervisorCapabilities capabilities, List<string> problems)
    {
        if (size > limit - Start)
        {
            problems.Add(
                $"{nameof(MemoryOptions)}.{nameof(MemoryOptions.Size)} is 0x{size:X} bytes, and guest addresses have {capabilities.GuestPhysicalAddressBits} bits here, of which RAM begins at 1 GiB. Give the machine less.");
            size = MinSize;
        }

        return new Arm64RamLayout(Start + size);
    }

    protected override bool CanGiveWay(ulong first, ulong last) => false;

    protected override IEnumerable<MemoryMapEntry> MapStart(ulong start, ulong usableEnd) => [new(start, usableEnd - start, MemoryMapKind.Usable)];
}
