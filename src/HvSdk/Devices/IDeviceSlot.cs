namespace HvSdk.Devices;

/// <summary>A device's place in a machine that is being built: what the device asks for, and how the guest gets to know it.</summary>
/// <remarks>
/// Requests are taken during <see cref="IPlatformDevice.Attach"/> only. What cannot be given is not an exception here: the builder reports all such
/// problems of all devices at once.
/// </remarks>
public interface IDeviceSlot
{
    /// <summary>The device's name in the machine, for people.</summary>
    string Name { get; }

    /// <summary>The machine's time.</summary>
    TimeProvider TimeProvider { get; }

    /// <summary>The machine, as far as a device may control it. Of use once the machine runs.</summary>
    IMachineControl Machine { get; }

    /// <summary>What tells the guest's ACPI about the device, or null: the device has no entry in the tables of its own.</summary>
    AcpiIdentity? Acpi { get; set; }

    /// <summary>What tells the guest's device tree about the device, or null: no node.</summary>
    DeviceTreeIdentity? DeviceTree { get; set; }

    /// <summary>Asks for a window in the I/O ports (x64).</summary>
    /// <param name="port">The first port.</param>
    /// <param name="count">How many ports, 1 or more.</param>
    /// <param name="device">What answers.</param>
    void MapPorts(ushort port, int count, IBusDevice device);

    /// <summary>Asks for a window at a GPA without memory.</summary>
    /// <param name="address">The first GPA.</param>
    /// <param name="size">Size in bytes, not zero.</param>
    /// <param name="device">What answers.</param>
    void MapMmio(ulong address, ulong size, IBusDevice device);

    /// <summary>Asks for a window at any GPA without memory, below 4 GiB.</summary>
    /// <param name="size">Size in bytes, not zero; the window starts at a multiple of it, rounded up to a power of two, and of 4 KiB.</param>
    /// <param name="device">What answers.</param>
    /// <returns>The first GPA.</returns>
    ulong MapMmio(ulong size, IBusDevice device);

    /// <summary>Asks for some of the guest's memory below 4 GiB that the guest will leave alone, for structures that both know of.</summary>
    /// <param name="size">Bytes, 1 or more.</param>
    /// <param name="alignment">A power of two that the address is a multiple of.</param>
    /// <returns>Its first GPA.</returns>
    ulong ReserveMemory(ulong size, ulong alignment = 8);

    /// <summary>Asks for an interrupt line with a number of its own.</summary>
    /// <param name="number">The line (x64: the GSI).</param>
    /// <param name="sense">How the device signals.</param>
    /// <returns>The line. It may be set at any time; what is set before the machine starts takes effect at its start.</returns>
    IInterruptLine ConnectLine(int number, InterruptSense sense = InterruptSense.Edge);

    /// <summary>Asks for any free interrupt line.</summary>
    /// <param name="sense">How the device signals.</param>
    /// <param name="number">The line's number.</param>
    /// <returns>The line.</returns>
    IInterruptLine ConnectLine(InterruptSense sense, out int number);

    /// <summary>
    /// Asks for a way to tell the guest's operating system to look at the device (ACPI 6.5, 5.6.6: Notify with 0x80), which a driver bound to
    /// <see cref="Acpi"/> hears. An edge to true sends one.
    /// </summary>
    IInterruptLine ConnectNotification();

    /// <summary>Has something called when the native partition exists, before the first vCPU runs: the place to keep its memory, or to make doorbells.</summary>
    /// <param name="connect">What is called, once.</param>
    void OnConnected(Action<Partition> connect);

    /// <summary>Has something called when the machine is paused: its processors stand still, and the device's own threads must by the time the call returns.</summary>
    /// <param name="pause">What is called, at each pause, on a thread of the host's that may wait.</param>
    void OnPaused(Action pause);

    /// <summary>Has something called when a paused machine goes on, before its processors do.</summary>
    /// <param name="resume">What is called, at each end of a pause.</param>
    void OnResumed(Action resume);

    /// <summary>Has something called when the machine has ended and no vCPU will run again: the place to complete streams.</summary>
    /// <param name="end">What is called, once.</param>
    void OnEnded(Action end);
}
