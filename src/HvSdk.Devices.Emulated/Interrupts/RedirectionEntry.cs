namespace HvSdk.Devices.Emulated;

/// <summary>An entry of the redirection table (82093AA, 3.2.4) and the message that it makes (Intel SDM vol. 3A, 11.11).</summary>
internal struct RedirectionEntry
{
    /// <summary>All but delivery status (bit 12), remote IRR (bit 14) and the reserved bits.</summary>
    private const ulong Writable = 0xFF00_0000_0001_AFFF;
    private const ulong RemoteIrrBit = 1 << 14;
    private const ulong LevelBit = 1 << 15;
    private const ulong MaskBit = 1 << 16;

    private const ulong MessageBase = 0xFEE0_0000;
    private const ulong RedirectionHint = 1 << 3;
    private const uint LevelAsserted = 0xC000;
    private const int FirstVector = 16;

    internal RedirectionEntry(ulong value)
    {
        Value = value & RemoteIrrBit;
        Write(value);
    }

    /// <summary>After reset: masked.</summary>
    internal static RedirectionEntry Reset => new(MaskBit);

    /// <summary>As the guest reads it. Delivery status is idle: messages go at once.</summary>
    internal ulong Value { get; private set; }

    internal readonly byte Vector => (byte)Value;

    internal readonly bool IsMasked => (Value & MaskBit) != 0;

    /// <summary>Only fixed and lowest-priority interrupts are ended by the guest; the other delivery modes are edges, whatever bit 15 says (82093AA, 3.2.4).</summary>
    internal readonly bool IsLevel => (Value & LevelBit) != 0 && DeliveryMode is DeliveryMode.Fixed or DeliveryMode.LowestPriority;

    internal bool RemoteIrr
    {
        readonly get => (Value & RemoteIrrBit) != 0;
        set => Value = value ? Value | RemoteIrrBit : Value & ~RemoteIrrBit;
    }

    /// <summary>
    /// The message, or null: the delivery mode is reserved, or the vector is one that no local APIC takes (Intel SDM vol. 3A, 11.5.2).
    /// The polarity bit says nothing here: the lines of devices are active when they are asserted.
    /// </summary>
    internal readonly MsiMessage? Message
    {
        get
        {
            DeliveryMode mode = DeliveryMode;
            bool hasVector = mode is DeliveryMode.Fixed or DeliveryMode.LowestPriority;
            if (mode is DeliveryMode.Reserved3 or DeliveryMode.Reserved6 || (hasVector && Vector < FirstVector))
            {
                return null;
            }

            ulong destination = Value >> 56;
            ulong logical = (Value >> 11) & 1;
            ulong address = MessageBase | (destination << 12) | (logical << 2) | (mode == DeliveryMode.LowestPriority ? RedirectionHint : 0);
            return new MsiMessage(address, ((uint)mode << 8) | (hasVector ? Vector : 0u) | (IsLevel ? LevelAsserted : 0));
        }
    }

    private readonly DeliveryMode DeliveryMode => (DeliveryMode)((Value >> 8) & 7);

    internal void WriteLow(uint value) => Write((Value & 0xFFFF_FFFF_0000_0000) | value);

    internal void WriteHigh(uint value) => Write(((ulong)value << 32) | (uint)Value);

    private void Write(ulong value)
    {
        Value = (value & Writable) | (Value & RemoteIrrBit);

        // An edge has no end to wait for. Operating systems clear a remote IRR that got stuck by a turn to edge and back.
        if (!IsLevel)
        {
            RemoteIrr = false;
        }
    }
}

/// <summary>How a local APIC takes a message (82093AA, 3.2.4, bits 10 to 8).</summary>
internal enum DeliveryMode
{
    Fixed,
    LowestPriority,
    SystemManagement,
    Reserved3,
    NonMaskable,
    Init,
    Reserved6,
    External,
}
