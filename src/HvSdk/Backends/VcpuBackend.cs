namespace HvSdk.Backends;

/// <summary>One vCPU of a backend. The core checks arguments, threads and lifetimes before it calls; a backend translates.</summary>
/// <remarks>
/// All members but <see cref="Kick"/> are called by one thread at a time: the owner's, or, for <see cref="Dispose"/> of a vCPU that is not
/// in use, the disposing thread's. A host that binds vCPUs to threads keeps a thread of its own.
/// </remarks>
public abstract class VcpuBackend : IDisposable
{
    /// <summary>The x86-64 half, or null for another architecture.</summary>
    public virtual X64VcpuBackend? X64 => null;

    /// <summary>The AArch64 half, or null for another architecture.</summary>
    public virtual Arm64VcpuBackend? Arm64 => null;

    /// <summary>
    /// Completes the access of the previous exit, enters the guest and returns with the next exit. One instruction may give several exits in a
    /// row: an access that crosses pages, or an instruction that the backend completes itself.
    /// </summary>
    /// <param name="exit">
    /// The exit. <see cref="VcpuExitKind.Canceled"/> means that the guest was left or not entered because of <see cref="Kick"/> or of nothing at
    /// all; the access before it is completed then, and the core knows whether somebody had asked.
    /// </param>
    public abstract void Enter(out VcpuExit exit);

    /// <summary>
    /// Puts an answer into the exit block, before <see cref="Enter"/> completes the access: callers of the core get copies of exits and answer
    /// there. Not called for exits that a handler has answered in place.
    /// </summary>
    /// <param name="data">As many bytes as the exit's data had.</param>
    /// <param name="isFaulted">The access to a system register is refused.</param>
    public abstract void AnswerAccess(ReadOnlySpan<byte> data, bool isFaulted);

    /// <summary>
    /// Makes the current <see cref="Enter"/>, or else the next one, return <see cref="VcpuExitKind.Canceled"/> as soon as the pending access is
    /// completed. Any thread, at any time until <see cref="Dispose"/> is called. The core sets its own flag before it calls.
    /// </summary>
    public abstract void Kick();

    /// <summary>Sets how the vCPU is debugged. The options are checked against the capabilities.</summary>
    /// <param name="options">The options.</param>
    public abstract void SetDebug(VcpuDebugOptions options);

    /// <summary>Reads the host's own counters for this vCPU.</summary>
    /// <returns>Name and value of each; empty where the host has none.</returns>
    public virtual IReadOnlyList<HostStatistic> ReadStatistics() => [];

    /// <summary>Destroys the vCPU. Called once.</summary>
    public abstract void Dispose();
}
