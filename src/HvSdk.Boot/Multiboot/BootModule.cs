namespace HvSdk.Boot;

/// <summary>A file that a boot loader puts into memory beside a multiboot kernel.</summary>
/// <param name="File">The bytes. The image closes it.</param>
/// <param name="CommandLine">What the kernel is told of it: its name, by custom.</param>
public sealed record BootModule(BootFile File, string CommandLine = "");
