namespace HvSdk.Devices;

/// <summary>A device that can join a machine: it asks for windows, lines and memory, and says what it is.</summary>
/// <remarks>
/// The machine's builder calls <see cref="Attach"/> once, before anything native is made, checks what all devices have asked for together, and
/// describes each device to the guest in the tables of its platform. A device of yours joins with the same calls as the ones of HvSdk. One that is
/// <see cref="IDisposable"/> or <see cref="IAsyncDisposable"/> is disposed of with the machine.
/// </remarks>
public interface IPlatformDevice
{
    /// <summary>Asks for what the device needs.</summary>
    /// <param name="slot">The device's place in the machine; it may be kept.</param>
    void Attach(IDeviceSlot slot);
}
