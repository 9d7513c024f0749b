using System.Globalization;
using HvSdk.VirtualMachines;

namespace HvSdk.Benchmarks.Boot;

/// <summary>Exits that a guest takes to its userspace, by kind and by place, on our board and on others.</summary>
internal sealed class BootExits(Hypervisor hypervisor, BootFiles files)
{
    private const int Places = 12;

    private static readonly (string Name, string Format, string[] Words)[] s_boards =
    [
        ("default", "elf", []),
        ("keyboard", "elf", ["keyboard=on"]),
        ("pit", "elf", ["pit=on"]),
        ("split", "elf", ["split=on"]),
        ("split-pit", "elf", ["split=on", "pit=on"]),
        ("no-cmos", "elf", ["cmos=off"]),
        ("no-acpi", "elf", ["acpi=off"]),
        ("pvh", "pvh", []),
        ("bzimage", "bzimage", []),
        ("bzimage-in-guest", "bzimage", ["unpack-in-guest=on"]),
    ];

    public IEnumerable<Result> Run()
    {
        foreach ((string name, string format, string[] words) in s_boards)
        {
            GuestRecipe recipe = GuestRecipe.Parse([.. files.Recipe(format), .. words, "accesses=on", $"append={BootBenchmark.CommandLine}"]);
            MachineStatistics? statistics = null;
            TimeSpan? time = null;
            for (int attempt = 0; attempt < 3 && time is null; attempt++)
            {
                using var guest = new BootedGuest(hypervisor, recipe);
                time = guest.Boot();
                statistics = guest.Machine.GetStatistics();
            }

            yield return new Result($"boot-exits-{name}", statistics!.Exits, "exits", Relation.Shown, 0, $"{Describe(time)}; {Kinds(statistics)}; {PlacesOf(statistics)}");
        }
    }

    private static string Describe(TimeSpan? time) =>
        time is { } value ? string.Create(CultureInfo.InvariantCulture, $"{value.TotalMilliseconds:F0} ms") : "stalled three times, the exits are those until then";

    private static string Kinds(MachineStatistics statistics) => string.Join(", ", Enum.GetValues<VcpuExitKind>()
        .Where(kind => statistics.ExitsOf(kind) > 0)
        .Select(kind => $"{kind} {statistics.ExitsOf(kind)}"));

    private static string PlacesOf(MachineStatistics statistics) => string.Join(", ", statistics.Accesses.Take(Places)
        .Select(static access => $"{(access.Space == BusSpace.Ports ? "port" : "page")} 0x{access.Address:X} {access.Count}"));
}
