using System.Globalization;
using HvSdk.Devices.Emulated;

namespace HvSdk.Benchmarks.Boot;

/// <summary>Process to userspace, and a further machine to userspace, beside QEMU; in rounds in which each has its turn.</summary>
internal sealed class BootBenchmark(Hypervisor hypervisor, BootFiles files, bool quick)
{
    /// <summary>What all guests are told.</summary>
    public const string CommandLine = "console=ttyS0 quiet hvsdk=idle";

    private readonly int _rounds = quick ? 3 : 5;
    private readonly List<double> _starts = [];

    /// <summary>Who takes part, QEMU first.</summary>
    public IReadOnlyList<BootContender> Contenders => [.. files.Qemus, .. files.Ours];

    public IEnumerable<Result> Run()
    {
        List<Series> processes = [.. Contenders.Select(static contender => new Series(contender.Name))];
        var warm = new Series[] { new("pvh"), new("bzimage") };
        int stalls = 0;
        for (int round = -1; round < _rounds; round++)
        {
            // The first round brings everything into the system's cache and does not count. Every other round goes backwards.
            List<Action> turns = [];
            for (int i = 0; i < processes.Count; i++)
            {
                (Series series, BootContender contender) = (processes[i], Contenders[i]);
                turns.Add(() => Take(series, () => MeasureProcess(contender)));
            }

            turns.AddRange(warm.Select<Series, Action>(series => () => Take(series, () => MeasureWarm(series.Name))));
            if (round % 2 == 0)
            {
                turns.Reverse();
            }

            turns.ForEach(static turn => turn());
            void Take(Series series, Func<double?> measure)
            {
                CleanMemory.Clean();
                double? milliseconds = measure();
                Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"boot: round {round}, {series.Name}: {milliseconds:F0} ms"));
                stalls += milliseconds is null ? 1 : 0;
                if (round >= 0)
                {
                    series.Values.Add(milliseconds);
                }
            }
        }

        string dropped = stalls == 0 ? "" : $"; {stalls} boots stalled and were dropped";
        Series peer = Best(processes.Take(files.Qemus.Count));
        Series ours = Best(processes.Skip(files.Qemus.Count));
        Series warmest = Best(warm);
        Console.Error.WriteLine($"boot: {string.Join(", ", processes.Concat(warm).Select(static series => series.ToString()))}{dropped}");
        yield return new Result("boot-process-ratio", Ratio(ours, peer), "ratio", Relation.AtMost, 1.0, $"{ours} beside {peer}; {_rounds} rounds{dropped}");
        yield return new Result("boot-warm-ratio", Ratio(warmest, peer), "ratio", Relation.AtMost, 0.85, string.Create(
            CultureInfo.InvariantCulture, $"{warmest} from StartAsync, of which {Sampling.Median([.. _starts]):F0} ms until the guest's first instruction, beside {peer}"));
    }

    private static Series Best(IEnumerable<Series> all) => all.MinBy(static series => series.Median)!;

    private static double Ratio(Series ours, Series peer) =>
        Sampling.Median([.. ours.Values.Zip(peer.Values).Where(static pair => pair.First is not null && pair.Second is not null).Select(static pair => pair.First!.Value / pair.Second!.Value)]);

    private static double? MeasureProcess(BootContender contender)
    {
        using BootProcess process = BootProcess.Start(contender, CommandLine);
        TimeSpan? time = process.WaitFor(GuestRecipe.UserspaceMark);
        if (process.Errors.Length > 0)
        {
            Console.Error.WriteLine($"{contender.Name}: {process.Errors}");
        }

        return time?.TotalMilliseconds;
    }

    private double? MeasureWarm(string format)
    {
        using var guest = new BootedGuest(hypervisor, GuestRecipe.Parse([.. files.Recipe(format), $"append={CommandLine}"]));
        TimeSpan? time = guest.Boot();
        _starts.Add(guest.Machine.GetStatistics().StartDuration.TotalMilliseconds);
        return time?.TotalMilliseconds;
    }

    /// <summary>Times of one contender in milliseconds, one for each round; null where the boot stalled.</summary>
    private sealed class Series(string name)
    {
        public string Name => name;

        public List<double?> Values { get; } = [];

        public double Median => Values.Exists(static value => value is not null) ? Sampling.Median([.. Values.OfType<double>()]) : double.MaxValue;

        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{name} {Median:F0} ms");
    }
}
