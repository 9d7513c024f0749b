namespace HvSdk.Benchmarks;

/// <summary>What C and HvSdk took for the same work, batch by batch.</summary>
/// <param name="Native">C, per operation.</param>
/// <param name="Managed">HvSdk, per operation.</param>
internal sealed record Comparison(double[] Native, double[] Managed)
{
    internal double NativeMedian => Sampling.Median(Native);

    internal double ManagedMedian => Sampling.Median(Managed);

    /// <summary>
    /// The median of the ratios of batches that followed each other at once: what else the machine does changes slowly, and strikes both.
    /// </summary>
    internal double Ratio => Sampling.Median(Ratios());

    /// <summary>The middle half of the ratios: how far to trust their median.</summary>
    internal (double Low, double High) Spread
    {
        get
        {
            double[] ratios = Ratios();
            return (Sampling.Quantile(ratios, 0.25), Sampling.Quantile(ratios, 0.75));
        }
    }

    private double[] Ratios() => [.. Managed.Zip(Native, static (managed, native) => managed / native)];
}

/// <summary>Short batches in turn, and medians.</summary>
internal static class Sampling
{
    /// <summary>Measures both sides in turn: C, HvSdk, HvSdk, C, and so on, so that neither always comes first.</summary>
    internal static Comparison Alternate(int warmUps, int batches, Func<double> native, Func<double> managed)
    {
        for (int i = 0; i < warmUps; i++)
        {
            native();
            managed();
        }

        double[] nativeTimes = new double[batches];
        double[] managedTimes = new double[batches];
        for (int i = 0; i < batches; i++)
        {
            if (i % 2 == 0)
            {
                nativeTimes[i] = native();
                managedTimes[i] = managed();
            }
            else
            {
                managedTimes[i] = managed();
                nativeTimes[i] = native();
            }
        }

        return new Comparison(nativeTimes, managedTimes);
    }

    internal static double[] Repeat(int warmUps, int batches, Func<double> measure)
    {
        for (int i = 0; i < warmUps; i++)
        {
            measure();
        }

        double[] times = new double[batches];
        for (int i = 0; i < batches; i++)
        {
            times[i] = measure();
        }

        return times;
    }

    internal static double Median(double[] values) => Quantile(values, 0.5);

    internal static double Quantile(double[] values, double quantile)
    {
        double[] sorted = [.. values];
        Array.Sort(sorted);
        return sorted[int.Min(sorted.Length - 1, (int)(sorted.Length * quantile))];
    }
}
