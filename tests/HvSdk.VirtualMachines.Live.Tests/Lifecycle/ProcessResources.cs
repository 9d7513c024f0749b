namespace HvSdk.VirtualMachines.Live.Tests.Lifecycle;

/// <summary>What this process holds of the system. Tests of this collection run alone, so that no other's machines are counted.</summary>
/// <param name="Descriptors">Descriptors of the hypervisor (Linux: of kvm, and events).</param>
/// <param name="Threads">Threads.</param>
/// <param name="Mappings">Mappings of memory.</param>
/// <param name="MappedBytes">Bytes of them that can be written to, which guests' RAM is.</param>
public sealed record ProcessResources(int Descriptors, int Threads, int Mappings, long MappedBytes)
{
    /// <summary>Takes stock.</summary>
    public static ProcessResources Take()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        string[][] maps = [.. File.ReadLines("/proc/self/maps").Select(static line => line.Split(' ', 3))];
        return new(
            Directory.EnumerateFiles("/proc/self/fd").Select(static path => new FileInfo(path).LinkTarget ?? "").Count(
                static target => target.Contains("kvm", StringComparison.Ordinal) || target.Contains("eventfd", StringComparison.Ordinal)),
            Directory.EnumerateDirectories("/proc/self/task").Count(),
            maps.Length,
            maps.Where(static map => map[1].StartsWith("rw", StringComparison.Ordinal)).Sum(static map => SizeOf(map[0])));
    }

    private static long SizeOf(string range)
    {
        int dash = range.IndexOf('-', StringComparison.Ordinal);
        return Convert.ToInt64(range[(dash + 1)..], 16) - Convert.ToInt64(range[..dash], 16);
    }

    /// <summary>The collection of tests that take stock.</summary>
    [CollectionDefinition(nameof(ProcessResources), DisableParallelization = true)]
    public sealed class Alone;
}
