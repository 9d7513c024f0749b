namespace HvSdk.Devices.Virtio;

/// <content>Saved and loaded state.</content>
public sealed partial class VirtioPci
{
    /// <summary>Takes the state out, that of the device included. What lies in the guest's memory is not part of it, nor what the bus keeps.</summary>
    /// <exception cref="InvalidOperationException">A driver has the device in use, and the machine is not paused.</exception>
    public VirtioPciState SaveState()
    {
        VirtioState device = _endpoint.SaveState();
        lock (_interruptGate)
        {
            return new VirtioPciState
            {
                Device = device,
                Isr = _isr,
                ConfigurationVector = _configurationVector,
                QueueVectors = [.. _queueVectors],
                DeviceFeatureSelect = _deviceFeatureSelect,
                DriverFeatureSelect = _driverFeatureSelect,
                QueueSelect = _queueSelect,
            };
        }
    }

    /// <summary>
    /// Puts a state in, before the guest runs and after the bus has its own. The guest's memory has its bytes already: the device may work on at once, unless the machine is
    /// paused.
    /// </summary>
    /// <param name="state">A state of <see cref="SaveState"/>, of a device of the same kind and options.</param>
    /// <exception cref="ArgumentException">It is not one, or a part of it is not possible; the text names the field. The device is as after a reset.</exception>
    /// <exception cref="InvalidOperationException">The machine is not built yet.</exception>
    public void LoadState(VirtioPciState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        const byte Reasons = IsrQueue | IsrConfiguration;
        StateProblem.Require((state.Isr & ~Reasons) == 0, $"{nameof(state.Isr)} is 0x{state.Isr:X}; only the bits of 0x{Reasons:X} exist.");
        StateProblem.RequireCount(state.QueueVectors, _queueVectors.Length, _queueVectors.Length, nameof(state.QueueVectors));
        RequireVector(state.ConfigurationVector, nameof(state.ConfigurationVector));
        for (int i = 0; i < state.QueueVectors.Count; i++)
        {
            RequireVector(state.QueueVectors[i], $"{nameof(state.QueueVectors)}[{i}]");
        }

        _endpoint.LoadState(state.Device, SetVectors);
        _deviceFeatureSelect = state.DeviceFeatureSelect;
        _driverFeatureSelect = state.DriverFeatureSelect;
        _queueSelect = state.QueueSelect;
        lock (_interruptGate)
        {
            _isr |= state.Isr;
            if (_isr != 0)
            {
                _pin?.Set(true);
            }
        }

        void SetVectors()
        {
            _configurationVector = state.ConfigurationVector;
            for (int i = 0; i < _queueVectors.Length; i++)
            {
                Volatile.Write(ref _queueVectors[i], state.QueueVectors[i]);
            }
        }
    }

    private void RequireVector(ushort vector, string field)
    {
        int count = _messages?.Count ?? 0;
        StateProblem.Require(vector == NoVector || vector < count, $"{field} is {vector}; the device has {count} vectors, and 0x{NoVector:X} means none.");
    }
}
