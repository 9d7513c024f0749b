namespace HvSdk.Devices.Tests;

/// <summary>What code allocates on its own thread.</summary>
/// <remarks>
/// The runtime allocates on the thread for itself now and then, as where it meets code or a lock for the first time. So a measure may be too large, never too small: the least of several is
/// what the code allocates.
/// </remarks>
internal static class Allocations
{
    private const int Measures = 10;

    /// <summary>The bytes that an action allocates once it is warm.</summary>
    public static long Least(Action action)
    {
        action();
        long least = long.MaxValue;
        for (int i = 0; i < Measures && least > 0; i++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            action();
            least = long.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }
}
