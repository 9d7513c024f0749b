namespace HvSdk.Devices;

/// <summary>A device that joins a machine as a function of its PCI bus: it says what it is, and asks for registers, capabilities and interrupts.</summary>
/// <remarks>
/// The host bridge calls <see cref="Attach"/> once, before anything native is made, and answers configuration accesses itself. A device
/// that is <see cref="IDisposable"/> or <see cref="IAsyncDisposable"/> is disposed of with the machine.
/// </remarks>
public interface IPciDevice
{
    /// <summary>Asks for what the device needs.</summary>
    /// <param name="slot">The device's place on the bus; it may be kept.</param>
    void Attach(IPciSlot slot);
}
