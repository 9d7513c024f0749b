using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using HvSdk.Boot;
using HvSdk.VirtualMachines;

namespace HvSdk.Samples.BootGuest;

/// <summary>What the command line asks for.</summary>
internal sealed record GuestOptions
{
    private const ulong DefaultMemory = 512 << 20;

    public required GuestFormat Format { get; init; }

    public required string Kernel { get; init; }

    public string? InitialRamDisk { get; init; }

    public IReadOnlyList<string> Modules { get; init; } = [];

    public string CommandLine { get; init; } = "";

    public ulong Memory { get; init; } = DefaultMemory;

    public int Processors { get; init; } = 1;

    public ChipPlacement Chips { get; init; }

    public IReadOnlyList<string> Disks { get; init; } = [];

    public IReadOnlyList<string> Networks { get; init; } = [];

    public IReadOnlyList<string> Shares { get; init; } = [];

    public string? Vsock { get; init; }

    /// <summary>Null: as is usual where the guest runs.</summary>
    public VirtioTransport? Transport { get; init; }

    public string? HvfLibrary { get; init; }

    public bool HasDebugExit { get; init; }

    public bool ShowsStatistics { get; init; }

    /// <summary>Opens what is to boot; the machine closes it.</summary>
    public BootImage OpenImage(GuestArchitecture architecture)
    {
        bool isArm64 = architecture == GuestArchitecture.Arm64;
        BootFile kernel = BootFile.Open(Kernel);
        var linux = new LinuxBootOptions { CommandLine = CommandLine, InitialRamDisk = InitialRamDisk is null ? null : BootFile.Open(InitialRamDisk) };
        var multiboot = new MultibootOptions { CommandLine = CommandLine, Modules = [.. Modules.Select(static path => new BootModule(BootFile.Open(path), Path.GetFileName(path)))] };
        return Format switch
        {
            GuestFormat.BzImage when isArm64 => Arm64LinuxImage.Read(kernel, linux),
            GuestFormat.Firmware when isArm64 => Arm64FirmwareImage.Read(kernel),
            GuestFormat.BzImage => LinuxImage.ReadBzImage(kernel, linux),
            GuestFormat.Elf => LinuxImage.ReadElf(kernel, LinuxElfEntry.Bits64, linux),
            GuestFormat.Pvh => LinuxImage.ReadElf(kernel, LinuxElfEntry.Pvh, linux),
            GuestFormat.Multiboot => MultibootImage.ReadMultiboot1(kernel, multiboot),
            GuestFormat.Multiboot2 => MultibootImage.ReadMultiboot2(kernel, multiboot),
            GuestFormat.Flat => FlatImage.Read(kernel, new FlatImageOptions { Mode = FlatImageMode.Real, LoadAddress = 0x7C00 }),
            _ => FirmwareImage.Read(kernel),
        };
    }

    /// <summary>Reads the command line and boots; says how to get a kernel where there is nothing to boot.</summary>
    public static Task<int> RunAsync(string[] args, Func<GuestOptions, CancellationToken, Task<int>> boot)
    {
        var format = new Option<GuestFormat>("--format") { Description = "What the kernel is; bzImage stands for Linux as distributions install it, on arm64 too.", DefaultValueFactory = static _ => GuestFormat.BzImage };
        var kernel = new Option<string?>("--kernel") { Description = "The kernel, or image." };
        var initrd = new Option<string?>("--initrd") { Description = "Its initial RAM disk (Linux)." };
        var modules = new Option<string[]>("--module") { Description = "A module (multiboot); may be repeated." };
        var append = new Option<string>("--append") { Description = "The kernel's command line.", DefaultValueFactory = static _ => "" };
        var memory = new Option<ulong>("--memory") { Description = "RAM, such as 512M or 6G.", DefaultValueFactory = static _ => DefaultMemory, CustomParser = ParseSize };
        var cpus = new Option<int>("--cpus") { Description = "Processors.", DefaultValueFactory = static _ => 1 };
        var chips = new Option<GuestChips>("--chips") { Description = "Who keeps the I/O APIC, PIC and PIT, or the GIC: the host's kernel, or this process (split).", DefaultValueFactory = static _ => GuestChips.Kernel };
        var disks = new Option<string[]>("--disk") { Description = "A raw disk image, FILE or FILE,ro; may be repeated: /dev/vda, /dev/vdb..." };
        var networks = new Option<string[]>("--net") { Description = "An Ethernet card, passt:SOCKET or tap:NAME; may be repeated." };
        var shares = new Option<string[]>("--share") { Description = "A folder, TAG=DIR or TAG=DIR,ro; may be repeated: mount -t virtiofs TAG /mnt" };
        var vsock = new Option<string?>("--vsock") { Description = "Sockets to the host: CID, or CID,PORT=HOST:PORT for a port of the host's that leads to a TCP service." };
        var transport = new Option<VirtioTransport?>("--transport") { Description = "How the guest reaches these devices; PCI where nothing is said, on arm64 MMIO." };
        var hvf = new Option<string?>("--hvf") { Description = "A library with the functions of Apple's Hypervisor.framework, to run arm64 guests with." };
        var debugExit = new Option<bool>("--debug-exit") { Description = "A port 0xF4 by which the guest ends with a code." };
        var statistics = new Option<bool>("--stats") { Description = "Print exits by kind and times at the end." };
        var command = new RootCommand("Boots a guest on this terminal. Ctrl-A X leaves.")
        {
            format, kernel, initrd, modules, append, memory, cpus, chips,
            disks, networks, shares, vsock,
            transport, debugExit, statistics, hvf,
        };
        command.SetAction((result, cancellationToken) =>
        {
            if (result.GetValue(kernel) is not { } path)
            {
                Console.Error.WriteLine(KernelAdvice.Text);
                return Task.FromResult(GuestExitCode.CannotRun);
            }

            return boot(
                new GuestOptions
                {
                    Format = result.GetValue(format),
                    Kernel = path,
                    InitialRamDisk = result.GetValue(initrd),
                    Modules = result.GetValue(modules) ?? [],
                    CommandLine = result.GetValue(append) ?? "",
                    Memory = result.GetValue(memory),
                    Processors = result.GetValue(cpus),
                    Chips = result.GetValue(chips) == GuestChips.Split ? ChipPlacement.Split : ChipPlacement.Host,
                    Disks = result.GetValue(disks) ?? [],
                    Networks = result.GetValue(networks) ?? [],
                    Shares = result.GetValue(shares) ?? [],
                    Vsock = result.GetValue(vsock),
                    Transport = result.GetValue(transport),
                    HvfLibrary = result.GetValue(hvf),
                    HasDebugExit = result.GetValue(debugExit),
                    ShowsStatistics = result.GetValue(statistics),
                },
                cancellationToken);
        });
        return command.Parse(args).InvokeAsync();
    }

    private static ulong ParseSize(ArgumentResult result)
    {
        string text = result.Tokens.Count == 0 ? "" : result.Tokens[0].Value;
        int shift = text.Length == 0 ? 0 : char.ToUpperInvariant(text[^1]) switch { 'K' => 10, 'M' => 20, 'G' => 30, 'T' => 40, _ => 0 };
        ReadOnlySpan<char> digits = shift == 0 ? text : text.AsSpan(0, text.Length - 1);
        if (ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number) && number <= ulong.MaxValue >> shift)
        {
            return number << shift;
        }

        result.AddError($"'{text}' is no size. Write bytes, or a number with K, M, G or T: 512M.");
        return 0;
    }
}

/// <summary>What can be booted.</summary>
internal enum GuestFormat
{
    BzImage,
    Elf,
    Pvh,
    Multiboot,
    Multiboot2,
    Flat,
    Firmware,
}

/// <summary>Who keeps the chips that processors share.</summary>
internal enum GuestChips
{
    Kernel,
    Split,
}
