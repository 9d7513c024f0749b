namespace HvSdk.Benchmarks.Boot;

/// <summary>A program that boots the guest, and how it is called.</summary>
/// <param name="Name">Its name in the output.</param>
/// <param name="Program">Its file.</param>
/// <param name="Arguments">How it is called, but for the kernel's command line.</param>
/// <param name="WithCommandLine">Adds that.</param>
internal sealed record BootContender(string Name, string Program, IReadOnlyList<string> Arguments, Func<string, IEnumerable<string>> WithCommandLine)
{
    /// <summary>Guest RAM of all contenders.</summary>
    public const int MemoryMebibytes = 512;

    /// <summary>QEMU as it is called where a boot should be fast: no device beside the board's own but the serial port.</summary>
    public static BootContender Qemu(string name, string program, string machine, string kernel, string initrd) => new(
        name,
        program,
        [
            "-M", machine, "-accel", "kvm", "-cpu", "host", "-m", $"{MemoryMebibytes}", "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-serial", "stdio",
            "-kernel", kernel, "-initrd", initrd,
        ],
        static commandLine => ["-append", commandLine]);

    /// <summary>Ours.</summary>
    public static BootContender Ours(string name, string program, string format, string kernel, string initrd, params IEnumerable<string> more) => new(
        name,
        program,
        [$"format={format}", $"kernel={kernel}", $"initrd={initrd}", $"memory={MemoryMebibytes}", .. more],
        static commandLine => [$"append={commandLine}"]);
}
