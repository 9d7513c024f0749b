namespace HvSdk.Devices.Virtio;

/// <content>Saved and loaded state.</content>
public sealed partial class ConsoleDevice
{
    private const DueMessages AllMessages = DueMessages.Remove | DueMessages.Add | DueMessages.ConsolePort | DueMessages.Name | DueMessages.Resize | DueMessages.Open;

    /// <inheritdoc/>
    protected internal override VirtioDeviceState SaveState()
    {
        lock (_gate)
        {
            return new ConsoleDeviceState { IsDriverReady = _isDriverReady, Ports = Array.ConvertAll(_slots, static slot => slot.SaveState()) };
        }
    }

    /// <inheritdoc/>
    protected internal override void LoadState(VirtioDeviceState? state)
    {
        ConsoleDeviceState saved = StateProblem.RequireKind<ConsoleDeviceState>(state);
        bool isActive = IsActive;
        lock (_gate)
        {
            StateProblem.RequireCount(saved.Ports, _slots.Length, _slots.Length, nameof(saved.Ports));
            for (int i = 0; i < _slots.Length; i++)
            {
                Check(saved.Ports[i], _slots[i]);
            }

            if (!isActive)
            {
                return;
            }

            _isDriverReady = saved.IsDriverReady;
            for (int i = 0; i < _slots.Length; i++)
            {
                _slots[i].LoadState(saved.Ports[i]);
            }
        }

        // Outside the lock, for the host hears of it.
        for (int i = 0; i < _slots.Length; i++)
        {
            _slots[i].Port?.SetGuestOpen(saved.Ports[i].IsGuestOpen);
        }

        if (saved.Ports[0].Columns != _first.Columns || saved.Ports[0].Rows != _first.Rows)
        {
            NotifyConfigurationChanged();
        }
    }

    private void Check(ConsolePortState saved, ConsoleSlot slot)
    {
        string field = $"{nameof(ConsoleDeviceState.Ports)}[{slot.Number}]";
        StateProblem.Require(saved is not null, $"{field} is null.");
        ConsolePort? port = slot.Port;
        StateProblem.Require(
            saved.Exists == port is not null && saved.Name == port?.Name && saved.IsConsole == (port?.IsConsole ?? false),
            $"{field} is {Describe(saved.Exists, saved.Name, saved.IsConsole)}, and this device has {Describe(port is not null, port?.Name, port?.IsConsole ?? false)}. Make it with the ports that it was saved with, those included that were added later.");
        var due = (DueMessages)saved.DueMessages;
        DueMessages possible = port is null ? DueMessages.Remove : port.Name is null ? AllMessages & ~DueMessages.Name : AllMessages;
        StateProblem.Require((due & ~possible) == 0, $"{field}.{nameof(saved.DueMessages)} is 0x{saved.DueMessages:X}; only the bits of 0x{(int)possible:X} are possible.");
        StateProblem.Require(port is not null || !(saved.IsAnnounced || saved.IsReady || saved.IsGuestOpen), $"{field} is in use, and there is no port.");
        bool hasChain = FindQueue(slot.TransmitQueue) is { Outstanding: > 0 };
        StateProblem.Require(
            saved.BytesTaken >= 0 && (saved.BytesTaken == 0 || hasChain), $"{field}.{nameof(saved.BytesTaken)} is {saved.BytesTaken}; it is at least 0, and 0 where no chain of queue {slot.TransmitQueue} is in flight.");
    }

    private static string Describe(bool exists, string? name, bool isConsole) =>
        !exists ? "no port" : isConsole ? $"a console named '{name}'" : $"a stream named '{name}'";
}
