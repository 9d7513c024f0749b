using System.Runtime.InteropServices;

namespace HvSdk.Backends.Kvm.Interop;

/// <summary>The signal that takes a thread out of KVM_RUN.</summary>
/// <remarks>
/// Its only effect is that a system call returns EINTR. The handler is the C library's abs(): it does nothing with its one argument, so no
/// managed code and no native code of ours runs in a signal handler, and a signal that comes late, or to a thread that has moved on, is harmless.
/// CoreCLR uses SIGRTMIN itself; numbers from the upper end are tried, and one that the application uses is left alone.
/// </remarks>
internal static unsafe class KickSignal
{
    private const int LastRealTimeSignal = 64;
    private const int FirstFreeRealTimeSignal = 36;

    /// <summary>Large enough for struct sigaction of every C library (glibc x86-64: 152 bytes); the handler comes first in all.</summary>
    private const int SigactionSize = 512;

    private static readonly Lazy<int> s_number = new(Install);

    /// <summary>The signal's number; the first use installs the handler.</summary>
    internal static int Number => s_number.Value;

    /// <summary>Sends the signal to a thread of this process.</summary>
    internal static void Send(int threadId)
    {
        // ESRCH: the thread has ended, and its vCPU is in no run.
        _ = LibC.tgkill(Environment.ProcessId, threadId, Number);
    }

    private static int Install()
    {
        nint library = NativeLibrary.Load("libc", typeof(KickSignal).Assembly, null);
        nint doNothing = NativeLibrary.GetExport(library, "abs");
        for (int number = LastRealTimeSignal - 1; number >= FirstFreeRealTimeSignal; number--)
        {
            if (IsFree(number))
            {
                KvmError.Check(LibC.signal(number, doNothing) == -1 ? -1 : 0, "signal");
                return number;
            }
        }

        throw KvmError.Create("signal", LibC.EBUSY, "the application handles every real-time signal itself, and stopping a vCPU needs one.");
    }

    private static bool IsFree(int number)
    {
        byte* previous = stackalloc byte[SigactionSize];
        *(nint*)previous = -1;

        // SAFETY: with no new action given, sigaction only writes the current one into the buffer, which is larger than any struct sigaction.
        return LibC.sigaction(number, null, previous) == 0 && *(nint*)previous == 0;
    }
}
