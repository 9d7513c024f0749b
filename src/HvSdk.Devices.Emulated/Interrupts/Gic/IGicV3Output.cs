namespace HvSdk.Devices.Emulated;

/// <summary>Where a <see cref="GicV3"/> is connected to the interrupt inputs of its processors.</summary>
/// <remarks>
/// Called with the GIC's lock held, so that calls arrive in the order of their causes, on whatever thread has caused the change: an implementation passes them on
/// (<see cref="Arm64Vcpu.SetInterruptInput"/> belongs to the vCPU's own thread) and neither waits for another thread nor calls back.
/// </remarks>
public interface IGicV3Output
{
    /// <summary>Sets an interrupt input of a processor; called when it changes.</summary>
    /// <param name="processor">Its index.</param>
    /// <param name="input">IRQ for group 1, FIQ for group 0.</param>
    /// <param name="asserted">Its level, which stays.</param>
    void SetInput(int processor, Arm64InterruptInput input, bool asserted);
}
