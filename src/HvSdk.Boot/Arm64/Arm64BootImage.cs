namespace HvSdk.Boot;

/// <summary>An image for AArch64 machines. The machine has a device tree (<see cref="BootMachine.DeviceTree"/>), to which the image adds what it alone knows.</summary>
public abstract class Arm64BootImage : BootImage
{
    private protected Arm64BootImage(IReadOnlyList<BootFile> files)
        : base(files)
    {
    }

    /// <inheritdoc/>
    public override GuestArchitecture Architecture => GuestArchitecture.Arm64;

    /// <inheritdoc/>
    public override Arm64BootState Load(
        BootMachine machine, GuestMemory memory, IProgress<BootProgress>? progress = null, CancellationToken cancellationToken = default) =>
        (Arm64BootState)base.Load(machine, memory, progress, cancellationToken);

    /// <summary>A copy of the machine's tree for this image, or null, and a problem, where there is none.</summary>
    private protected static DeviceTree? CopyTree(BootPlacement placement)
    {
        if (placement.Machine.DeviceTree is { } tree)
        {
            return tree.Copy();
        }

        placement.Problems.Add($"The machine has no device tree, by which an arm64 guest finds it. Set {nameof(BootMachine)}.{nameof(BootMachine.DeviceTree)}.");
        return null;
    }

    /// <summary>The tree as bytes, or nothing, and a problem, where it is too large.</summary>
    private protected static byte[] Flatten(DeviceTree tree, BootPlacement placement)
    {
        try
        {
            return tree.ToArray();
        }
        catch (InvalidOperationException e)
        {
            placement.Problems.Add(e.Message);
            return [];
        }
    }
}
