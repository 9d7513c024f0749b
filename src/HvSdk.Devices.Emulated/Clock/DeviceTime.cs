namespace HvSdk.Devices.Emulated.Clock;

/// <summary>A device's time: what was set, else its machine's, else the host's.</summary>
internal struct DeviceTime
{
    private TimeProvider? _set;

    /// <summary>The time of the machine that the device is in.</summary>
    internal TimeProvider? Machine { private get; set; }

    /// <summary>The time, as devices show it.</summary>
    internal TimeProvider Value
    {
        readonly get => _set ?? Machine ?? TimeProvider.System;
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            _set = value;
        }
    }
}
