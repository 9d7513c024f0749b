using HvSdk.Boot;
using HvSdk.Devices;
using HvSdk.Devices.Virtio;
using HvSdk.VirtualMachines;

namespace HvSdk.Linux.Tests.Guests;

/// <summary>The machine that a guest gets, and what boots in it. What is not said is what most tests want.</summary>
internal sealed record GuestDescription
{
    public const int MiB = 1 << 20;

    public GuestKernel Kernel { get; init; }

    public KernelForm Form { get; init; }

    public int Processors { get; init; } = 1;

    public ulong Memory { get; init; } = 256 * MiB;

    public ChipPlacement Chips { get; init; } = ChipPlacement.Host;

    /// <summary>Whether the machine has an 8254; null: as it is by default.</summary>
    public bool? IntervalTimer { get; init; }

    /// <summary>What the guest does (tests/guests/README.md), one after another; null: a shell.</summary>
    public string? Actions { get; init; }

    /// <summary>What else is on the kernel's command line.</summary>
    public string Arguments { get; init; } = "";

    public bool HasKeyboardController { get; init; } = true;

    public bool HasResetControl { get; init; } = true;

    public bool HasPanicNotifier { get; init; } = true;

    /// <summary>Makes the devices that join; called anew where a boot is tried once more.</summary>
    public Func<IReadOnlyList<IPlatformDevice>> Devices { get; init; } = static () => [];

    /// <summary>Makes the paravirtual devices that join, on <see cref="Transport"/>.</summary>
    public Func<IReadOnlyList<VirtioDevice>> VirtioDevices { get; init; } = static () => [];

    /// <summary>Where they go.</summary>
    public VirtioTransport Transport { get; init; }

    /// <summary>Makes the devices that join the PCI bus, likewise.</summary>
    public Func<IReadOnlyList<IPciDevice>> PciDevices { get; init; } = static () => [];

    /// <summary>Boots this instead of one of the kernels.</summary>
    public Func<string, BootImage>? Image { get; init; }

    /// <summary>Nothing on the console that was not asked for, and no tests of ciphers: each would take half of a boot's time.</summary>
    public string CommandLine =>
        string.Join(' ', ((string[])["console=ttyS0 quiet cryptomgr.notests", Arguments, Actions is null ? "" : $"hvsdk={Actions}"]).Where(static part => part.Length > 0));

    public BootImage Open() => Image?.Invoke(CommandLine) ?? GuestFiles.Open(Kernel, Form, CommandLine);

    public override string ToString() => $"{Kernel} kernel, {Form}, {Processors} processors, {Memory / MiB} MiB, chips {Chips}, virtio on {Transport}, {CommandLine}";
}
