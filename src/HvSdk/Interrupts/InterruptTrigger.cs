using HvSdk.Backends;

namespace HvSdk;

/// <summary>Raises one interrupt of a partition without a call into it: for workers that do so often. Any thread may call.</summary>
/// <remarks>Made by <see cref="InterruptController.CreateTrigger(InterruptLine, bool)"/> and <see cref="InterruptController.CreateTrigger(MsiMessage)"/>.</remarks>
public sealed class InterruptTrigger : IDisposable
{
    private readonly InterruptController _controller;
    private readonly HostEvent _event;
    private readonly HostEvent? _acknowledged;

    internal InterruptTrigger(InterruptController controller, HostEvent @event, HostEvent? acknowledged)
    {
        _controller = controller;
        _event = @event;
        _acknowledged = acknowledged;
    }

    internal HostEvent Event => _event;

    /// <summary>Raises the interrupt: one edge or message, or, for a level-triggered line, an assertion until the guest acknowledges it.</summary>
    public void Signal() => _event.Signal();

    /// <summary>Waits until the guest has acknowledged a level-triggered line; a device that still wants service signals again.</summary>
    /// <param name="timeout">How long at most.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>True where it was acknowledged, false where the time has passed.</returns>
    /// <exception cref="InvalidOperationException">The trigger is not level-triggered.</exception>
    public bool WaitForAcknowledge(TimeSpan timeout, CancellationToken cancellationToken = default) =>
        (_acknowledged ?? throw new InvalidOperationException("Only a level-triggered trigger hears of acknowledgements. Create it with levelTriggered: true."))
        .Wait(timeout, cancellationToken);

    /// <summary>Sends another message from now on.</summary>
    /// <param name="message">The message.</param>
    /// <exception cref="InvalidOperationException">The trigger belongs to a line.</exception>
    public void Update(MsiMessage message) => _controller.Update(this, message);

    /// <summary>Disconnects the trigger.</summary>
    public void Dispose() => _controller.Dispose(this);

    internal void DisposeEvents()
    {
        _event.Dispose();
        _acknowledged?.Dispose();
    }
}
