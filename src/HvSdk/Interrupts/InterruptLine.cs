namespace HvSdk;

/// <summary>A wire into the interrupt controller that the host keeps. Any thread may call.</summary>
public sealed class InterruptLine : IInterruptLine
{
    private readonly InterruptController _controller;

    internal InterruptLine(InterruptController controller, int number)
    {
        _controller = controller;
        Number = number;
    }

    /// <summary>Number of the line (x64: the GSI).</summary>
    public int Number { get; }

    /// <inheritdoc/>
    public void Set(bool asserted) => _controller.SetLine(Number, asserted);

    /// <summary>Asserts and deasserts the line: one edge.</summary>
    public void Pulse()
    {
        Set(true);
        Set(false);
    }
}
