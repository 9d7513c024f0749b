namespace HvSdk.Benchmarks.Boot;

/// <summary>Where the guest, QEMU and our own program lie.</summary>
/// <param name="Guest">A folder as tests/guests/build.sh makes it: vmlinuz, vmlinux, initrd.</param>
/// <param name="Program">A folder with published boot programs, each in a folder of its own.</param>
/// <param name="Qemu">The folder of QEMU's programs.</param>
internal sealed record BootFiles(string Guest, string Program, string Qemu)
{
    private const string Format = "pvh"; // as QEMU's microvm enters it

    private string Kernel => Path.Combine(Guest, "vmlinux");

    private string BzImage => Path.Combine(Guest, "vmlinuz");

    private string Initrd => Path.Combine(Guest, "initrd");

    public IReadOnlyList<BootContender> Qemus
    {
        get
        {
            string program = Path.Combine(Qemu, "qemu-system-x86_64");
            string small = Path.Combine(Qemu, "qemu-system-x86_64-microvm"); // Debian's second build, with little else in it
            return
            [
                BootContender.Qemu("qemu-pc", program, "pc", BzImage, Initrd),
                BootContender.Qemu("qemu-microvm", program, "microvm", Kernel, Initrd),
                BootContender.Qemu("qemu-microvm-bare", program, "microvm,pit=off,pic=off,rtc=on", Kernel, Initrd),
                .. File.Exists(small) ? [BootContender.Qemu("qemu-small-microvm-bare", small, "microvm,pit=off,pic=off,rtc=on", Kernel, Initrd)] : (BootContender[])[],
            ];
        }
    }

    public IReadOnlyList<BootContender> Ours =>
    [
        .. Directory.GetDirectories(Program).Order(StringComparer.Ordinal)
            .Select(folder => BootContender.Ours(Path.GetFileName(folder), Path.Combine(folder, "boot"), Format, KernelOf(Format), Initrd)),
    ];

    /// <summary>The contender that starts fastest: native code where it could be made.</summary>
    public BootContender Fastest => Ours.FirstOrDefault(static contender => contender.Name == "native") ?? Ours[0];

    /// <summary>A machine in this process.</summary>
    public IEnumerable<string> Recipe(string format) => [$"format={format}", $"kernel={KernelOf(format)}", $"initrd={Initrd}", $"memory={BootContender.MemoryMebibytes}"];

    private string KernelOf(string format) => format == "bzimage" ? BzImage : Kernel;
}
