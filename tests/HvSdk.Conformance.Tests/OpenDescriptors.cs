namespace HvSdk.Conformance.Tests;

/// <summary>What this process has open at the hypervisor (Linux: descriptors of kvm; tests run side by side, so the rest is not ours alone. Windows tells of handles only how many there are).</summary>
[CollectionDefinition(nameof(OpenDescriptors), DisableParallelization = true)]
public sealed class OpenDescriptors
{
    /// <summary>Runs a body and fails where it leaves descriptors open. Its test belongs to this collection, so that no other counts with it.</summary>
    /// <param name="body">What is done.</param>
    /// <param name="warmUp">Makes what the process makes once and keeps; null: the body.</param>
    internal static void AssertNoneLeft(Action body, Action? warmUp = null)
    {
        (warmUp ?? body)();

        // A thread that has waited with a token has an event of its own, which goes when the collector finds that the thread has ended: of those there may be fewer after the body.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        int before = Count();
        body();
        Assert.InRange(Count(), 0, before);
    }

    /// <summary>File descriptors of this process, those that the runtime itself may open at any time left out.</summary>
    internal static int Count() => !OperatingSystem.IsLinux() ? 0 : Directory.EnumerateFiles("/proc/self/fd").Select(static path => new FileInfo(path).LinkTarget ?? "").Count(
        static target => target.Contains("kvm", StringComparison.Ordinal) || target.Contains("eventfd", StringComparison.Ordinal));
}
