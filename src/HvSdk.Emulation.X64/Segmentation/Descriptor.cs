namespace HvSdk.Emulation;

/// <summary>A segment descriptor (Intel SDM vol. 3A, 3.4.5).</summary>
/// <param name="raw">Its eight bytes.</param>
/// <param name="high">For a system descriptor of IA-32e mode, the eight bytes behind them.</param>
/// <param name="address">The linear address it was read from.</param>
internal readonly struct Descriptor(ulong raw, ulong high, ulong address)
{
    internal readonly ulong Raw = raw;
    internal readonly ulong High = high;
    internal readonly ulong Address = address;

    internal byte Type => (byte)((Raw >> 40) & 0xF);

    internal bool IsCodeOrData => ((Raw >> 44) & 1) != 0;

    internal byte PrivilegeLevel => (byte)((Raw >> 45) & 3);

    internal bool IsPresent => ((Raw >> 47) & 1) != 0;

    internal bool IsLong => ((Raw >> 53) & 1) != 0;

    internal bool IsDefault32 => ((Raw >> 54) & 1) != 0;

    internal bool IsGranular => ((Raw >> 55) & 1) != 0;

    internal bool IsCode => IsCodeOrData && (Type & 8) != 0;

    internal bool IsConforming => IsCode && (Type & 4) != 0;

    internal bool IsReadable => IsCodeOrData && ((Type & 8) == 0 || (Type & 2) != 0);

    internal bool IsWritableData => IsCodeOrData && (Type & 0xA) == 2;

    internal uint Limit
    {
        get
        {
            uint limit = (uint)(Raw & 0xFFFF) | (uint)((Raw >> 32) & 0xF_0000);
            return IsGranular ? (limit << 12) | 0xFFF : limit;
        }
    }

    internal ulong Base => ((Raw >> 16) & 0xFF_FFFF) | ((Raw >> 32) & 0xFF00_0000) | (High << 32);

    internal X64Segment ToSegment(ushort selector) => new()
    {
        Base = Base,
        Limit = Limit,
        Selector = selector,
        Type = (byte)(Type | (IsCodeOrData ? 1 : 0)),
        PrivilegeLevel = PrivilegeLevel,
        IsCodeOrData = IsCodeOrData,
        IsPresent = IsPresent,
        IsAvailable = ((Raw >> 52) & 1) != 0,
        IsLong = IsLong,
        IsDefault32 = IsDefault32,
        IsGranular = IsGranular,
    };
}

/// <summary>A gate descriptor: call, interrupt, trap or task (Intel SDM vol. 3A, 5.8.3, 6.11 and 6.14.1).</summary>
/// <param name="low">Its first eight bytes.</param>
/// <param name="high">In IA-32e mode the eight bytes behind them.</param>
internal readonly struct Gate(ulong low, ulong high)
{
    private readonly ulong _low = low;
    private readonly ulong _high = high;

    internal ulong Offset => (_low & 0xFFFF) | ((_low >> 32) & 0xFFFF_0000) | (_high << 32);

    internal ushort Selector => (ushort)(_low >> 16);

    internal int StackIndex => (int)(_low >> 32) & 7;

    internal int ParameterCount => (int)(_low >> 32) & 0x1F;

    internal int Type => (int)(_low >> 40) & 0xF;

    internal bool Is32 => (Type & 8) != 0;

    internal bool IsCodeOrData => ((_low >> 44) & 1) != 0;

    internal int PrivilegeLevel => (int)(_low >> 45) & 3;

    internal bool IsPresent => ((_low >> 47) & 1) != 0;
}
