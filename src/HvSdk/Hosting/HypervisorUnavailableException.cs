namespace HvSdk;

/// <summary>No hypervisor can be used; the text holds the same words as the probe, for each backend that was asked.</summary>
public sealed class HypervisorUnavailableException : HypervisorException
{
    /// <summary>No backend of several can be used.</summary>
    /// <param name="probe">What they said.</param>
    public HypervisorUnavailableException(HypervisorProbe probe)
        : base(BackendNames(probe), "open", 0, probe.Describe(), "") => Probe = probe;

    /// <summary>One backend cannot be used.</summary>
    /// <param name="probe">What it said.</param>
    public HypervisorUnavailableException(BackendProbe probe)
        : this(new HypervisorProbe([probe]))
    {
    }

    /// <summary>What each backend said.</summary>
    public HypervisorProbe Probe { get; }

    private static string BackendNames(HypervisorProbe probe)
    {
        ArgumentNullException.ThrowIfNull(probe);
        return string.Join(", ", probe.Backends.Select(static backend => backend.BackendName));
    }
}
