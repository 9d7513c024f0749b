namespace HvSdk.VirtualMachines;

/// <summary>How a machine ended.</summary>
public sealed record MachineEnd
{
    /// <summary>What happened.</summary>
    public required MachineEndKind Kind { get; init; }

    /// <summary>In words: which device, which processor, what it was doing.</summary>
    public required string Reason { get; init; }

    /// <summary>The guest's own number, with <see cref="MachineEndKind.Exited"/>.</summary>
    public int? ExitCode { get; init; }

    /// <summary>What went wrong on the host's side, with <see cref="MachineEndKind.Failed"/>.</summary>
    public Exception? Exception { get; init; }

    /// <inheritdoc/>
    public override string ToString() => $"{Kind}: {Reason}";
}

/// <summary>The ways in which a machine ends.</summary>
public enum MachineEndKind
{
    /// <summary>The guest switched it off.</summary>
    PoweredOff,

    /// <summary>The guest reset it. Build another machine to start anew.</summary>
    Reset,

    /// <summary>The guest's operating system reported that it has panicked.</summary>
    Panicked,

    /// <summary>The guest ended it with a number of its own (<see cref="MachineEnd.ExitCode"/>).</summary>
    Exited,

    /// <summary>All processors have halted with interrupts off: nothing will happen any more.</summary>
    Halted,

    /// <summary>A processor cannot go on: a triple fault, or an instruction that the host cannot emulate.</summary>
    Crashed,

    /// <summary>The host stopped it: <see cref="VirtualMachine.StopAsync"/>, or disposal.</summary>
    Stopped,

    /// <summary>The host or a device has failed (<see cref="MachineEnd.Exception"/>).</summary>
    Failed,
}
