namespace HvSdk.Benchmarks;

/// <summary>A device of one register.</summary>
internal sealed class RegisterDevice : IBusDevice
{
    private byte _value;

    public void Read(ulong offset, Span<byte> data) => data[0] = _value;

    public void Write(ulong offset, ReadOnlySpan<byte> data) => _value = data[0];
}

/// <summary>Puts fifty devices on a bus; the guests talk to the one in the middle.</summary>
internal static class Buses
{
    private const int Count = 50;
    private const ulong FirstPort = 0x100;
    private const ulong PortStride = 0x20;
    private const ulong PortWindow = 8;
    private const ulong FirstAddress = 0x2_0000;
    private const ulong AddressStride = 0x1000;

    internal static void Fill(Partition partition)
    {
        for (ulong i = 0; i < Count; i++)
        {
            partition.Ports.Map(FirstPort + (i * PortStride), PortWindow, new RegisterDevice());
        }

        FillMmio(partition);
    }

    /// <summary>The same where there are no ports.</summary>
    internal static void FillMmio(Partition partition)
    {
        for (ulong i = 0; i < Count; i++)
        {
            partition.Mmio.Map(FirstAddress + (i * AddressStride), AddressStride, new RegisterDevice());
        }
    }
}
