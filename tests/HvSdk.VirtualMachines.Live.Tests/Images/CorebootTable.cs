using HvSdk.Devices;

namespace HvSdk.VirtualMachines.Live.Tests.Images;

/// <summary>The table by which coreboot tells a payload where its RAM is (coreboot: src/commonlib/include/commonlib/coreboot_tables.h), written where payloads look for it.</summary>
internal sealed class CorebootTable : IPlatformDevice
{
    private const ulong Address = 0x500;
    private const uint HeaderSize = 24;
    private const uint MemoryTag = 1;
    private const uint RecordSize = 8 + 20;
    private const uint Ram = 1;
    private const uint Start = 0x10_0000;
    private const uint Size = 62 << 20;

    public void Attach(IDeviceSlot slot) => slot.OnConnected(static partition =>
    {
        // One record, of one range: 64 bits of address, 64 of size, 32 of type.
        byte[] record = TestKernel.Words(MemoryTag, RecordSize, Start, 0, Size, 0, Ram);
        byte[] header = TestKernel.Words(TestKernel.Word("LBIO"), HeaderSize, 0, RecordSize, Checksum(record), 1);
        TestKernel.Words(Checksum(header)).CopyTo(header, 8);
        partition.Memory.Write(Address, [.. header, .. record]);
    });

    /// <summary>That of the Internet Protocol (RFC 1071).</summary>
    private static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        uint sum = 0;
        for (int i = 0; i < bytes.Length; i++)
        {
            sum += (uint)bytes[i] << (8 * (i % 2));
        }

        while (sum > ushort.MaxValue)
        {
            sum = (sum & ushort.MaxValue) + (sum >> 16);
        }

        return ~sum & ushort.MaxValue;
    }
}
