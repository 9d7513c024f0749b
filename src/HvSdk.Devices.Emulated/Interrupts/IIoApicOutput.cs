namespace HvSdk.Devices.Emulated;

/// <summary>Where an <see cref="IoApic"/> is connected to the local APICs.</summary>
/// <remarks>
/// Called with the I/O APIC's lock held, so that calls arrive in the order of their causes: an implementation passes them on and neither waits for
/// another thread nor calls back. Messages have the layout of Intel SDM vol. 3A, 11.11: delivery mode in bits 10 to 8 of the data, for a
/// level-triggered interrupt bits 15 and 14 as well.
/// </remarks>
public interface IIoApicOutput
{
    /// <summary>Sends an interrupt. Its delivery mode may be any: fixed (0), lowest priority (1), SMI (2), NMI (4), INIT (5), ExtINT (7).</summary>
    /// <param name="message">The message.</param>
    void Send(MsiMessage message);

    /// <summary>
    /// Says which message a level-triggered input sends, so that a host that keeps the local APICs can report its ends of interrupts
    /// (<see cref="InterruptRoute.ToMessage"/>, <see cref="VcpuExitKind.EndOfInterrupt"/>). Called only when it changes, and before the first such message.
    /// </summary>
    /// <remarks>
    /// An input whose entry is masked keeps what it has while nothing else in the entry changes: guests end interrupts while they mask them.
    /// </remarks>
    /// <param name="input">The input.</param>
    /// <param name="message">The message; null: the input is not level-triggered, or sends nothing.</param>
    void SetLevelRoute(int input, MsiMessage? message);
}
