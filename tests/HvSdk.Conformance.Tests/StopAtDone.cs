namespace HvSdk.Conformance.Tests;

/// <summary>Ends a run where the guest is done (<see cref="GuestCode.Done"/>), and leaves all else to the buses.</summary>
internal readonly struct StopAtDone : IVcpuHandler
{
    public ExitDisposition Handle(in VcpuExit exit) => exit.IsDone() ? ExitDisposition.Stop : ExitDisposition.NotHandled;
}
