using System.Globalization;
using HvSdk.VirtualMachines;

namespace HvSdk.Samples.BootGuest;

/// <summary>What --stats prints.</summary>
internal static class StatisticsTable
{
    private const int MaxPlaces = 12;

    public static void Print(MachineStatistics statistics, TextWriter writer)
    {
        writer.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"Started in {statistics.StartDuration.TotalMilliseconds:F1} ms, ran {statistics.RunDuration.TotalSeconds:F3} s on {statistics.Processors.Count} processors, {statistics.Exits} exits."));
        foreach (VcpuExitKind kind in Enum.GetValues<VcpuExitKind>().Where(kind => statistics.ExitsOf(kind) > 0))
        {
            writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{kind,18} {statistics.ExitsOf(kind),12}"));
        }

        foreach (AccessCount access in statistics.Accesses.Take(MaxPlaces))
        {
            writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{(access.Space == BusSpace.Ports ? "port" : "GPA"),6} 0x{access.Address,-10:X} {access.Count,11}"));
        }
    }
}
