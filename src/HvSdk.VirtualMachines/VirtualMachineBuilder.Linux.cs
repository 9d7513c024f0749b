using HvSdk.Boot;

namespace HvSdk.VirtualMachines;

/// <content>The image that most machines boot.</content>
public sealed partial class VirtualMachineBuilder
{
    /// <summary>Boots a Linux kernel as distributions install it, /boot/vmlinuz-...: a bzImage (x64), an Image or Image.gz (arm64). For all other images, <see cref="Boot"/>.</summary>
    /// <param name="kernel">The path of the kernel.</param>
    /// <param name="initialRamDisk">The path of the initial RAM disk, or null: none.</param>
    /// <param name="commandLine">The kernel's command line.</param>
    public VirtualMachineBuilder BootLinux(string kernel, string? initialRamDisk = null, string commandLine = "")
    {
        ArgumentException.ThrowIfNullOrEmpty(kernel);
        ArgumentNullException.ThrowIfNull(commandLine);
        return Boot(() => OpenLinux(kernel, initialRamDisk, commandLine));
    }

    private BootImage OpenLinux(string kernel, string? initialRamDisk, string commandLine)
    {
        BootFile? kernelFile = null;
        BootFile? initrdFile = null;
        try
        {
            kernelFile = BootFile.Open(kernel);
            initrdFile = initialRamDisk is null ? null : BootFile.Open(initialRamDisk);
            var options = new LinuxBootOptions { CommandLine = commandLine, InitialRamDisk = initrdFile };
            return IsArm64 ? Arm64LinuxImage.Read(kernelFile, options) : LinuxImage.ReadBzImage(kernelFile, options);
        }
        catch
        {
            kernelFile?.Dispose();
            initrdFile?.Dispose();
            throw;
        }
    }
}
