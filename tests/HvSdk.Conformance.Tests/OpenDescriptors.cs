namespace HvSdk.Conformance.Tests;

/// <summary>What this process has open at the hypervisor (Linux: descriptors of kvm; tests run side by side, so the rest is not ours alone. Windows tells of handles only how many there are).</summary>
[CollectionDefinition(nameof(OpenDescriptors), DisableParallelization = true)]
public sealed class OpenDescriptors
{
    /// <summary>Runs a body and fails where it leaves descriptors open. Its test belongs to this collection, so that no other counts with it.</summary>
    /// <param name="body">What is done.</param>
    /// <param name="warmUp">Makes what the process makes once and keeps; null: the body.</param>
    internal static void AssertUnchanged(Action body, Action? warmUp = null)
    {
        (warmUp ?? body)();
        int before = Count();
        body();
        Assert.Equal(before, Count());
    }

    /// <summary>File descriptors of this process, those that the runtime itself may open at any time left out.</summary>
    internal static int Count() => !OperatingSystem.IsLinux() ? 0 : Directory.EnumerateFiles("/proc/self/fd").Select(static path => new FileInfo(path).LinkTarget ?? "").Count(
        static target => target.Contains("kvm", StringComparison.Ordinal) || target.Contains("eventfd", StringComparison.Ordinal));
}
