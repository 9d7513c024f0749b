namespace HvSdk.Backends.Kvm.Tests;

/// <summary>Files that this process has open.</summary>
internal static class ProcessFiles
{
    internal static string[] Open() =>
    [
        .. Directory.EnumerateFiles("/proc/self/fd").Select(static link => new FileInfo(link).LinkTarget ?? "").Order(StringComparer.Ordinal),
    ];

    internal static string[] OfKvm() => [.. Open().Where(static target => target.Contains("kvm", StringComparison.Ordinal))];
}
