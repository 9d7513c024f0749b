namespace HvSdk.Testing;

/// <summary>Selectors of the GDT that protected and long mode programs start with.</summary>
/// <remarks>
/// The order suits SYSCALL and SYSRET: IA32_STAR = <c>0x0013_0008_0000_0000</c> enters with <see cref="KernelCode"/> and returns with
/// <see cref="UserCode"/>.
/// </remarks>
public static class GuestSelectors
{
    /// <summary>Flat code of privilege level 0.</summary>
    public const ushort KernelCode = 0x08;

    /// <summary>Flat data of privilege level 0.</summary>
    public const ushort KernelData = 0x10;

    /// <summary>Flat data of privilege level 3, with requested privilege level 3.</summary>
    public const ushort UserData = 0x1B;

    /// <summary>Flat code of privilege level 3, with requested privilege level 3.</summary>
    public const ushort UserCode = 0x23;

    /// <summary>The task state segment; the last entry, 16 bytes long in long mode.</summary>
    public const ushort Task = 0x28;
}
