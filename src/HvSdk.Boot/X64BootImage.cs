namespace HvSdk.Boot;

/// <summary>An image for x86-64 machines.</summary>
public abstract class X64BootImage : BootImage
{
    private protected X64BootImage(IReadOnlyList<BootFile> files)
        : base(files)
    {
    }

    /// <inheritdoc/>
    public override GuestArchitecture Architecture => GuestArchitecture.X64;

    /// <inheritdoc/>
    public override X64BootState Load(
        BootMachine machine, GuestMemory memory, IProgress<BootProgress>? progress = null, CancellationToken cancellationToken = default) =>
        (X64BootState)base.Load(machine, memory, progress, cancellationToken);
}
