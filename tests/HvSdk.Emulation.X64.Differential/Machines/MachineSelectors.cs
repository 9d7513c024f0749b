namespace HvSdk.Emulation.Differential;

/// <summary>Selectors of the machine's GDT. Those of user code and data are Linux's, whose processor state a KVM without hardware virtualization borrows.</summary>
internal static class MachineSelectors
{
    public const ushort KernelCode32 = 0x08;
    public const ushort KernelCode64 = 0x10;
    public const ushort KernelData = 0x18;
    public const ushort UserCode32 = 0x23;
    public const ushort UserData = 0x2B;
    public const ushort UserCode64 = 0x33;
    public const ushort KernelCode16 = 0x38;
    public const ushort Task = 0x40;
    public const ushort UserCode16 = 0x53;
    public const ushort ArenaData = 0x58;
    public const ushort ConformingCode32 = 0x60;
    public const ushort ReadOnlyData = 0x68;
    public const ushort ExpandDownData = 0x70;
    public const ushort MissingData = 0x78;
    public const ushort ExecuteOnlyCode = 0x80;
    public const ushort Ldt = 0x88;
    public const ushort End = 0x98;
}
