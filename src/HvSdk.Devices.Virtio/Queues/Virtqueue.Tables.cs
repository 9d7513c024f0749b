namespace HvSdk.Devices.Virtio;

/// <content>Tables of indirect descriptors (virtio 1.2, 2.7.5.3 and 2.8.7).</content>
public abstract partial class Virtqueue
{
    private bool TryReadTable(in Descriptor table, out int count)
    {
        count = (int)(table.Length / Descriptor.Size);
        if (!HasIndirect)
        {
            return Broken("An indirect descriptor, which was not agreed upon (VIRTIO_F_INDIRECT_DESC).");
        }

        if (table.Length == 0 || table.Length % Descriptor.Size != 0 || count > ushort.MaxValue + 1)
        {
            return Broken($"A table of indirect descriptors has 0x{table.Length:X} bytes (virtio 1.2, 2.7.5.3).");
        }

        return true;
    }

    private bool TryAddSplitTable(DescriptorChain chain, in Descriptor table)
    {
        if (!TryReadTable(table, out int count))
        {
            return false;
        }

        if ((table.Flags & Descriptor.Next) != 0)
        {
            return Broken("A descriptor is indirect and has a next one (virtio 1.2, 2.7.5.3.1).");
        }

        int next = 0;
        for (int steps = 0; steps <= ChainLimit; steps++)
        {
            if (!View.TryRead(table.Address + ((ulong)next * Descriptor.Size), out Descriptor descriptor))
            {
                return Broken($"A table of indirect descriptors at 0x{table.Address:X} is not in memory.");
            }

            if ((descriptor.Flags & Descriptor.Indirect) != 0)
            {
                return Broken("An indirect descriptor within a table of them (virtio 1.2, 2.7.5.3.1).");
            }

            if (!TryAddBuffer(chain, descriptor))
            {
                return false;
            }

            if ((descriptor.Flags & Descriptor.Next) == 0)
            {
                return true;
            }

            next = descriptor.NextOrId;
            if (next >= count)
            {
                return Broken($"A table of {count} indirect descriptors has none with number {next}.");
            }
        }

        return Broken("A table of indirect descriptors is a loop.");
    }

    /// <summary>All descriptors of a packed queue's table are the chain (virtio 1.2, 2.8.7).</summary>
    private bool TryAddPackedTable(DescriptorChain chain, in Descriptor table)
    {
        if (!TryReadTable(table, out int count))
        {
            return false;
        }

        for (int i = 0; i < count; i++)
        {
            if (!View.TryRead(table.Address + ((ulong)i * Descriptor.Size), out PackedDescriptor packed))
            {
                return Broken($"A table of indirect descriptors at 0x{table.Address:X} is not in memory.");
            }

            if ((packed.Flags & Descriptor.Indirect) != 0)
            {
                return Broken("An indirect descriptor within a table of them (virtio 1.2, 2.8.7).");
            }

            if (!TryAddBuffer(chain, packed.ToDescriptor()))
            {
                return false;
            }
        }

        return true;
    }
}
