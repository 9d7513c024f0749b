using HvSdk.Backends.Hvf.Interop;

namespace HvSdk.Backends.Hvf;

/// <summary>
/// vCPUs that were disposed of by another thread than theirs. The framework destroys a vCPU on its own thread alone, and with that thread; so they wait for either. The virtual
/// machine cannot go before them.
/// </summary>
internal static unsafe class HvfLeftovers
{
    private static readonly object s_gate = new();
    private static readonly List<(int Thread, ulong Vcpu)> s_vcpus = [];

    internal static void Add(int thread, ulong vcpu)
    {
        lock (s_gate)
        {
            s_vcpus.Add((thread, vcpu));
        }
    }

    /// <summary>Destroys those of the calling thread.</summary>
    internal static void Destroy(HvFunctions functions)
    {
        int thread = Environment.CurrentManagedThreadId;
        lock (s_gate)
        {
            // Refused where a former thread of this number took its vCPU with it.
            foreach ((int owner, ulong vcpu) in s_vcpus)
            {
                if (owner == thread)
                {
                    functions.hv_vcpu_destroy(vcpu);
                }
            }

            s_vcpus.RemoveAll(leftover => leftover.Thread == thread);
        }
    }
}
