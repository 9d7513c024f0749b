using System.Runtime.InteropServices;

namespace HvSdk.Benchmarks;

/// <summary>What the system chooses for a thread or a process and must be alike on both sides: the processor, the size of pages.</summary>
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

    /// <summary>
    /// No transparent huge pages, in this process and those that it starts. Whether a guest's first page is one of 4 KiB or of 2 MiB, which must be
    /// cleared, would hang on the address that a mapping happens to get; it would decide the figures of creation and memory.
    /// </summary>
    internal static void UseSmallPages()
    {
        if (prctl(SetThpDisable, 1, 0, 0, 0) != 0)
        {
            throw new InvalidOperationException($"Transparent huge pages cannot be switched off: errno {Marshal.GetLastPInvokeError()}.");
        }
    }

    /// <summary>PR_SET_THP_DISABLE of linux/prctl.h.</summary>
    private const int SetThpDisable = 41;

    [LibraryImport("libc", SetLastError = true)]
    private static partial int prctl(int option, nuint argument2, nuint argument3, nuint argument4, nuint argument5);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int sched_setaffinity(int processId, nuint size, ulong* mask);
}
