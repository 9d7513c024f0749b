namespace HvSdk.Testing;

/// <summary>An interrupt line that leads nowhere and remembers what was done to it. Any thread may call.</summary>
public sealed class RecordingLine : IInterruptLine
{
    private readonly object _gate = new();

    /// <summary>The level.</summary>
    public bool IsAsserted { get; private set; }

    /// <summary>How often it went from deasserted to asserted.</summary>
    public int Edges { get; private set; }

    /// <inheritdoc/>
    public void Set(bool asserted)
    {
        lock (_gate)
        {
            if (asserted && !IsAsserted)
            {
                Edges++;
            }

            IsAsserted = asserted;
        }
    }
}
