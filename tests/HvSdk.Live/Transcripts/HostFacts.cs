namespace HvSdk.Live.Transcripts;

/// <summary>The machine, as far as it matters to a hypervisor. Nothing in it tells whose it is.</summary>
/// <param name="System">Name and version of the system.</param>
/// <param name="SystemBuild">Build and revision of Windows ("26100.4351 24H2 Professional"), or empty.</param>
/// <param name="Processor">The processor's own name.</param>
/// <param name="ProcessorSignature">Vendor, and the family, model and stepping of CPUID leaf 1, EAX.</param>
/// <param name="Processors">Number of logical processors that the process has.</param>
/// <param name="MemoryGiB">Memory, rounded.</param>
/// <param name="OuterHypervisor">The signature of the hypervisor that the system itself runs under (CPUID leaf 0x40000000), or empty.</param>
/// <param name="Runtime">Version of .NET.</param>
public sealed record HostFacts(
    string System, string SystemBuild, string Processor, string ProcessorSignature, int Processors, int MemoryGiB, string OuterHypervisor, string Runtime);
