using System.Buffers.Binary;

namespace HvSdk.Devices.Emulated;

/// <content>The two ways to the configuration spaces.</content>
public sealed partial class PciHostBridge
{
    // CONFIG_ADDRESS and CONFIG_DATA (PCI 3.0, 3.2.2.3.2).
    private const ushort ConfigurationPort = 0xCF8;
    private const int ConfigurationPortCount = 8;
    private const int ResetOffset = 1;
    private const int DataOffset = 4;
    private const uint Enable = 1U << 31;
    private const uint AddressBits = Enable | 0x00FF_FFFC;

    // Where the parts of an address are in it: by the ports, and in memory (PCI Express 3.0, table 7-1).
    private const int PortBusShift = 16;
    private const int PortDeviceShift = 11;
    private const int MemoryDeviceShift = 15;
    private const int FunctionBits = 3;
    private const int RegisterBits = 8;
    private const int ExtendedRegisterBits = 12;

    private volatile uint _address;

    private PciFunction? Find(uint device, uint function) => function == 0 && device < _functions.Length ? _functions[device] : null;

    /// <summary>The function that the address port names.</summary>
    private PciFunction? FindByPort(uint address) =>
        (address & Enable) != 0 && ((address >> PortBusShift) & 0xFF) == 0
            ? Find((address >> PortDeviceShift) & 0x1F, (address >> RegisterBits) & ((1 << FunctionBits) - 1))
            : null;

    /// <summary>The function at a place in memory, and which part of an access lies within its 4 KiB.</summary>
    private PciFunction? FindInMemory(ulong offset, int length, out int register, out int within)
    {
        const int FunctionSize = 1 << ExtendedRegisterBits;
        register = (int)(offset & (FunctionSize - 1));
        within = int.Min(length, FunctionSize - register);
        return offset < EcamSize
            ? Find((uint)(offset >> MemoryDeviceShift), (uint)(offset >> ExtendedRegisterBits) & ((1 << FunctionBits) - 1))
            : null;
    }

    private sealed class Ecam(PciHostBridge bridge) : IBusDevice
    {
        public void Read(ulong offset, Span<byte> data)
        {
            data.Fill(0xFF);
            bridge.FindInMemory(offset, data.Length, out int register, out int within)?.Read(register, data[..within]);
        }

        public void Write(ulong offset, ReadOnlySpan<byte> data) =>
            bridge.FindInMemory(offset, data.Length, out int register, out int within)?.Write(register, data[..within]);
    }

    /// <summary>
    /// The address is accessed with four bytes at once; any other access to it is none of PCI's. The data port has the bytes of the addressed register in their places.
    /// </summary>
    private sealed class ConfigurationPorts(PciHostBridge bridge) : IBusDevice
    {
        public void Read(ulong offset, Span<byte> data)
        {
            data.Fill(0xFF);
            if (offset == 0 && data.Length == sizeof(uint))
            {
                BinaryPrimitives.WriteUInt32LittleEndian(data, bridge._address);
            }
            else if (offset == ResetOffset && data.Length == 1)
            {
                bridge.ResetPort?.Read(0, data);
            }
            else if (offset is >= DataOffset and < ConfigurationPortCount)
            {
                uint address = bridge._address;
                int within = int.Min(data.Length, ConfigurationPortCount - (int)offset);
                bridge.FindByPort(address)?.Read((byte)address + (int)offset - DataOffset, data[..within]);
            }
        }

        public void Write(ulong offset, ReadOnlySpan<byte> data)
        {
            if (offset == 0 && data.Length == sizeof(uint))
            {
                bridge._address = BinaryPrimitives.ReadUInt32LittleEndian(data) & AddressBits;
            }
            else if (offset == ResetOffset && data.Length == 1)
            {
                bridge.ResetPort?.Write(0, data);
            }
            else if (offset is >= DataOffset and < ConfigurationPortCount)
            {
                uint address = bridge._address;
                int within = int.Min(data.Length, ConfigurationPortCount - (int)offset);
                bridge.FindByPort(address)?.Write((byte)address + (int)offset - DataOffset, data[..within]);
            }
        }
    }
}
