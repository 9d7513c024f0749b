namespace HvSdk.Devices;

/// <summary>How a device signals on its interrupt line. Asserted is active; the tables say active high.</summary>
public enum InterruptSense
{
    /// <summary>A change to asserted is the signal.</summary>
    Edge,

    /// <summary>The line stays asserted for as long as the device wants service. Such a line can be shared.</summary>
    Level,
}
