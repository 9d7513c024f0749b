namespace HvSdk.Devices.Virtio;

/// <content>Saved and loaded state.</content>
public sealed partial class VirtioMmio
{
    /// <summary>Takes the state out, that of the device included. What lies in the guest's memory is not part of it.</summary>
    /// <exception cref="InvalidOperationException">A driver has the device in use, and the machine is not paused.</exception>
    public VirtioMmioState SaveState()
    {
        VirtioState device = _endpoint.SaveState();
        lock (_interruptGate)
        {
            return new VirtioMmioState
            {
                Device = device,
                InterruptStatus = _interruptStatus,
                DeviceFeaturesSelect = _deviceFeaturesSelect,
                DriverFeaturesSelect = _driverFeaturesSelect,
                QueueSelect = _queueSelect,
            };
        }
    }

    /// <summary>Puts a state in, before the guest runs. The guest's memory has its bytes already: the device may work on at once, unless the machine is paused.</summary>
    /// <param name="state">A state of <see cref="SaveState"/>, of a device of the same kind and options.</param>
    /// <exception cref="ArgumentException">It is not one, or a part of it is not possible; the text names the field. The device is as after a reset.</exception>
    /// <exception cref="InvalidOperationException">The machine is not built yet.</exception>
    public void LoadState(VirtioMmioState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        const uint Reasons = UsedBufferNotification | ConfigurationChangeNotification;
        StateProblem.Require((state.InterruptStatus & ~Reasons) == 0, $"{nameof(state.InterruptStatus)} is 0x{state.InterruptStatus:X}; only the bits of 0x{Reasons:X} exist.");
        _endpoint.LoadState(state.Device);
        _deviceFeaturesSelect = state.DeviceFeaturesSelect;
        _driverFeaturesSelect = state.DriverFeaturesSelect;
        _queueSelect = state.QueueSelect;
        if (state.InterruptStatus != 0)
        {
            Raise(state.InterruptStatus);
        }
    }
}
