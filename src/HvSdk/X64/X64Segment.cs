namespace HvSdk;

/// <summary>A segment register with the hidden part that the processor caches (Intel SDM vol. 3A, 3.4.3 and 3.4.5).</summary>
public record struct X64Segment
{
    /// <summary>Linear address of the segment's first byte.</summary>
    public ulong Base { get; set; }

    /// <summary>Last valid offset in bytes, after the granularity was applied.</summary>
    public uint Limit { get; set; }

    /// <summary>The visible selector.</summary>
    public ushort Selector { get; set; }

    /// <summary>Descriptor type, 0 to 15 (Intel SDM vol. 3A, tables 3-1 and 3-2).</summary>
    public byte Type { get; set; }

    /// <summary>Descriptor privilege level, 0 to 3.</summary>
    public byte PrivilegeLevel { get; set; }

    /// <summary>True for code and data, false for system descriptors (the S bit).</summary>
    public bool IsCodeOrData { get; set; }

    /// <summary>The segment is present (the P bit).</summary>
    public bool IsPresent { get; set; }

    /// <summary>Available to system software (the AVL bit).</summary>
    public bool IsAvailable { get; set; }

    /// <summary>64-bit code (the L bit).</summary>
    public bool IsLong { get; set; }

    /// <summary>32-bit default operand size or stack (the D/B bit).</summary>
    public bool IsDefault32 { get; set; }

    /// <summary>The descriptor's limit counts 4 KiB units (the G bit).</summary>
    public bool IsGranular { get; set; }

    /// <summary>The register holds no usable segment.</summary>
    public bool IsUnusable { get; set; }

    /// <summary>A 16-bit real-mode segment: base is 16 times the selector, limit 64 KiB.</summary>
    /// <param name="selector">The selector.</param>
    /// <param name="isCode">True for CS, false for the data segments.</param>
    public static X64Segment RealMode(ushort selector, bool isCode = false) => new()
    {
        Base = (ulong)selector << 4,
        Limit = 0xFFFF,
        Selector = selector,
        Type = isCode ? CodeReadAccessed : DataWriteAccessed,
        IsCodeOrData = true,
        IsPresent = true,
    };

    /// <summary>A flat code segment of 4 GiB: 32-bit, or 64-bit where <paramref name="isLong"/> says so.</summary>
    /// <param name="selector">The selector; its low two bits give the privilege level.</param>
    /// <param name="isLong">True for 64-bit code.</param>
    public static X64Segment FlatCode(ushort selector, bool isLong = false) => Flat(selector, CodeReadAccessed, !isLong) with { IsLong = isLong };

    /// <summary>A flat, writable data segment of 4 GiB.</summary>
    /// <param name="selector">The selector; its low two bits give the privilege level.</param>
    public static X64Segment FlatData(ushort selector) => Flat(selector, DataWriteAccessed, is32: true);

    private const byte CodeReadAccessed = 0xB;
    private const byte DataWriteAccessed = 0x3;

    private static X64Segment Flat(ushort selector, byte type, bool is32) => new()
    {
        Limit = 0xFFFF_FFFF,
        Selector = selector,
        Type = type,
        PrivilegeLevel = (byte)(selector & 3),
        IsCodeOrData = true,
        IsPresent = true,
        IsDefault32 = is32,
        IsGranular = true,
    };
}
