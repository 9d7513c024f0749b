using System.Buffers.Binary;

namespace HvSdk.Devices.Virtio;

/// <summary>Which frames the driver wants (virtio 1.2, 5.1.6.5.1 to 5.1.6.5.3).</summary>
internal sealed partial class ReceiveFilter
{
    // Longer tables are not looked through: all frames of their kind pass then, and the guest sorts them out.
    private const int MaxAddresses = 64;
    private const int VlanCount = 4096;
    private const ushort VlanMask = VlanCount - 1;
    private const ushort TypeVlan = 0x8100;
    private const ulong Broadcast = 0xFFFF_FFFF_FFFF;

    private readonly ulong[] _unicast = new ulong[MaxAddresses];
    private readonly ulong[] _multicast = new ulong[MaxAddresses];
    private readonly bool[] _vlans = new bool[VlanCount];
    private int _unicastCount;
    private int _multicastCount;
    private bool _filtersVlans;

    public bool IsPromiscuous { get; set; }

    public bool AllMulticast { get; set; }

    public bool AllUnicast { get; set; }

    public bool NoMulticast { get; set; }

    public bool NoUnicast { get; set; }

    public bool NoBroadcast { get; set; }

    /// <summary>As after a reset: all frames pass until the driver says otherwise.</summary>
    public void Reset(bool filtersVlans)
    {
        IsPromiscuous = true;
        AllMulticast = AllUnicast = NoMulticast = NoUnicast = NoBroadcast = false;
        _unicastCount = _multicastCount = 0;
        _filtersVlans = filtersVlans;
        Array.Clear(_vlans);
    }

    public bool Passes(ReadOnlySpan<byte> frame, MacAddress own)
    {
        if (_filtersVlans && BinaryPrimitives.ReadUInt16BigEndian(frame[12..]) == TypeVlan && frame.Length >= 16 && !_vlans[BinaryPrimitives.ReadUInt16BigEndian(frame[14..]) & VlanMask])
        {
            return false;
        }

        if (IsPromiscuous)
        {
            return true;
        }

        ulong destination = MacAddress.Read(frame);
        if (destination == Broadcast)
        {
            return !NoBroadcast;
        }

        return (frame[0] & 1) != 0
            ? !NoMulticast && (AllMulticast || Contains(_multicast, _multicastCount, destination))
            : !NoUnicast && (AllUnicast || destination == own.Value || Contains(_unicast, _unicastCount, destination));
    }

    public bool TrySetVlan(ushort id, bool passes)
    {
        if (id >= VlanCount)
        {
            return false;
        }

        _vlans[id] = passes;
        return true;
    }

    /// <summary>Takes both tables of VIRTIO_NET_CTRL_MAC_TABLE_SET from a command.</summary>
    /// <returns>False: the command is shorter than it says; the tables stay as they were.</returns>
    public bool TrySetTables(DescriptorChain chain, long offset)
    {
        if (!chain.TryRead(offset, out uint unicast))
        {
            return false;
        }

        long second = offset + sizeof(uint) + ((long)unicast * MacAddress.Length);
        if (!chain.TryRead(second, out uint multicast) || second + sizeof(uint) + ((long)multicast * MacAddress.Length) > chain.ReadableLength)
        {
            return false;
        }

        _unicastCount = ReadTable(chain, offset + sizeof(uint), unicast, _unicast);
        _multicastCount = ReadTable(chain, second + sizeof(uint), multicast, _multicast);
        return true;
    }

    private static int ReadTable(DescriptorChain chain, long offset, uint count, ulong[] table)
    {
        if (count > MaxAddresses)
        {
            return -1;
        }

        Span<byte> address = stackalloc byte[MacAddress.Length];
        for (int i = 0; i < count; i++)
        {
            chain.Read(offset + (i * MacAddress.Length), address);
            table[i] = MacAddress.Read(address);
        }

        return (int)count;
    }

    private static bool Contains(ulong[] table, int count, ulong address) => count < 0 || table.AsSpan(0, count).Contains(address);
}
