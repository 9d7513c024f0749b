namespace HvSdk;

/// <summary>The result of <see cref="Hypervisor.Probe"/>: each backend that was asked, in the order it was given.</summary>
public sealed class HypervisorProbe
{
    internal HypervisorProbe(IReadOnlyList<BackendProbe> backends) => Backends = backends;

    /// <summary>One result per backend.</summary>
    public IReadOnlyList<BackendProbe> Backends { get; }

    /// <summary>One of them can be used.</summary>
    public bool IsAvailable => Backends.Any(static backend => backend.IsAvailable);

    /// <summary>All results in words, a line each.</summary>
    public string Describe() => Backends.Count == 0
        ? "No backend was given. Reference a HvSdk.Backends package and pass its backend: Hypervisor.Probe(KvmBackend.Instance)."
        : string.Join(Environment.NewLine, Backends);

    /// <inheritdoc/>
    public override string ToString() => Describe();
}
