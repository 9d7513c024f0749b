using System.Buffers.Binary;

namespace HvSdk.Boot;

/// <summary>struct hvm_start_info, what a kernel is told that is entered by PVH (Xen: public/arch-x86/hvm/start_info.h, version 1).</summary>
internal static class PvhStartInfo
{
    private const uint Magic = 0x336E_C578;
    private const int HeaderSize = 56;
    private const int ModuleSize = 32;
    private const int MapEntrySize = 24;

    public static ulong SizeFor(IReadOnlyList<MemoryMapEntry> map) => HeaderSize + ModuleSize + ((ulong)map.Count * MapEntrySize);

    public static byte[] Build(ulong address, BootMachine machine, ulong commandLine, ulong initrd, ulong initrdSize)
    {
        byte[] info = new byte[SizeFor(machine.MemoryMap)];
        BinaryPrimitives.WriteUInt32LittleEndian(info, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(info.AsSpan(4), 1); // version
        U64(24, commandLine);
        U64(32, machine.AcpiRootPointer ?? 0);
        U64(40, address + HeaderSize + ModuleSize);
        BinaryPrimitives.WriteInt32LittleEndian(info.AsSpan(48), machine.MemoryMap.Count);
        if (initrdSize > 0)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(info.AsSpan(12), 1); // modules
            U64(16, address + HeaderSize);
            U64(HeaderSize, initrd);
            U64(HeaderSize + 8, initrdSize);
        }

        int at = HeaderSize + ModuleSize;
        foreach (MemoryMapEntry entry in machine.MemoryMap)
        {
            U64(at, entry.Address);
            U64(at + 8, entry.Size);
            U64(at + 16, (uint)entry.Kind);
            at += MapEntrySize;
        }

        return info;

        void U64(int offset, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(info.AsSpan(offset), value);
    }
}
