namespace HvSdk.Devices.Virtio;

/// <summary>How an endpoint reaches the driver: interrupts of its transport. Any thread may call.</summary>
internal interface IVirtioSignals
{
    /// <summary>The transport lets the device access memory.</summary>
    bool CanAccessMemory { get; }

    /// <summary>Buffers of a queue were given back.</summary>
    void SignalQueue(int queue);

    /// <summary>The configuration has changed, or the device needs a reset.</summary>
    void SignalConfiguration();

    /// <summary>The device was reset: no interrupt is pending.</summary>
    void ClearSignals();
}
