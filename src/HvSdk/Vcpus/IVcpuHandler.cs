namespace HvSdk;

/// <summary>What a caller does with the exits of a vCPU that runs on (<see cref="Vcpu.Run{THandler}(ref THandler, CancellationToken)"/>).</summary>
/// <remarks>
/// Make it a struct: the loop is then compiled for it, with no virtual call and nothing allocated. It is called on the vCPU's thread. An
/// exception from it ends the run and reaches the caller of Run; the vCPU stays usable and the access counts as completed.
/// </remarks>
public interface IVcpuHandler
{
    /// <summary>Looks at one exit before the partition's buses do.</summary>
    /// <param name="exit">The exit; a read is answered through <see cref="VcpuExit.Data"/> or <see cref="VcpuExit.SetValue"/>.</param>
    /// <returns>What becomes of the exit.</returns>
    ExitDisposition Handle(in VcpuExit exit);
}

/// <summary>What becomes of an exit that a handler has seen.</summary>
public enum ExitDisposition
{
    /// <summary>
    /// Not the handler's: an access goes to the partition's bus, and to the open bus where no device answers; any other exit ends the run.
    /// </summary>
    NotHandled,

    /// <summary>Done: the vCPU enters the guest again.</summary>
    Handled,

    /// <summary>The run ends here and returns this exit. An access counts as completed.</summary>
    Stop,
}
