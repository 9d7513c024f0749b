using System.Runtime.InteropServices;

namespace HvSdk.Devices.Virtio;

/// <summary>struct virtq_desc (virtio 1.2, 2.7.5).</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal readonly record struct Descriptor(ulong Address, uint Length, ushort Flags, ushort NextOrId)
{
    /// <summary>Bytes of one.</summary>
    public const uint Size = 16;

    /// <summary>VIRTQ_DESC_F_NEXT.</summary>
    public const ushort Next = 1;

    /// <summary>VIRTQ_DESC_F_WRITE: the device writes.</summary>
    public const ushort Write = 2;

    /// <summary>VIRTQ_DESC_F_INDIRECT.</summary>
    public const ushort Indirect = 4;
}

/// <summary>struct pvirtq_desc (virtio 1.2, 2.8.13): id and flags the other way round.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal readonly record struct PackedDescriptor(ulong Address, uint Length, ushort Id, ushort Flags)
{
    /// <summary>VIRTQ_DESC_F_AVAIL (virtio 1.2, 2.8.1).</summary>
    public const ushort Available = 1 << 7;

    /// <summary>VIRTQ_DESC_F_USED.</summary>
    public const ushort Used = 1 << 15;

    /// <summary>Offset of <see cref="Flags"/>.</summary>
    public const uint FlagsOffset = 14;

    /// <summary>The same in the form of a split queue's.</summary>
    public Descriptor ToDescriptor() => new(Address, Length, Flags, Id);
}
