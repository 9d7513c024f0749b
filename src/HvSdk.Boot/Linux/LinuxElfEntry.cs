namespace HvSdk.Boot;

/// <summary>How an ELF kernel (vmlinux) is entered.</summary>
public enum LinuxElfEntry
{
    /// <summary>In 32-bit mode at the address that its note XEN_ELFNOTE_PHYS32_ENTRY gives (Xen's PVH boot protocol; CONFIG_PVH). FreeBSD and others have it too.</summary>
    Pvh,

    /// <summary>In 64-bit mode at the ELF entry, with a zero page, as the kernel's own unpacking code enters it.</summary>
    Bits64,
}
