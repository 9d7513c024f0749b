namespace HvSdk.Boot;

/// <summary>What a Linux kernel is given.</summary>
public sealed record LinuxBootOptions
{
    /// <summary>The command line: "console=ttyS0 quiet".</summary>
    public string CommandLine { get; init; } = "";

    /// <summary>The initial RAM disk (initrd, initramfs), or null: none. The image closes it.</summary>
    public BootFile? InitialRamDisk { get; init; }

    /// <summary>Who unpacks the kernel in a bzImage. An ELF kernel is unpacked already.</summary>
    public KernelUnpacking Unpacking { get; init; }

    /// <summary>Checks what a caller gives a kernel.</summary>
    internal static LinuxBootOptions Validate(BootFile kernel, LinuxBootOptions? options)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        options ??= new LinuxBootOptions();
        ArgumentNullException.ThrowIfNull(options.CommandLine, nameof(options));
        if (options.CommandLine.Contains('\0'))
        {
            throw new ArgumentException("The command line has a zero character in it, where the kernel would see its end.", nameof(options));
        }

        if (!Enum.IsDefined(options.Unpacking))
        {
            throw new ArgumentOutOfRangeException(nameof(options), options.Unpacking, $"{options.Unpacking} is no member of {nameof(KernelUnpacking)}.");
        }

        return options.InitialRamDisk is { Length: 0 } empty
            ? throw new BootImageException(empty.Name, "length", 0, "0: the file is empty", "an initial RAM disk")
            : options;
    }
}
