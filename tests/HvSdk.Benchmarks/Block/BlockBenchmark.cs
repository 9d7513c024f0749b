using System.Globalization;
using HvSdk.Benchmarks.Boot;
using HvSdk.Devices.Emulated;
using HvSdk.VirtualMachines;

namespace HvSdk.Benchmarks.Block;

/// <summary>A disk of a Linux guest beside QEMU's, by the same kernel, initrd and fio, in rounds in which each has its turn.</summary>
internal sealed class BlockBenchmark(Hypervisor hypervisor, BootFiles files, string tools, bool quick)
{
    private const int DiskLength = 64 << 20;
    private const int Page = 4096;
    private const int SerialBytes = 64 << 10;
    private const int MaxStalls = 3;

    private readonly int _rounds = quick ? 1 : 3;
    private readonly int _seconds = quick ? 3 : 6;

    public IEnumerable<Result> Run()
    {
        // In memory, where the host's disk does not count; and without holes.
        string disk = Path.Combine("/dev/shm", $"hvsdk-disk-{Environment.ProcessId}");
        byte[] content = new byte[DiskLength];
        new Random(1).NextBytes(content);
        File.WriteAllBytes(disk, content);
        try
        {
            var guest = new BlockGuest(files, tools, disk, _seconds);

            // The runtime compiles anew what is used most; a machine whose numbers do not count is there for that.
            _ = (guest with { Seconds = 1 }).RunOurs(hypervisor, VirtioTransport.Mmio);
            foreach (VirtioTransport transport in (VirtioTransport[])[VirtioTransport.Mmio, VirtioTransport.Pci])
            {
                List<Round> rounds = Measure(guest, transport, out string dropped);
                foreach (string job in rounds[0].Ours.Jobs.Keys)
                {
                    yield return Compare(transport, job, rounds, dropped);
                }

                yield return Exits(transport, rounds[^1].Ours);
            }

            yield return SerialExits();
        }
        finally
        {
            File.Delete(disk);
        }
    }

    private List<Round> Measure(BlockGuest guest, VirtioTransport transport, out string dropped)
    {
        List<Round> rounds = [];
        int stalls = 0;
        while (rounds.Count < _rounds && stalls < MaxStalls)
        {
            // Every other round goes backwards.
            bool startsWithOurs = rounds.Count % 2 == 1;
            BlockRun? ours = startsWithOurs ? guest.RunOurs(hypervisor, transport) : null;
            IReadOnlyDictionary<string, JobRate>? theirs = guest.RunQemu(transport);
            ours = startsWithOurs ? ours : guest.RunOurs(hypervisor, transport);
            if (theirs is null || ours is null)
            {
                stalls++;
                continue;
            }

            rounds.Add(new Round(theirs, ours));
            foreach ((string job, JobRate rate) in ours.Jobs)
            {
                Console.Error.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"block: {transport}, round {rounds.Count}, {job}: {rate.Operations:F0}/s, {rate.Mebibytes:F1} MiB/s beside {theirs[job].Operations:F0}/s, {theirs[job].Mebibytes:F1} MiB/s"));
            }
        }

        dropped = stalls == 0 ? "" : $"; {stalls} rounds stalled and were dropped";
        return rounds.Count > 0 ? rounds : throw new InvalidOperationException("All rounds of the block benchmark stalled.");
    }

    private static Result Compare(VirtioTransport transport, string job, List<Round> rounds, string dropped)
    {
        double[] ratios = [.. rounds.Select(round => round.Ours.Jobs[job].Operations / round.Theirs[job].Operations)];
        double ours = Sampling.Median([.. rounds.Select(round => Rate(round.Ours.Jobs[job], job))]);
        double theirs = Sampling.Median([.. rounds.Select(round => Rate(round.Theirs[job], job))]);
        string single = string.Join(", ", ratios.Select(static ratio => ratio.ToString("F2", CultureInfo.InvariantCulture)));
        return new Result($"block-{Name(transport)}-{job}", Sampling.Median(ratios), "ratio", Relation.AtLeast, 1.0, string.Create(
            CultureInfo.InvariantCulture, $"{ours:F0} {Unit(job)} beside {theirs:F0} of QEMU {(transport == VirtioTransport.Mmio ? "microvm" : "q35")}; rounds {single}{dropped}"));
    }

    private static string Name(VirtioTransport transport) => transport == VirtioTransport.Mmio ? "mmio" : "pci";

    private static bool IsRandom(string job) => job.StartsWith("rand", StringComparison.Ordinal);

    private static double Rate(JobRate rate, string job) => IsRandom(job) ? rate.Operations : rate.Mebibytes;

    private static string Unit(string job) => IsRandom(job) ? "operations/s" : "MiB/s";

    private static Result Exits(VirtioTransport transport, BlockRun run) => new(
        $"block-{Name(transport)}-exits-per-request", (double)run.Exits / run.Requests, "exits", Relation.Shown, 0, string.Create(
            CultureInfo.InvariantCulture, $"{run.Exits} exits that reach the process for {run.Requests} requests of all jobs, {(double)run.Interrupts / run.Requests:F2} interrupts each; the console's and the clock's exits are among them"));

    /// <summary>What the same bytes cost by a serial port.</summary>
    private Result SerialExits()
    {
        var console = new SerialPort16550A();
        string commandLine = string.Create(CultureInfo.InvariantCulture, $"{BootBenchmark.CommandLine[..BootBenchmark.CommandLine.LastIndexOf('=')]}=serial-out={SerialBytes}");
        VirtualMachine machine = GuestRecipe.Parse([.. files.Recipe("pvh"), $"append={commandLine}"]).CreateBuilder(hypervisor, console).Build();
        try
        {
            machine.StartAsync().GetAwaiter().GetResult();
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(180));
            using var reader = new StreamReader(console.Pipe.Input.AsStream(), System.Text.Encoding.Latin1);
            long before = 0;
            while (reader.ReadLineAsync(limit.Token).AsTask().GetAwaiter().GetResult() is { } line && !line.StartsWith("HVSDK serial-out=end", StringComparison.Ordinal))
            {
                before = line.StartsWith("HVSDK serial-out=begin", StringComparison.Ordinal) ? machine.GetStatistics().Exits : before;
            }

            long exits = machine.GetStatistics().Exits - before;
            return new Result("serial-exits-per-page", exits / (double)(SerialBytes / Page), "exits", Relation.Shown, 0, $"{exits} exits for {SerialBytes >> 10} KiB by the emulated UART: what {Page} bytes cost without a virtio device");
        }
        finally
        {
            machine.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    private sealed record Round(IReadOnlyDictionary<string, JobRate> Theirs, BlockRun Ours);
}
