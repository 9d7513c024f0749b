namespace HvSdk.Backends.Whp;

/// <summary>Doorbells on ports. The platform knows those of memory alone: the write leaves, and no further than the backend.</summary>
internal sealed class WhpPortDoorbells
{
    private readonly object _gate = new();
    private (DoorbellLocation Location, WhpEvent Event)[] _all = [];

    internal WhpEvent Create(DoorbellLocation location)
    {
        lock (_gate)
        {
            if (Array.Exists(_all, other => other.Location == location))
            {
                throw WhpError.Create("CreateDoorbell", Interop.HRESULTS.E_INVALIDARG, $"There is a doorbell at {location}.");
            }

            var doorbell = WhpEvent.Create(() => Remove(location));
            _all = [.. _all, (location, doorbell)];
            return doorbell;
        }
    }

    /// <summary>Rings what a write matches.</summary>
    internal bool TryRing(ushort port, ReadOnlySpan<byte> data)
    {
        bool rung = false;
        foreach ((DoorbellLocation location, WhpEvent doorbell) in Volatile.Read(ref _all))
        {
            if (Matches(location, port, data))
            {
                doorbell.Signal();
                rung = true;
            }
        }

        return rung;
    }

    private static bool Matches(in DoorbellLocation location, ushort port, ReadOnlySpan<byte> data)
    {
        if (location.Address != port || (location.Size != 0 && location.Size != data.Length))
        {
            return false;
        }

        uint written = 0;
        for (int i = data.Length - 1; i >= 0; i--)
        {
            written = (written << 8) | data[i];
        }

        return location.Value is null || location.Value == written;
    }

    private void Remove(DoorbellLocation location)
    {
        lock (_gate)
        {
            _all = Array.FindAll(_all, other => other.Location != location);
        }
    }
}
