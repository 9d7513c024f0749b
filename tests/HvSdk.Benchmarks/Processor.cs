using System.Runtime.InteropServices;

namespace HvSdk.Benchmarks;

/// <summary>Where a thread runs: for times that the scheduler's choice would decide otherwise. The peer does the same.</summary>
internal static unsafe partial class Processor
{
    /// <summary>Keeps the calling thread on one processor; nothing happens where there is only one.</summary>
    internal static void Pin(int number)
    {
        if (Environment.ProcessorCount < 2)
        {
            return;
        }

        ulong mask = 1UL << number;

        // SAFETY: the call reads the 8 bytes of the mask. 0 is the calling thread.
        if (sched_setaffinity(0, sizeof(ulong), &mask) != 0)
        {
            throw new InvalidOperationException($"Thread cannot be kept on processor {number}: errno {Marshal.GetLastPInvokeError()}.");
        }
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int sched_setaffinity(int processId, nuint size, ulong* mask);
}
