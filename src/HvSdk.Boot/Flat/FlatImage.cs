namespace HvSdk.Boot;

/// <summary>Bytes that are loaded as they are, to an address of the caller's, and run in a mode of the caller's.</summary>
/// <remarks>
/// Interrupts are off, and the general-purpose registers zero but for the stack pointer: each image starts with a stack of nearly 4 KiB. Stack, GDT
/// and page tables lie below 0x90000 (in real mode, the stack below 0xA0000) where the image is not, or above 1 MiB where there is no room. In real
/// mode CS is 0 for entries below 64 KiB, and else the entry's own address by 16; the data segments are the same as CS.
/// </remarks>
public sealed class FlatImage : X64BootImage
{
    private const ulong RealModeEnd = 0x10_0000;

    private readonly BootFile _file;
    private readonly FlatImageOptions _options;

    private FlatImage(BootFile file, FlatImageOptions options)
        : base([file])
    {
        _file = file;
        _options = options;
    }

    /// <inheritdoc/>
    public override string Format => $"Flat image, {_options.Mode switch
    {
        FlatImageMode.Real => "real mode",
        FlatImageMode.Protected => "32-bit protected mode",
        _ => "64-bit mode",
    }}";

    /// <summary>Takes an image.</summary>
    /// <param name="file">The bytes. The image closes the file; where this method throws, it stays the caller's.</param>
    /// <param name="options">Where it goes and how it starts.</param>
    /// <exception cref="BootImageException">The file is empty.</exception>
    /// <exception cref="ArgumentException">The addresses do not go with the mode, or the entry lies outside of the image.</exception>
    public static FlatImage Read(BootFile file, FlatImageOptions options)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(options);
        if (!Enum.IsDefined(options.Mode))
        {
            throw new ArgumentOutOfRangeException(nameof(options), options.Mode, $"{options.Mode} is no member of {nameof(FlatImageMode)}.");
        }

        if (file.Length == 0)
        {
            throw new BootImageException(file.Name, "length", 0, "0: the file is empty", "an image");
        }

        ulong entry = options.EntryPoint ?? options.LoadAddress;
        if (entry < options.LoadAddress || entry - options.LoadAddress >= (ulong)file.Length)
        {
            throw new ArgumentException(
                $"{nameof(options.EntryPoint)} 0x{entry:X} lies outside of the image: {BootPlacement.Describe(options.LoadAddress, (ulong)file.Length)}.", nameof(options));
        }

        ulong end = options.Mode switch { FlatImageMode.Real => RealModeEnd, FlatImageMode.Protected => BootPlacement.FourGiB, _ => ulong.MaxValue };
        return entry >= end
            ? throw new ArgumentException($"{nameof(options.EntryPoint)} 0x{entry:X} is not below 0x{end:X}, where {options.Mode} mode ends.", nameof(options))
            : new FlatImage(file, options);
    }

    private protected override Func<BootWriter, BootState> Plan(BootPlacement placement)
    {
        ulong entry = _options.EntryPoint ?? _options.LoadAddress;
        placement.Reserve("the image", _options.LoadAddress, (ulong)_file.Length);
        ushort codeSegment = (ushort)(entry < 0x1_0000 ? 0 : entry >> 4);
        Func<BootWriter, X64Registers, X64BootState> enter = _options.Mode switch
        {
            FlatImageMode.Real => X64Entry.Real(placement, codeSegment),
            FlatImageMode.Protected => X64Entry.Protected(placement),
            _ => X64Entry.Long(placement, _options.LoadAddress, (ulong)_file.Length),
        };
        ulong rip = _options.Mode == FlatImageMode.Real ? entry - ((ulong)codeSegment << 4) : entry;
        return writer =>
        {
            writer.Copy("loading the image", _file, 0, _options.LoadAddress, _file.Length);
            return enter(writer, new X64Registers { Rip = rip });
        };
    }
}
