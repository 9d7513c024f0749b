namespace HvSdk.Devices;

/// <summary>A device's place on the PCI bus of a machine that is being built: what the device asks for, and what the guest makes of it.</summary>
/// <remarks>
/// Requests are taken during <see cref="IPciDevice.Attach"/> only; what a slot cannot give, or a device must not ask for, is an exception there, which
/// the machine's builder lists with its other problems. What the requests return may be used by any thread, at any time, with locks of the
/// device held.
/// </remarks>
public interface IPciSlot
{
    /// <summary>The device's name in the machine, for people.</summary>
    string Name { get; }

    /// <summary>The machine's time.</summary>
    TimeProvider TimeProvider { get; }

    /// <summary>The machine, as far as a device may control it. Of use once the machine runs.</summary>
    IMachineControl Machine { get; }

    /// <summary>
    /// The guest lets the device access memory: the Bus Master bit of the command register (PCI 3.0, 6.2.2). A device leaves guest memory alone while
    /// it is off. Messages of <see cref="UseMsiX"/> look at it themselves. Any thread may ask, at any time.
    /// </summary>
    bool IsBusMaster { get; }

    /// <summary>Says what the device is. Each device does.</summary>
    /// <param name="identity">The identity.</param>
    void Identify(PciIdentity identity);

    /// <summary>Asks for a window of registers in memory space, a base address register (PCI 3.0, 6.2.5). The guest decides where it lies, and whether.</summary>
    /// <param name="index">The register, 0 to 5; one of 64 bits takes the next one too.</param>
    /// <param name="size">Bytes, a power of two: 16 to 2 GiB, and with <see cref="PciBarOptions.Wide"/> to 1 TiB.</param>
    /// <param name="device">What answers, with the threads and the freedom of the guest that <see cref="IBusDevice"/> tells of.</param>
    /// <param name="options">The register's make.</param>
    void AddBar(int index, ulong size, IBusDevice device, PciBarOptions options = PciBarOptions.None);

    /// <summary>Has something called when the guest maps, moves or unmaps a window: the place to make and to dispose of doorbells in it.</summary>
    /// <param name="index">The base address register, asked for before.</param>
    /// <param name="moved">
    /// Gets the GPA from which on the window answers now, or null where it answers no more; a move is null and then the GPA. Called in order, on the
    /// thread of the vCPU that accesses the configuration, after <see cref="OnConnected"/>, and with null before <see cref="OnEnded"/>. It
    /// must not wait for another thread, nor access the device's own configuration; accesses that are under way may still arrive after null.
    /// </param>
    void OnBarMapped(int index, Action<ulong?> moved);

    /// <summary>Adds a capability (PCI 3.0, 6.7) that is bytes: the guest reads them, and changes those bits that it may.</summary>
    /// <param name="id">Its ID (PCI 3.0, appendix H).</param>
    /// <param name="body">The bytes that follow its ID and its pointer to the next.</param>
    /// <param name="writable">A one for each bit that the guest may change, as long as the body; empty: none.</param>
    /// <returns>Its offset in the configuration space, that of the ID; the body follows two bytes later.</returns>
    int AddCapability(byte id, ReadOnlySpan<byte> body, ReadOnlySpan<byte> writable = default);

    /// <summary>Adds a capability (PCI 3.0, 6.7) whose bytes the device answers itself.</summary>
    /// <param name="id">Its ID (PCI 3.0, appendix H).</param>
    /// <param name="length">How many bytes follow its ID and its pointer to the next.</param>
    /// <param name="registers">What answers these bytes, its offset 0 being the first of them; one access at a time. It must not access the device's own configuration.</param>
    /// <returns>Its offset in the configuration space, that of the ID; the body follows two bytes later.</returns>
    int AddCapability(byte id, int length, IBusDevice registers);

    /// <summary>Asks for MSI-X: messages as interrupts (PCI 3.0, 6.8.2). The slot adds the capability, and keeps table and pending bits in a window of its own.</summary>
    /// <param name="vectors">How many, 1 to 2048.</param>
    /// <param name="bar">The base address register of the window, which the slot asks for itself: 0 to 5, of 32 bits.</param>
    /// <returns>The messages.</returns>
    IPciMessages UseMsiX(int vectors, int bar);

    /// <summary>
    /// Asks for the interrupt pin, INTA# (PCI 3.0, 2.2.6): level-triggered, and shared with other devices. It reaches the guest while neither the Interrupt
    /// Disable bit of the command register (6.2.2) is set nor MSI-X is enabled.
    /// </summary>
    /// <returns>The line. It may be set at any time; what is set before the machine starts takes effect at its start.</returns>
    IInterruptLine ConnectInterruptPin();

    /// <summary>Has something called when the native partition exists, before the first vCPU runs: the place to keep its memory.</summary>
    /// <param name="connect">What is called, once.</param>
    void OnConnected(Action<Partition> connect);

    /// <summary>Has something called when the machine is paused: its processors stand still, and the device's own threads must by the time the call returns.</summary>
    /// <param name="pause">What is called, at each pause, on a thread of the host's that may wait.</param>
    void OnPaused(Action pause);

    /// <summary>Has something called when a paused machine goes on, before its processors do.</summary>
    /// <param name="resume">What is called, at each end of a pause.</param>
    void OnResumed(Action resume);

    /// <summary>Has something called when the machine has ended and no vCPU will run again: the place to end workers and to complete streams.</summary>
    /// <param name="end">What is called, once.</param>
    void OnEnded(Action end);
}
