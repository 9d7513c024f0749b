namespace HvSdk.Devices.Virtio;

/// <content>Saved and loaded state.</content>
internal sealed partial class ReceiveFilter
{
    private const ulong MaxAddress = 0xFFFF_FFFF_FFFF;

    public NetworkFilterState SaveState() => new()
    {
        IsPromiscuous = IsPromiscuous,
        AllMulticast = AllMulticast,
        AllUnicast = AllUnicast,
        NoMulticast = NoMulticast,
        NoUnicast = NoUnicast,
        NoBroadcast = NoBroadcast,
        Unicast = _unicastCount < 0 ? null : _unicast[.._unicastCount],
        Multicast = _multicastCount < 0 ? null : _multicast[.._multicastCount],
        Vlans = [.. Enumerable.Range(0, VlanCount).Where(id => _vlans[id])],
    };

    /// <summary>Refuses a state that cannot be.</summary>
    public static void Check(NetworkFilterState state)
    {
        StateProblem.Require(state is not null, "Filter is null.");
        CheckTable(state.Unicast, nameof(state.Unicast));
        CheckTable(state.Multicast, nameof(state.Multicast));
        StateProblem.RequireCount(state.Vlans, 0, VlanCount, nameof(state.Vlans));
        foreach (int id in state.Vlans)
        {
            StateProblem.Require(id is >= 0 and < VlanCount, $"{nameof(state.Vlans)} has {id}; VLANs are 0 to {VlanCount - 1}.");
        }
    }

    public void LoadState(NetworkFilterState state)
    {
        IsPromiscuous = state.IsPromiscuous;
        AllMulticast = state.AllMulticast;
        AllUnicast = state.AllUnicast;
        NoMulticast = state.NoMulticast;
        NoUnicast = state.NoUnicast;
        NoBroadcast = state.NoBroadcast;
        _unicastCount = LoadTable(state.Unicast, _unicast);
        _multicastCount = LoadTable(state.Multicast, _multicast);
        Array.Clear(_vlans);
        foreach (int id in state.Vlans)
        {
            _vlans[id] = true;
        }
    }

    private static void CheckTable(IReadOnlyList<ulong>? table, string field)
    {
        if (table is not null)
        {
            StateProblem.RequireCount(table, 0, MaxAddresses, field);
            StateProblem.Require(table.All(static address => address <= MaxAddress), $"{field} has an address of more than 48 bits.");
        }
    }

    private static int LoadTable(IReadOnlyList<ulong>? saved, ulong[] table)
    {
        for (int i = 0; i < (saved?.Count ?? 0); i++)
        {
            table[i] = saved![i];
        }

        return saved?.Count ?? -1;
    }
}
