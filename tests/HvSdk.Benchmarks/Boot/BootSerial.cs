using System.Globalization;

namespace HvSdk.Benchmarks.Boot;

/// <summary>Bytes out of the guest by the emulated UART: how many in a second, and what they cost the host's processors.</summary>
internal sealed class BootSerial(BootFiles files, bool quick)
{
    private const string Begin = "serial-out=begin";
    private const string End = "serial-out=end";
    private const double Mebibyte = 1 << 20;

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(120);

    private readonly int _rounds = quick ? 2 : 4;
    private readonly int _bytes = quick ? 64 << 10 : 128 << 10;

    public IEnumerable<Result> Run()
    {
        BootContender qemu = files.Qemus[2];
        BootContender ours = files.Fastest;
        List<(double Rate, double Cost)> theirs = [];
        List<(double Rate, double Cost)> own = [];
        int stalls = 0;
        for (int round = 0; round < _rounds; round++)
        {
            if (Measure(qemu) is { } one && Measure(ours) is { } other)
            {
                theirs.Add(one);
                own.Add(other);
            }
            else
            {
                stalls++;
            }
        }

        if (own.Count == 0)
        {
            throw new InvalidOperationException("All rounds of the serial benchmark stalled.");
        }

        string dropped = stalls == 0 ? "" : $"; {stalls} rounds stalled and were dropped";
        string detail = string.Create(CultureInfo.InvariantCulture, $"{_bytes >> 10} KiB, {_rounds} rounds{dropped}");
        yield return new Result("serial-rate-ratio", Ratio(own, theirs, static pair => pair.Rate), "ratio", Relation.AtLeast, 1.5, string.Create(
            CultureInfo.InvariantCulture, $"{Median(own, static pair => pair.Rate):F3} MiB/s beside {Median(theirs, static pair => pair.Rate):F3} of {qemu.Name}; {detail}"));
        yield return new Result("serial-cpu-ratio", Ratio(theirs, own, static pair => pair.Cost), "ratio", Relation.AtLeast, 1.5, string.Create(
            CultureInfo.InvariantCulture, $"{Median(own, static pair => pair.Cost):F1} CPU seconds for a MiB beside {Median(theirs, static pair => pair.Cost):F1} of {qemu.Name}, the guest's own included"));
    }

    private (double Rate, double Cost)? Measure(BootContender contender)
    {
        using BootProcess process = BootProcess.Start(contender, string.Create(CultureInfo.InvariantCulture, $"console=ttyS0 quiet hvsdk=serial-out={_bytes},idle"));
        if (process.WaitFor(GuestRecipe.UserspaceMark) is null || process.WaitFor(Begin, s_limit) is not { } begin)
        {
            return null;
        }

        TimeSpan before = process.ProcessorTime;
        if (process.WaitFor(End, s_limit) is not { } end)
        {
            return null;
        }

        double amount = _bytes / Mebibyte;
        return (amount / (end - begin).TotalSeconds, (process.ProcessorTime - before).TotalSeconds / amount);
    }

    private static double Ratio(List<(double Rate, double Cost)> above, List<(double Rate, double Cost)> below, Func<(double Rate, double Cost), double> number) =>
        Sampling.Median([.. above.Zip(below, (one, other) => number(one) / number(other))]);

    private static double Median(List<(double Rate, double Cost)> all, Func<(double Rate, double Cost), double> number) => Sampling.Median([.. all.Select(number)]);
}
