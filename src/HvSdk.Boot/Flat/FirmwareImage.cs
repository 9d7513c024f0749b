namespace HvSdk.Boot;

/// <summary>A firmware: a ROM that ends at 4 GiB, where the processor starts after reset. Its end is also seen, as RAM, below 1 MiB.</summary>
public sealed class FirmwareImage : X64BootImage
{
    /// <summary>More would cover the local APIC (Intel SDM vol. 3A, 11.4.1: 0xFEE00000).</summary>
    private const long MaxSize = 16 << 20;

    private const ulong ShadowStart = 0xC_0000; // option ROMs; from 0xE0000 on the firmware itself
    private const ulong ShadowEnd = 0x10_0000;

    /// <summary>
    /// A PC shows the last 128 KiB, and a firmware has its chipset copy the rest. Here is no chipset that it could ask: all that has room is there.
    /// </summary>
    private const long MaxShadowCopy = (long)(ShadowEnd - ShadowStart);
    private const ulong ResetVector = 0xFFF0; // in CS, whose base is 0xFFFF0000 (Intel SDM vol. 3A, 10.1.4)

    private readonly BootFile _file;

    private FirmwareImage(BootFile file)
        : base([file])
    {
        _file = file;
        Regions =
        [
            new BootRegion(RomAddress, (ulong)file.Length, MemoryAccess.ReadOnly, "firmware"),
            new BootRegion(ShadowStart, ShadowEnd - ShadowStart, MemoryAccess.ReadWrite, "firmware shadow"),
        ];
    }

    /// <inheritdoc/>
    public override string Format => $"Firmware, {BootPlacement.Words((ulong)_file.Length)}";

    /// <inheritdoc/>
    public override IReadOnlyList<BootRegion> Regions { get; }

    private ulong RomAddress => BootPlacement.FourGiB - (ulong)_file.Length;

    /// <summary>Takes a firmware: SeaBIOS, OVMF, coreboot, one's own.</summary>
    /// <param name="file">The bytes. The image closes the file; where this method throws, it stays the caller's.</param>
    /// <exception cref="BootImageException">Its size is none of a firmware.</exception>
    public static FirmwareImage Read(BootFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        return file.Length is 0 or > MaxSize || file.Length % (long)BootPlacement.PageSize != 0
            ? throw new BootImageException(file.Name, "length", 0, $"0x{file.Length:X} bytes", $"a multiple of 4 KiB from 4 KiB to {MaxSize >> 20} MiB")
            : new FirmwareImage(file);
    }

    private protected override Func<BootWriter, BootState> Plan(BootPlacement placement)
    {
        foreach (MemoryMapEntry entry in placement.Machine.MemoryMap)
        {
            if (entry.Kind == MemoryMapKind.Usable && entry.Address < BootPlacement.FourGiB && entry.Size > 0
                && (entry.Size > ulong.MaxValue - entry.Address || entry.Address + entry.Size > RomAddress))
            {
                placement.Problems.Add(
                    $"The firmware's ROM goes to {BootPlacement.Describe(RomAddress, (ulong)_file.Length)}, and the machine has RAM there. End its RAM below, and go on above 4 GiB.");
            }
        }

        return writer =>
        {
            writer.Copy("loading the firmware", _file, 0, RomAddress, _file.Length);
            long shadow = long.Min(_file.Length, MaxShadowCopy);
            writer.Copy("loading the firmware", _file, _file.Length - shadow, ShadowEnd - (ulong)shadow, shadow);
            return new X64BootState { Registers = new X64Registers { Rip = ResetVector, Rflags = X64Flags.Reserved1 } };
        };
    }
}
