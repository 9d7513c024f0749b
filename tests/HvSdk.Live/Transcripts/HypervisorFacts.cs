namespace HvSdk.Live.Transcripts;

/// <summary>What the backend says of the hypervisor.</summary>
/// <param name="Backend">The backend: "WHP".</param>
/// <param name="IsAvailable">The probe found one.</param>
/// <param name="Reason">What it found, or why there is none.</param>
/// <param name="Remedy">What to do where there is none.</param>
/// <param name="Features">What it offers, of <see cref="HypervisorFeatures"/>.</param>
/// <param name="MaxVcpus">Most vCPUs of a partition; 0 where there is none.</param>
/// <param name="AddressBits">Width of guest-physical addresses; 0 where there is none.</param>
public sealed record HypervisorFacts(string Backend, bool IsAvailable, string Reason, string Remedy, IReadOnlyList<string> Features, int MaxVcpus, int AddressBits);
