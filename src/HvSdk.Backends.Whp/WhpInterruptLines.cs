namespace HvSdk.Backends.Whp;

/// <summary>
/// Lines that lead to messages, and triggers: the platform keeps local APICs and takes messages, and everything above that is here. Any thread.
/// </summary>
/// <param name="send">Sends a message to the local APICs.</param>
internal sealed class WhpInterruptLines(Func<MsiMessage, bool> send)
{
    /// <summary>Level-triggered, in a message's data (Intel SDM vol. 3A, 11.11.2).</summary>
    private const uint LevelTriggered = 1U << 15;

    private readonly object _gate = new();
    private readonly HashSet<int> _asserted = [];
    private readonly List<WhpTrigger> _levelTriggers = [];
    private InterruptRoute[] _routes = [];

    internal void SetRoutes(ReadOnlySpan<InterruptRoute> routes)
    {
        lock (_gate)
        {
            _routes = routes.ToArray();
        }
    }

    /// <summary>A rising edge sends the messages of the line.</summary>
    internal void Set(int line, bool asserted)
    {
        bool isEdge;
        lock (_gate)
        {
            isEdge = asserted && _asserted.Add(line);
            if (!asserted)
            {
                _asserted.Remove(line);
            }
        }

        if (isEdge)
        {
            Send(line);
        }
    }

    internal WhpTrigger CreateLineTrigger(int line, bool levelTriggered, out HostEvent? acknowledged)
    {
        WhpEvent? resample = levelTriggered ? WhpEvent.Create() : null;
        acknowledged = resample;
        var trigger = new WhpTrigger(this, line, default, resample);
        if (levelTriggered)
        {
            lock (_gate)
            {
                _levelTriggers.Add(trigger);
            }
        }

        return trigger;
    }

    internal WhpTrigger CreateMessageTrigger(MsiMessage message) => new(this, -1, message, null);

    internal void Fire(WhpTrigger trigger)
    {
        if (trigger.Line < 0)
        {
            send(trigger.Message);
        }
        else if (trigger.Acknowledged is null)
        {
            Send(trigger.Line);
        }
        else
        {
            Set(trigger.Line, true);
        }
    }

    internal void Remove(WhpTrigger trigger)
    {
        lock (_gate)
        {
            _levelTriggers.Remove(trigger);
        }
    }

    /// <summary>The guest has ended a level-triggered interrupt: triggers of lines that raise its vector are released and hear of it.</summary>
    internal void EndOfInterrupt(uint vector)
    {
        lock (_gate)
        {
            foreach (WhpTrigger trigger in _levelTriggers)
            {
                if (Array.Exists(_routes, route => route.Line == trigger.Line && route.Message is { } message && (message.Data & 0xFF) == vector)
                    && _asserted.Remove(trigger.Line))
                {
                    trigger.Acknowledged!.Signal();
                }
            }
        }
    }

    /// <summary>The message asks the local APIC to tell the end of the interrupt.</summary>
    internal static bool IsLevel(MsiMessage message) => (message.Data & LevelTriggered) != 0;

    private void Send(int line)
    {
        InterruptRoute[] routes;
        lock (_gate)
        {
            routes = _routes;
        }

        foreach (InterruptRoute route in routes)
        {
            if (route.Line == line && route.Message is { } message)
            {
                send(message);
            }
        }
    }
}
