using System.Globalization;

namespace HvSdk.Boot;

/// <summary>The structures themselves (DSP0134 3.0, chapter 7), in the order of their types.</summary>
internal static class SmbiosStructures
{
    /// <summary>As many as have a handle of their own.</summary>
    public const int MaxMemoryRanges = 0x100;

    private const ushort NoHandle = 0xFFFF;
    private const ushort NoErrorInformation = 0xFFFE;
    private const byte Other = 1;
    private const ulong Mebibyte = 1 << 20;

    /// <summary>Writes all structures.</summary>
    public static byte[] Of(X64Platform platform, SmbiosIdentity identity)
    {
        var table = new TableBytes();
        Firmware(identity).AddTo(table);
        System(identity).AddTo(table);
        SmbiosStructure chassis = Chassis(identity);
        chassis.AddTo(table);
        for (int i = 0; i < platform.Processors.Sockets; i++)
        {
            Processor(platform, identity, i).AddTo(table);
        }

        ulong total = platform.Memory.Aggregate(0ul, static (sum, range) => sum + range.Size);
        SmbiosStructure array = MemoryArray(total);
        array.AddTo(table);
        MemoryDevice(array.Handle, total).AddTo(table);
        for (int i = 0; i < platform.Memory.Count; i++)
        {
            MappedMemory(array.Handle, i, platform.Memory[i]).AddTo(table);
        }

        var boot = new SmbiosStructure(32); // system boot information (7.33)
        boot.Fields.Zeros(6);
        boot.Fields.U8(0); // no errors
        boot.AddTo(table);
        new SmbiosStructure(127).AddTo(table);
        return table.ToArray();
    }

    // 7.1
    private static SmbiosStructure Firmware(SmbiosIdentity identity)
    {
        var entry = new SmbiosStructure(0);
        entry.Text(identity.FirmwareVendor);
        entry.Text(identity.FirmwareVersion);
        entry.Fields.U16(0); // starting segment: it is not in the guest's memory
        entry.Text(identity.FirmwareDate.ToString("MM/dd/yyyy", CultureInfo.InvariantCulture));
        entry.Fields.U8(0); // ROM size
        entry.Fields.U64(1 << 3); // characteristics are not given
        entry.Fields.U8(1 << 0); // ACPI
        entry.Fields.U8(1 << 4); // a virtual machine
        entry.Fields.U8(byte.MaxValue); // releases of system firmware and embedded controller: none
        entry.Fields.U8(byte.MaxValue);
        entry.Fields.U8(byte.MaxValue);
        entry.Fields.U8(byte.MaxValue);
        return entry;
    }

    // 7.2
    private static SmbiosStructure System(SmbiosIdentity identity)
    {
        var entry = new SmbiosStructure(1);
        entry.Text(identity.Manufacturer);
        entry.Text(identity.Product);
        entry.Text(identity.Version);
        entry.Text(identity.SerialNumber);
        entry.Fields.Raw(identity.Uuid.ToByteArray()); // the first three fields little-endian, as 7.2.1 has it
        entry.Fields.U8(6); // woken by the power switch
        entry.Text(identity.StockKeepingNumber);
        entry.Text(identity.Family);
        return entry;
    }

    // 7.4
    private static SmbiosStructure Chassis(SmbiosIdentity identity)
    {
        var entry = new SmbiosStructure(3);
        entry.Text(identity.Manufacturer);
        entry.Fields.U8(Other); // type
        entry.Text(identity.Version);
        entry.Text(identity.SerialNumber);
        entry.Text(identity.AssetTag);
        entry.Fields.U8(3); // boot-up, power supply and thermal states: safe
        entry.Fields.U8(3);
        entry.Fields.U8(3);
        entry.Fields.U8(3); // security status: none
        entry.Fields.U32(0);
        entry.Fields.U8(0); // height
        entry.Fields.U8(0); // power cords
        entry.Fields.U8(0); // contained elements
        entry.Fields.U8(0);
        entry.Text(identity.StockKeepingNumber);
        return entry;
    }

    // 7.5
    private static SmbiosStructure Processor(X64Platform platform, SmbiosIdentity identity, int socket)
    {
        X64ProcessorDescription processors = platform.Processors;
        int threads = platform.ApicIds.Count / processors.Sockets;
        int cores = threads / processors.ThreadsPerCore;
        var entry = new SmbiosStructure(4, socket);
        entry.Text(string.Create(CultureInfo.InvariantCulture, $"CPU {socket}"));
        entry.Fields.U8(3); // central processor
        entry.Fields.U8(Other); // family
        entry.Text(identity.ProcessorManufacturer);
        entry.Fields.U32(processors.Signature);
        entry.Fields.U32(processors.Features);
        entry.Text(identity.ProcessorVersion);
        entry.Fields.U8(0); // voltage
        entry.Fields.U16(0); // external clock, maximum and current speed: unknown
        entry.Fields.U16(0);
        entry.Fields.U16(0);
        entry.Fields.U8(0x41); // populated, enabled
        entry.Fields.U8(Other); // upgrade
        entry.Fields.U16(NoHandle); // caches
        entry.Fields.U16(NoHandle);
        entry.Fields.U16(NoHandle);
        entry.Text(""); // serial number, asset tag, part number
        entry.Text("");
        entry.Text("");
        entry.Fields.U8(Count(cores));
        entry.Fields.U8(Count(cores)); // enabled
        entry.Fields.U8(Count(threads));
        int characteristics = 1 << 2; // 64 bits
        characteristics |= cores > 1 ? 1 << 3 : 0; // several cores
        characteristics |= processors.ThreadsPerCore > 1 ? 1 << 4 : 0; // several threads of each
        entry.Fields.U16((ushort)characteristics);
        entry.Fields.U16(Other); // family
        entry.Fields.U16((ushort)cores);
        entry.Fields.U16((ushort)cores);
        entry.Fields.U16((ushort)threads);
        return entry;
    }

    // 7.17
    private static SmbiosStructure MemoryArray(ulong total)
    {
        ulong kibibytes = total / 1024;
        bool extended = kibibytes >= 0x8000_0000;
        var entry = new SmbiosStructure(16);
        entry.Fields.U8(3); // on the system board
        entry.Fields.U8(3); // system memory
        entry.Fields.U8(3); // no error correction
        entry.Fields.U32(extended ? 0x8000_0000 : (uint)kibibytes);
        entry.Fields.U16(NoErrorInformation);
        entry.Fields.U16(1); // memory devices
        entry.Fields.U64(extended ? total : 0);
        return entry;
    }

    // 7.18
    private static SmbiosStructure MemoryDevice(ushort array, ulong total)
    {
        ulong mebibytes = (total + Mebibyte - 1) / Mebibyte;
        bool inKibibytes = total % Mebibyte != 0 && total / 1024 < 0x7FFF;
        bool extended = mebibytes >= 0x7FFF;
        var entry = new SmbiosStructure(17);
        entry.Fields.U16(array);
        entry.Fields.U16(NoErrorInformation);
        entry.Fields.U16(ushort.MaxValue); // widths: unknown
        entry.Fields.U16(ushort.MaxValue);
        entry.Fields.U16(inKibibytes ? (ushort)(0x8000 | total / 1024) : extended ? (ushort)0x7FFF : (ushort)mebibytes);
        entry.Fields.U8(9); // DIMM
        entry.Fields.U8(0); // of no set
        entry.Text("DIMM 0");
        entry.Text("");
        entry.Fields.U8(7); // RAM
        entry.Fields.U16(1 << 1); // of another kind
        entry.Fields.U16(0); // speed
        entry.Text(""); // manufacturer, serial number, asset tag, part number
        entry.Text("");
        entry.Text("");
        entry.Text("");
        entry.Fields.U8(0);
        entry.Fields.U32(extended && !inKibibytes ? (uint)Math.Min(mebibytes, 0x7FFF_FFFF) : 0);
        entry.Fields.U16(0); // configured speed; voltages
        entry.Fields.U16(0);
        entry.Fields.U16(0);
        entry.Fields.U16(0);
        return entry;
    }

    // 7.20
    private static SmbiosStructure MappedMemory(ushort array, int index, X64MemoryRange range)
    {
        ulong last = range.Address + (range.Size - 1);
        bool extended = last / 1024 >= uint.MaxValue;
        var entry = new SmbiosStructure(19, index);
        entry.Fields.U32(extended ? uint.MaxValue : (uint)(range.Address / 1024));
        entry.Fields.U32(extended ? uint.MaxValue : (uint)(last / 1024));
        entry.Fields.U16(array);
        entry.Fields.U8(1); // devices in a row
        entry.Fields.U64(extended ? range.Address : 0);
        entry.Fields.U64(extended ? last : 0);
        return entry;
    }

    // What does not fit is in the field of 16 bits at the structure's end.
    private static byte Count(int count) => (byte)Math.Min(count, byte.MaxValue);
}
