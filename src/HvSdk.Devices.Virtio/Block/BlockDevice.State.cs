namespace HvSdk.Devices.Virtio;

/// <content>Saved and loaded state.</content>
public sealed partial class BlockDevice
{
    /// <inheritdoc/>
    protected internal override VirtioDeviceState SaveState() => new BlockDeviceState { Capacity = Capacity, IsReadOnly = IsReadOnly };

    /// <inheritdoc/>
    protected internal override void LoadState(VirtioDeviceState? state)
    {
        // To do a request once more changes nothing: what it reads and writes, and where, is the same.
        BlockDeviceState saved = StateProblem.RequireKind<BlockDeviceState>(state);
        StateProblem.Require(
            saved.Capacity == Capacity, $"{nameof(saved.Capacity)} is {saved.Capacity}, and the storage has {Capacity} bytes. Load the state over the disk that the guest had.");
        StateProblem.Require(
            saved.IsReadOnly == IsReadOnly, $"{nameof(saved.IsReadOnly)} is {saved.IsReadOnly}, and of this device {IsReadOnly}. Make it with the options that it was saved with.");
    }
}
