namespace HvSdk.Boot;

/// <summary>An image that was read and found good, ready to be put into a machine: a kernel with all that it is given, or a firmware.</summary>
/// <remarks>Made before the machine. Loading may be repeated, for another machine; it does not change the image.</remarks>
public abstract class BootImage : IDisposable
{
    private protected BootImage()
    {
    }

    /// <summary>The format, for people: "Linux bzImage, protocol 2.15".</summary>
    public abstract string Format { get; }

    /// <summary>Finds what would keep the image from loading into such a machine.</summary>
    /// <param name="machine">The machine.</param>
    /// <returns>One sentence for each problem, with its remedy; empty where it fits.</returns>
    public abstract IReadOnlyList<string> FindProblems(BootMachine machine);

    /// <summary>Writes the image and all that goes with it into the guest's memory.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="memory">Its memory, in which all RAM of the machine's map is mapped.</param>
    /// <param name="progress">Hears how far it is, or null.</param>
    /// <param name="cancellationToken">Ends the loading.</param>
    /// <returns>The state in which the bootstrap processor starts.</returns>
    /// <exception cref="BootImageException">The image is damaged in a part that was not looked at before.</exception>
    /// <exception cref="InvalidOperationException">It does not fit: <see cref="FindProblems"/> says why.</exception>
    public abstract X64BootState Load(
        BootMachine machine, GuestMemory memory, IProgress<BootProgress>? progress = null, CancellationToken cancellationToken = default);

    /// <summary>Closes the files that the image reads from.</summary>
    public void Dispose()
    {
        Close();
        GC.SuppressFinalize(this);
    }

    private protected virtual void Close()
    {
    }
}
