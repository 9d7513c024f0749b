namespace HvSdk.Conformance.Tests;

/// <summary>Ends a run where the guest writes to <see cref="Guest.DonePort"/>, and leaves all else to the buses.</summary>
internal readonly struct StopAtDone : IVcpuHandler
{
    public ExitDisposition Handle(in VcpuExit exit) =>
        exit.Kind == VcpuExitKind.PortWrite && exit.Port == Guest.DonePort ? ExitDisposition.Stop : ExitDisposition.NotHandled;
}
