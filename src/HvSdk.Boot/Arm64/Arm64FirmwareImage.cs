namespace HvSdk.Boot;

/// <summary>A firmware for arm64: a ROM at 0, where the first processor starts; it finds the device tree at the start of RAM, and in X0. U-Boot for QEMU's machine "virt" is one.</summary>
/// <remarks>
/// At 64 MiB, where that machine has its second flash, lie <see cref="VariablesSize"/> bytes as erased flash reads, all ones. They cannot be written: a firmware that keeps its
/// variables there finds none, and keeps none.
/// </remarks>
public sealed class Arm64FirmwareImage : Arm64BootImage
{
    /// <summary>As much of the second flash as U-Boot reads: its environment (CONFIG_ENV_SIZE).</summary>
    public const int VariablesSize = 256 << 10;

    private const ulong VariablesAddress = 0x0400_0000;

    /// <summary>As much as QEMU's "virt" has for its first flash.</summary>
    private const long MaxSize = 64 << 20;

    /// <summary>Regions are made of pages, which hosts have of up to 64 KiB.</summary>
    private const ulong RegionAlignment = 64 << 10;

    private const ulong RomAddress = 0;

    private readonly BootFile _file;

    private Arm64FirmwareImage(BootFile file)
        : base([file])
    {
        _file = file;
        Regions =
        [
            new BootRegion(RomAddress, ((ulong)file.Length + RegionAlignment - 1) & ~(RegionAlignment - 1), MemoryAccess.ReadOnly, "firmware"),
            new BootRegion(VariablesAddress, VariablesSize, MemoryAccess.ReadOnly, "firmware variables"),
        ];
    }

    /// <inheritdoc/>
    public override string Format => $"arm64 firmware, {BootPlacement.Words((ulong)_file.Length)}";

    /// <inheritdoc/>
    public override IReadOnlyList<BootRegion> Regions { get; }

    /// <summary>Takes a firmware.</summary>
    /// <param name="file">The bytes. The image closes the file; where this method throws, it stays the caller's.</param>
    /// <exception cref="BootImageException">Its size is none of a firmware.</exception>
    public static Arm64FirmwareImage Read(BootFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        return file.Length is 0 or > MaxSize
            ? throw new BootImageException(file.Name, "length", 0, $"0x{file.Length:X} bytes", $"1 byte to {MaxSize >> 20} MiB")
            : new Arm64FirmwareImage(file);
    }

    private protected override Func<BootWriter, BootState> Plan(BootPlacement placement)
    {
        if (placement.Machine.MemoryMap.Any(entry => entry is { Kind: MemoryMapKind.Usable, Size: > 0 } && entry.Address < VariablesAddress + VariablesSize))
        {
            placement.Problems.Add(
                $"The firmware's ROM and variables lie in {BootPlacement.Describe(RomAddress, VariablesAddress + VariablesSize)}, and the machine has RAM there. Begin its RAM above.");
        }

        if (CopyTree(placement) is not { } tree)
        {
            return static _ => throw new InvalidOperationException();
        }

        byte[] blob = Flatten(tree, placement);
        ulong treeAddress = placement.Allocate("the device tree", (ulong)int.Max(blob.Length, 1), BootPlacement.PageSize, 0, ulong.MaxValue);
        return writer =>
        {
            writer.Copy("loading the firmware", _file, 0, RomAddress, _file.Length);
            writer.Fill(VariablesAddress, VariablesSize, this, static (span, _) => span.Fill(0xFF));
            writer.Write(treeAddress, blob);
            return Arm64BootState.Enter(RomAddress, treeAddress);
        };
    }
}
