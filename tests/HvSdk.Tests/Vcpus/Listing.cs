namespace HvSdk.Tests.Vcpus;

/// <summary>A handler that lists the exits it sees.</summary>
internal readonly struct Listing(Listing.Choice choose) : IVcpuHandler
{
    /// <summary>Chooses what becomes of an exit.</summary>
    internal delegate ExitDisposition Choice(VcpuExit exit);

    internal List<string> Seen { get; } = [];

    public ExitDisposition Handle(in VcpuExit exit)
    {
        Seen.Add(exit.ToString());
        return choose(exit);
    }
}
