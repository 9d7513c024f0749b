using System.Globalization;
using HvSdk.Boot;
using HvSdk.Devices.Emulated;
using HvSdk.VirtualMachines;

namespace HvSdk.Benchmarks.Boot;

/// <summary>A machine in words, name=value: what the boot program is told on its command line, and the benchmark itself.</summary>
internal sealed class GuestRecipe
{
    public const ulong DefaultMemory = 512UL << 20;

    /// <summary>The line that the guest's init prints first of all.</summary>
    public const string UserspaceMark = "HVSDK-USERSPACE";

    private readonly Dictionary<string, string> _values;

    private GuestRecipe(Dictionary<string, string> values) => _values = values;

    public ulong Memory => _values.TryGetValue("memory", out string? mebibytes) ? ulong.Parse(mebibytes, CultureInfo.InvariantCulture) << 20 : DefaultMemory;

    public static GuestRecipe Parse(IEnumerable<string> words)
    {
        var values = new Dictionary<string, string>();
        foreach (string word in words)
        {
            int equals = word.IndexOf('=', StringComparison.Ordinal);
            values[equals < 0 ? word : word[..equals]] = equals < 0 ? "on" : word[(equals + 1)..];
        }

        return new GuestRecipe(values);
    }

    public string? Find(string name) => _values.GetValueOrDefault(name);

    public bool Has(string name) => Find(name) is not (null or "off");

    /// <summary>Describes the machine.</summary>
    public VirtualMachineBuilder CreateBuilder(Hypervisor hypervisor, SerialPort16550A console)
    {
        VirtualMachineBuilder builder = VirtualMachine.CreateBuilder(hypervisor)
            .WithName("guest")
            .ConfigureMemory(Configure)
            .WithProcessors(Find("cpus") is { } count ? int.Parse(count, CultureInfo.InvariantCulture) : 1)
            .ConfigureBoard(Configure)
            .Boot(OpenImage)
            .AddDevice(console, "console")
            .CountAccesses(Has("accesses"));
        return Has("keyboard") ? builder.AddDevice(new KeyboardController8042(), "keyboard controller") : builder;
    }

    private void Configure(MemoryOptions memory)
    {
        memory.Size = Memory;
        memory.Populate = Has("populate");
        if (Find("huge") is { } huge)
        {
            memory.HugePages = Enum.Parse<HugePages>(huge);
        }
    }

    private void Configure(BoardOptions board)
    {
        board.Chips = Has("split") ? ChipPlacement.Split : ChipPlacement.Automatic;
        board.IntervalTimer = Find("pit") is null ? null : Has("pit");
        board.Acpi = Find("acpi") != "off";
        board.CmosClock = Find("cmos") != "off";
        board.MultiprocessorTable = Has("mptable");
        board.Smbios = Find("smbios") == "off" ? null : board.Smbios;
    }

    private LinuxImage OpenImage()
    {
        var options = new LinuxBootOptions
        {
            CommandLine = Find("append") ?? "",
            InitialRamDisk = Find("initrd") is { } initrd ? BootFile.Open(initrd) : null,
            Unpacking = Has("unpack-in-guest") ? KernelUnpacking.InGuest : KernelUnpacking.Auto,
        };
        BootFile kernel = BootFile.Open(Find("kernel") ?? throw new ArgumentException("kernel=FILE is missing."));
        return Find("format") switch
        {
            "pvh" => LinuxImage.ReadElf(kernel, LinuxElfEntry.Pvh, options),
            "elf" => LinuxImage.ReadElf(kernel, LinuxElfEntry.Bits64, options),
            _ => LinuxImage.ReadBzImage(kernel, options),
        };
    }
}
