using HvSdk.Devices;

namespace HvSdk.Boot;

/// <summary>The resource template of a device (ACPI 6.5, 6.4): its windows and interrupt lines, none of which can be moved.</summary>
internal static class AmlResources
{
    // Bit 0: consumer; bits 2 and 3: both ends are fixed (6.4.3.5.1).
    private const byte FixedConsumer = 0x0D;
    private const byte FixedProducer = 0x0C;

    /// <summary>Makes the template of a device.</summary>
    public static byte[] Of(DeviceDescription device)
    {
        var bytes = new TableBytes();
        foreach (DeviceWindow window in device.Windows)
        {
            Add(bytes, window);
        }

        foreach (DeviceLine line in device.Lines)
        {
            Add(bytes, line);
        }

        End(bytes);
        return bytes.ToArray();
    }

    /// <summary>Ends a template.</summary>
    public static void End(TableBytes bytes)
    {
        // End tag (6.4.2.9); a checksum of zero counts as good.
        bytes.U8(0x79);
        bytes.U8(0);
    }

    /// <summary>Adds the number of the one bus that a bridge has.</summary>
    public static void AddBus(TableBytes bytes, ushort number)
    {
        // Word address space descriptor (6.4.3.5.3) of bus numbers.
        bytes.U8(0x88);
        bytes.U16(0x0D);
        bytes.U8(2);
        bytes.U8(FixedProducer);
        bytes.U8(0);
        bytes.U16(0);
        bytes.U16(number);
        bytes.U16(number);
        bytes.U16(0);
        bytes.U16(1);
    }

    /// <summary>Adds memory that a bridge passes on to its bus: not cacheable, readable and writable.</summary>
    public static void AddProduced(TableBytes bytes, ulong address, ulong size)
    {
        ulong last = address + (size - 1);
        if (last <= uint.MaxValue && size <= uint.MaxValue)
        {
            // Double word address space descriptor (6.4.3.5.2).
            bytes.U8(0x87);
            bytes.U16(0x17);
            bytes.U8(0);
            bytes.U8(FixedProducer);
            bytes.U8(1);
            bytes.U32(0);
            bytes.U32((uint)address);
            bytes.U32((uint)last);
            bytes.U32(0);
            bytes.U32((uint)size);
            return;
        }

        AddQuadWord(bytes, address, size, FixedProducer);
    }

    /// <summary>Adds a window.</summary>
    public static void Add(TableBytes bytes, DeviceWindow window)
    {
        ulong last = window.Address + (window.Size - 1);
        if (window.Space == BusSpace.Ports && window.Size <= byte.MaxValue)
        {
            // I/O port descriptor (6.4.2.5), 16 bits decoded.
            bytes.U8(0x47);
            bytes.U8(1);
            bytes.U16((ushort)window.Address);
            bytes.U16((ushort)window.Address);
            bytes.U8(1);
            bytes.U8((byte)window.Size);
        }
        else if (window.Space == BusSpace.Ports)
        {
            // Word address space descriptor (6.4.3.5.3) of I/O, the entire range.
            bytes.U8(0x88);
            bytes.U16(0x0D);
            bytes.U8(1);
            bytes.U8(FixedConsumer);
            bytes.U8(3);
            bytes.U16(0);
            bytes.U16((ushort)window.Address);
            bytes.U16((ushort)last);
            bytes.U16(0);
            bytes.U16((ushort)window.Size);
        }
        else if (last <= uint.MaxValue && window.Size <= uint.MaxValue)
        {
            // 32-bit fixed memory range descriptor (6.4.3.4), readable and writable.
            bytes.U8(0x86);
            bytes.U16(9);
            bytes.U8(1);
            bytes.U32((uint)window.Address);
            bytes.U32((uint)window.Size);
        }
        else
        {
            AddQuadWord(bytes, window.Address, window.Size, FixedConsumer);
        }
    }

    // Quad word address space descriptor (6.4.3.5.1) of memory, not cacheable, readable and writable.
    private static void AddQuadWord(TableBytes bytes, ulong address, ulong size, byte flags)
    {
        bytes.U8(0x8A);
        bytes.U16(0x2B);
        bytes.U8(0);
        bytes.U8(flags);
        bytes.U8(1);
        bytes.U64(0);
        bytes.U64(address);
        bytes.U64(address + (size - 1));
        bytes.U64(0);
        bytes.U64(size);
    }

    private static void Add(TableBytes bytes, DeviceLine line)
    {
        if (line.Sense == InterruptSense.Edge && line.Number < 16)
        {
            // IRQ descriptor without flags (6.4.2.1): edge, active high, not shared.
            bytes.U8(0x22);
            bytes.U16((ushort)(1 << line.Number));
            return;
        }

        // Extended interrupt descriptor (6.4.3.6). Bit 0: consumer; bit 1: edge; bit 2, clear: active high; bit 3: shared.
        bytes.U8(0x89);
        bytes.U16(6);
        bytes.U8(line.Sense == InterruptSense.Edge ? (byte)0x03 : (byte)0x09);
        bytes.U8(1);
        bytes.U32((uint)line.Number);
    }
}
