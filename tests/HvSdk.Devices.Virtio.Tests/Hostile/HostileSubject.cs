namespace HvSdk.Devices.Virtio.Tests.Hostile;

/// <summary>A device with what a hostile driver must know of it to get anywhere, and with a host's side that does things meanwhile.</summary>
internal abstract class HostileSubject : IDisposable
{
    /// <summary>The device.</summary>
    public abstract VirtioDevice Device { get; }

    /// <summary>The guest changes its memory while the device is in the middle of a request. Called by the host's side of a device, where it has one.</summary>
    public Action? Meddle { get; set; }

    /// <summary>A loaded state is the saved one, to the last bit.</summary>
    public virtual bool CarriesAll => true;

    /// <summary>The device leaves the rings alone. A balloon takes them away where it is told to, so that its driver finds nonsense there.</summary>
    public virtual bool KeepsRings => true;

    /// <summary>Requests of many MiB are done in a moment. A balloon makes a system call for each four bytes of them.</summary>
    public virtual bool TakesLargeRequests => true;

    public static IReadOnlyList<string> Kinds { get; } = ["entropy", "block", "net", "vsock", "console", "files", "balloon"];

    public static HostileSubject Create(string kind, Random random) => kind switch
    {
        "entropy" => new HostileEntropy(),
        "block" => new HostileBlock(random),
        "net" => new HostileNetwork(random),
        "vsock" => new HostileVsock(random),
        "console" => new HostileConsole(),
        "files" => new HostileFiles(random),
        "balloon" => new HostileBalloon(random),
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, null),
    };

    /// <summary>A driver has started: what it needs first.</summary>
    public virtual void Open(AnyBench bench, Random random)
    {
    }

    /// <summary>A request that nearly is one.</summary>
    /// <param name="queue">Where it goes.</param>
    /// <param name="random">What decides.</param>
    /// <param name="content">Gets what the device reads.</param>
    /// <param name="writable">Bytes that the device may write.</param>
    /// <returns>How many bytes the device reads.</returns>
    public abstract int Compose(int queue, Random random, Span<byte> content, out int writable);

    /// <summary>The host's side does something.</summary>
    public virtual void Act(Random random)
    {
    }

    /// <summary>Nothing has grown beyond its limits.</summary>
    public virtual void Check()
    {
    }

    /// <summary>The device works, for a driver that has just started and is honest.</summary>
    public abstract void Prove(AnyBench bench);

    public virtual void Dispose()
    {
    }
}
