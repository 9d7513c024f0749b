namespace HvSdk.Devices.Virtio;

/// <summary>Packets of the guest's that belong to no connection and await their answer, a reset: a bounded ring.</summary>
internal sealed class VsockStrays
{
    private const int Capacity = 64;

    private readonly VsockHeader[] _packets = new VsockHeader[Capacity];
    private int _first;
    private int _count;

    public bool IsFull => _count == Capacity;

    public void Add(in VsockHeader packet)
    {
        _packets[(_first + _count) % Capacity] = packet;
        _count++;
    }

    public bool TryPeek(out VsockHeader packet)
    {
        packet = _packets[_first];
        return _count > 0;
    }

    public void Remove()
    {
        _first = (_first + 1) % Capacity;
        _count--;
    }

    public void Clear() => _count = 0;
}
