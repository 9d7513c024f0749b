using HvSdk.VirtualMachines;

namespace HvSdk.Samples.BootGuest;

/// <summary>What the sample returns to the shell.</summary>
internal static class GuestExitCode
{
    public const int CannotRun = 125;
    private const int Stopped = 130;
    private const int Reset = 3;
    private const int Panicked = 4;
    private const int Crashed = 5;
    private const int ByteMask = 0xFF;

    public static int Of(MachineEnd end) => end.Kind switch
    {
        MachineEndKind.PoweredOff or MachineEndKind.Halted => 0,
        MachineEndKind.Exited => end.ExitCode.GetValueOrDefault() & ByteMask,
        MachineEndKind.Reset => Reset,
        MachineEndKind.Panicked => Panicked,
        MachineEndKind.Crashed => Crashed,
        MachineEndKind.Stopped => Stopped,
        _ => CannotRun,
    };
}
