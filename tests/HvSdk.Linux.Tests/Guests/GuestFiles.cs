using HvSdk.Boot;
using HvSdk.Live;

namespace HvSdk.Linux.Tests.Guests;

/// <summary>The files that tests/guests/build.sh makes: kernels, each with an initrd. HVSDK_GUESTS names their folder.</summary>
internal static class GuestFiles
{
    private const string Variable = "HVSDK_GUESTS";
    private const string Tier = "guests";

    /// <summary>The path of a guest's file, or skips the test where there are no guests.</summary>
    /// <param name="kernel">The guest.</param>
    /// <param name="name">vmlinuz, vmlinux or initrd.</param>
    public static string PathOf(GuestKernel kernel, string name)
    {
        string? folder = Environment.GetEnvironmentVariable(Variable);
        if (string.IsNullOrEmpty(folder))
        {
            LiveHypervisor.SkipOrFail(
                Tier,
                $"{Variable} names no folder with the guests of tests/guests. These tests run inside the nested machine (tests/HvSdk.Nested.Tests), where KVM can run a whole kernel.");
        }

        string path = Path.Combine(folder!, kernel == GuestKernel.Cloud ? "cloud" : "standard", name);
        if (!File.Exists(path))
        {
            LiveHypervisor.SkipOrFail(Tier, $"There is no {path}. Run tests/guests/build.sh.");
        }

        return path;
    }

    /// <summary>Opens a kernel with its initrd.</summary>
    public static LinuxImage Open(GuestKernel kernel, KernelForm form, string commandLine)
    {
        var options = new LinuxBootOptions
        {
            CommandLine = commandLine,
            InitialRamDisk = BootFile.Open(PathOf(kernel, "initrd")),
            Unpacking = form == KernelForm.BzImageUnpackingItself ? KernelUnpacking.InGuest : KernelUnpacking.Auto,
        };
        return form switch
        {
            KernelForm.Pvh => LinuxImage.ReadElf(BootFile.Open(PathOf(kernel, "vmlinux")), LinuxElfEntry.Pvh, options),
            KernelForm.Elf64 => LinuxImage.ReadElf(BootFile.Open(PathOf(kernel, "vmlinux")), LinuxElfEntry.Bits64, options),
            _ => LinuxImage.ReadBzImage(BootFile.Open(PathOf(kernel, "vmlinuz")), options),
        };
    }
}
