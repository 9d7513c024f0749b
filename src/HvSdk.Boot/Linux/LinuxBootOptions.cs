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
}
