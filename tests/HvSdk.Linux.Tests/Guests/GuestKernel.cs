namespace HvSdk.Linux.Tests.Guests;

/// <summary>The kernels of tests/guests.</summary>
public enum GuestKernel
{
    /// <summary>Debian's cloud kernel; its bzImage is compressed by LZ4.</summary>
    Cloud,

    /// <summary>Debian's standard kernel; its bzImage is compressed by XZ, which the host leaves to the guest.</summary>
    Standard,
}

/// <summary>In which form, and by which door, a kernel is entered.</summary>
public enum KernelForm
{
    /// <summary>The bzImage, unpacked by whoever can: by the host where it knows the compression.</summary>
    BzImage,

    /// <summary>The bzImage, unpacked by the code that it has for that.</summary>
    BzImageUnpackingItself,

    /// <summary>The ELF kernel by its PVH entry.</summary>
    Pvh,

    /// <summary>The ELF kernel by the 64-bit boot protocol.</summary>
    Elf64,
}
