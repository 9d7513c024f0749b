namespace HvSdk.Boot;

/// <summary>An image whose headers were read and found good, ready to be put into a machine: a kernel with all that it is given, or a firmware.</summary>
/// <remarks>
/// Made before the machine. Loading may be repeated, for another machine; it does not change the image. The image reads its files while it is
/// loaded, and closes them when it is disposed of.
/// </remarks>
public abstract class BootImage : IDisposable
{
    private readonly IReadOnlyList<BootFile> _files;

    private protected BootImage(IReadOnlyList<BootFile> files) => _files = files;

    /// <summary>The format, for people: "Linux bzImage, protocol 2.15".</summary>
    public abstract string Format { get; }

    /// <summary>The guests that it is for.</summary>
    public abstract GuestArchitecture Architecture { get; }

    /// <summary>Memory beside the machine's RAM that the image lives in: map it before <see cref="Load"/>. Empty for all but firmware.</summary>
    public virtual IReadOnlyList<BootRegion> Regions => [];

    /// <summary>Finds what would keep the image from loading into such a machine.</summary>
    /// <param name="machine">The machine.</param>
    /// <returns>A few words for each problem, with their remedy; empty where it fits.</returns>
    public IReadOnlyList<string> FindProblems(BootMachine machine)
    {
        ArgumentNullException.ThrowIfNull(machine);
        var placement = new BootPlacement(machine);
        Plan(placement);
        return placement.Problems;
    }

    /// <summary>Writes the image and all that goes with it into the guest's memory.</summary>
    /// <param name="machine">The machine. Where it has ACPI, its tables are in memory already.</param>
    /// <param name="memory">Its memory, in which all RAM of the machine's map and all <see cref="Regions"/> are mapped.</param>
    /// <param name="progress">Hears how far it is, or null. It is called on this thread, between two pieces of the work.</param>
    /// <param name="cancellationToken">Ends the loading.</param>
    /// <returns>The state in which the first processor starts.</returns>
    /// <exception cref="BootImageException">The image is damaged in a part that was not looked at before.</exception>
    /// <exception cref="InvalidOperationException">It does not fit: <see cref="FindProblems"/> says why; or memory of the map is not mapped.</exception>
    public virtual BootState Load(
        BootMachine machine, GuestMemory memory, IProgress<BootProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentNullException.ThrowIfNull(memory);
        var placement = new BootPlacement(machine);
        Func<BootWriter, BootState> write = Plan(placement);
        if (placement.Problems.Count > 0)
        {
            throw new InvalidOperationException(string.Join(' ', placement.Problems));
        }

        return write(new BootWriter(memory, progress, cancellationToken));
    }

    /// <summary>Closes the files that the image reads from.</summary>
    public void Dispose()
    {
        foreach (BootFile file in _files)
        {
            file.Dispose();
        }

        GC.SuppressFinalize(this);
    }

    /// <summary>Finds a place for everything.</summary>
    /// <param name="placement">Gives places, and gathers what does not fit.</param>
    /// <returns>Writes everything to its place; called only where there is no problem.</returns>
    private protected abstract Func<BootWriter, BootState> Plan(BootPlacement placement);
}
