using System.Buffers.Binary;

namespace HvSdk.Tests.Testing;

/// <summary>Walks 4-level page tables as the chapter "4-Level Paging" of Intel SDM vol. 3A has the processor do it.</summary>
/// <param name="tables">Bytes of the tables.</param>
/// <param name="address">Physical address of the first byte.</param>
internal sealed class PageWalker(byte[] tables, ulong address)
{
    /// <summary>The last entry on the way and the physical address, or null where the way ends at an entry that is not present.</summary>
    public (ulong Physical, ulong Entry, int PageBits)? Walk(ulong linear)
    {
        ulong table = address;
        foreach (int shift in new[] { 39, 30, 21, 12 })
        {
            ulong index = (linear >> shift) & 0x1FF;
            ulong entry = BinaryPrimitives.ReadUInt64LittleEndian(tables.AsSpan(checked((int)(table - address + (index * 8)))));
            if ((entry & 1) == 0)
            {
                return null;
            }

            bool isLeaf = shift == 12 || (entry & 0x80) != 0;
            if (!isLeaf)
            {
                if ((entry & 0x8000_0000_0000_0FFF) != 7)
                {
                    throw new InvalidOperationException($"Upper entry 0x{entry:X} is not present, writable and user alone.");
                }

                table = entry & 0x000F_FFFF_FFFF_F000;
                continue;
            }

            ulong offsetMask = (1UL << shift) - 1;
            ulong frame = entry & 0x000F_FFFF_FFFF_F000;
            if ((frame & offsetMask) != 0 || shift == 39)
            {
                throw new InvalidOperationException($"Entry 0x{entry:X} sets reserved bits.");
            }

            return (frame | (linear & offsetMask), entry, shift);
        }

        throw new InvalidOperationException("A page of 4 KiB is the last there is.");
    }
}
