namespace HvSdk.Boot;

/// <summary>Who unpacks the kernel in a bzImage.</summary>
public enum KernelUnpacking
{
    /// <summary>The host, where it knows the compression and the machine has RAM where the kernel is linked to; else the guest.</summary>
    Auto,

    /// <summary>
    /// The host: no time is lost in the guest. gzip and LZ4 only. The kernel is put where it was linked to: its own randomization of that address
    /// (KASLR), which is part of its unpacking code, does not take place.
    /// </summary>
    OnHost,

    /// <summary>The guest, by the code that the image has for it.</summary>
    InGuest,
}
