using HvSdk.Backends;
using HvSdk.Live.Transcripts;

namespace HvSdk.FieldKit;

/// <summary>Reads what a transcript tells of the hypervisor.</summary>
internal static class HypervisorReader
{
    /// <summary>Probes, and asks for what is offered.</summary>
    /// <param name="backend">The backend.</param>
    public static HypervisorFacts Read(HypervisorBackend backend)
    {
        BackendProbe probe = Hypervisor.Probe(backend).Backends[0];
        HypervisorCapabilities? capabilities = probe.IsAvailable ? ReadCapabilities(backend) : null;
        return new HypervisorFacts(
            probe.BackendName,
            probe.IsAvailable,
            PersonalData.Remove(probe.Reason),
            PersonalData.Remove(probe.Remedy),
            [.. Enum.GetValues<HypervisorFeatures>().Where(feature => feature != HypervisorFeatures.None && capabilities?.Supports(feature) == true).Select(static feature => feature.ToString())],
            capabilities?.MaxVcpus ?? 0,
            capabilities?.GuestPhysicalAddressBits ?? 0);
    }

    private static HypervisorCapabilities ReadCapabilities(HypervisorBackend backend)
    {
        using Hypervisor hypervisor = Hypervisor.Open(backend);
        return hypervisor.Capabilities;
    }
}
