using System.Globalization;

namespace HvSdk.Benchmarks.Boot;

/// <summary>Resident memory that a further machine in our process costs beside its guest's RAM, and what a QEMU process does.</summary>
internal sealed class BootMemory(BootFiles files)
{
    private const int Machines = 4;
    private const ulong GuestRam = (ulong)BootContender.MemoryMebibytes << 20;

    public Result Run()
    {
        (string name, ProcessMemory memory)[] peers = [.. files.Qemus.Select(static contender => (contender.Name, MeasureQemu(contender)))];
        (string peer, ProcessMemory least) = peers.MinBy(static peer => peer.memory.Overhead);
        double[] each = MeasureOurs(files.Fastest);
        double further = Sampling.Median(each[1..]);
        return new Result("boot-memory-ratio", further / least.Overhead, "ratio", Relation.AtMost, 0.1, string.Create(
            CultureInfo.InvariantCulture,
            $"{further:F0} KiB for each of {each.Length - 1} further machines ({string.Join(", ", each[1..])}; {each[0]:F0} for the first, with all of the process); " +
            $"QEMU: {string.Join(", ", peers.Select(static peer => $"{peer.name} {peer.memory.Overhead} KiB (PSS {peer.memory.PssOverhead})"))}, of which {peer} counts; guest RAM {least.GuestRss} KiB not in it"));
    }

    private static ProcessMemory MeasureQemu(BootContender contender)
    {
        for (int attempt = 0; attempt < 3; attempt++)
        {
            using BootProcess process = BootProcess.Start(contender, BootBenchmark.CommandLine);
            if (process.WaitFor(GuestRecipe.UserspaceMark) is not null)
            {
                return ProcessMemory.Read(process.Id.ToString(CultureInfo.InvariantCulture), GuestRam);
            }
        }

        throw new InvalidOperationException($"{contender.Name} stalled three times.");
    }

    /// <summary>What each machine added, in KiB.</summary>
    private static double[] MeasureOurs(BootContender contender)
    {
        BootContender several = contender with { Arguments = [.. contender.Arguments, $"machines={Machines}"] };
        for (int attempt = 0; attempt < 3; attempt++)
        {
            using BootProcess process = BootProcess.Start(several, BootBenchmark.CommandLine);
            List<double> added = [];
            double before = 0;
            while (added.Count < Machines && process.WaitFor("MEMORY ") is not null && process.ReadLine() is { } line)
            {
                double overhead = double.Parse(line, CultureInfo.InvariantCulture);
                added.Add(overhead - before);
                before = overhead;
            }

            if (added.Count == Machines)
            {
                return [.. added];
            }
        }

        throw new InvalidOperationException($"{contender.Name} stalled three times.");
    }
}
