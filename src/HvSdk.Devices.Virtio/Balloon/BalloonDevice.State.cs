using static HvSdk.Devices.Virtio.BalloonSpecification;

namespace HvSdk.Devices.Virtio;

/// <content>Saved and loaded state. Pages that were on their way into the balloon go once more, which changes nothing: the guest has not got them back.</content>
public sealed partial class BalloonDevice
{
    /// <inheritdoc/>
    protected internal override VirtioDeviceState SaveState()
    {
        lock (_gate)
        {
            return new BalloonDeviceState { TargetSize = _target * (long)PageSize, ActualSize = _actual * (long)PageSize, Poison = _poison };
        }
    }

    /// <inheritdoc/>
    /// <remarks>The target is the saved one, whatever the options of this device say: the guest works towards it.</remarks>
    protected internal override void LoadState(VirtioDeviceState? state)
    {
        BalloonDeviceState saved = StateProblem.RequireKind<BalloonDeviceState>(state);
        RequireSize(saved.TargetSize, nameof(saved.TargetSize));
        RequireSize(saved.ActualSize, nameof(saved.ActualSize));
        lock (_gate)
        {
            Volatile.Write(ref _target, (uint)(saved.TargetSize / PageSize));
            Volatile.Write(ref _actual, (uint)(saved.ActualSize / PageSize));
            Volatile.Write(ref _poison, saved.Poison);
            SettleIfReached();
        }
    }

    private static void RequireSize(long size, string field) =>
        StateProblem.Require(size is >= 0 and <= MaxSize && size % PageSize == 0, $"{field} is {size}; it is a multiple of {PageSize} from 0 to {MaxSize}.");
}
