namespace HvSdk;

/// <summary>Where an interrupt line leads.</summary>
public readonly record struct InterruptRoute
{
    private InterruptRoute(int line, InterruptInput? input, MsiMessage? message)
    {
        Line = line;
        Input = input;
        Message = message;
    }

    /// <summary>The line, 0 to <see cref="HypervisorCapabilities.InterruptLineCount"/> less one. A line may lead to several inputs, or send one message.</summary>
    public int Line { get; }

    /// <summary>The input of the host's controller that it leads to, or null.</summary>
    public InterruptInput? Input { get; }

    /// <summary>The message that it sends, or null.</summary>
    public MsiMessage? Message { get; }

    /// <summary>A line that leads to an input of the host's interrupt controller.</summary>
    /// <param name="line">The line.</param>
    /// <param name="input">The input.</param>
    public static InterruptRoute ToInput(int line, InterruptInput input) => new(line, input, null);

    /// <summary>A line that sends a message: what a caller's own I/O APIC does.</summary>
    /// <param name="line">The line.</param>
    /// <param name="message">The message; where its data ask for level, the guest's end of interrupt leaves as <see cref="VcpuExitKind.EndOfInterrupt"/>.</param>
    public static InterruptRoute ToMessage(int line, MsiMessage message) => new(line, null, message);
}

/// <summary>An input of the host's interrupt controller.</summary>
/// <param name="Controller">Which chip (x64: 0 and 1 are the master and slave 8259A, 2 the I/O APIC).</param>
/// <param name="Pin">Which of its inputs.</param>
public readonly record struct InterruptInput(int Controller, int Pin);
