namespace HvSdk.Devices.Virtio;

/// <summary>Packets of the guest's that belong to no connection and await their answer, a reset: a bounded ring.</summary>
internal sealed class VsockStrays
{
    /// <summary>How many there are before the guest's packets wait.</summary>
    public const int Capacity = 64;

    private VsockHeader[] _packets = new VsockHeader[Capacity];
    private int _first;
    private int _count;

    public bool IsFull => _count >= Capacity;

    public void Add(in VsockHeader packet)
    {
        _packets[(_first + _count) % _packets.Length] = packet;
        _count++;
    }

    public bool TryPeek(out VsockHeader packet)
    {
        packet = _packets[_first];
        return _count > 0;
    }

    public void Remove()
    {
        _first = (_first + 1) % _packets.Length;
        _count--;
    }

    public void Clear() => _count = 0;

    public VsockHeader[] Save()
    {
        var packets = new VsockHeader[_count];
        for (int i = 0; i < packets.Length; i++)
        {
            packets[i] = _packets[(_first + i) % _packets.Length];
        }

        return packets;
    }

    /// <summary>Takes the packets of a saved state: those of all connections may be among them, which is more than there are otherwise.</summary>
    public void Load(VsockHeader[] packets)
    {
        _packets = new VsockHeader[int.Max(Capacity, packets.Length)];
        packets.CopyTo(_packets, 0);
        _first = 0;
        _count = packets.Length;
    }
}
