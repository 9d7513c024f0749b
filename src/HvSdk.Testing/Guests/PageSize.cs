namespace HvSdk.Testing;

/// <summary>Sizes of long-mode pages, in bytes.</summary>
public enum PageSize
{
    /// <summary>4 KiB.</summary>
    Size4K = 1 << 12,

    /// <summary>2 MiB.</summary>
    Size2M = 1 << 21,

    /// <summary>1 GiB; not every processor has them (CPUID leaf 0x80000001, EDX bit 26).</summary>
    Size1G = 1 << 30,
}
