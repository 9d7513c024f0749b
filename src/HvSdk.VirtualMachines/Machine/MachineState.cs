namespace HvSdk.VirtualMachines;

/// <summary>Where a machine is in its life.</summary>
public enum MachineState
{
    /// <summary>Built: nothing native exists.</summary>
    Built,

    /// <summary>Its memory is being made and its image loaded.</summary>
    Starting,

    /// <summary>Its processors run.</summary>
    Running,

    /// <summary>Its processors stand still.</summary>
    Paused,

    /// <summary>It has been asked to end, and has not yet.</summary>
    Stopping,

    /// <summary>It has ended (<see cref="VirtualMachine.End"/>).</summary>
    Ended,
}

/// <summary>A machine has come to another state.</summary>
/// <param name="previous">The state before.</param>
/// <param name="current">The state now.</param>
public sealed class MachineStateChangedEventArgs(MachineState previous, MachineState current) : EventArgs
{
    /// <summary>The state before.</summary>
    public MachineState Previous { get; } = previous;

    /// <summary>The state now.</summary>
    public MachineState Current { get; } = current;
}
