using HvSdk.Testing;

namespace HvSdk.Emulation.Differential;

/// <summary>A machine in one mode, before a case runs: its RAM and the registers that all cases start with.</summary>
public sealed partial class Machine
{
    private const byte ReadWriteAccessed = 0x3;
    private const byte ReadOnlyAccessed = 0x1;
    private const byte ExpandDownAccessed = 0x7;
    private const byte ExecuteReadAccessed = 0xB;
    private const byte ExecuteOnlyAccessed = 0x9;
    private const byte ConformingAccessed = 0xF;

    // Protected mode without paging: segments end with RAM, so that a stray address is a fault and no access of a device.
    private const uint RamLimit = MachineMap.RamSize - 1;

    private static readonly Machine?[] s_machines = new Machine?[Enum.GetValues<MachineMode>().Length];

    private Machine(MachineMode mode)
    {
        Mode = mode;
        Bitness = mode switch
        {
            MachineMode.Long64User or MachineMode.Long64Kernel => 64,
            MachineMode.Compat32User or MachineMode.Protected32User or MachineMode.Protected32Kernel => 32,
            _ => 16,
        };
        IsLong = mode is MachineMode.Long64User or MachineMode.Long64Kernel or MachineMode.Compat32User or MachineMode.Compat16User;
        IsUser = mode is MachineMode.Long64User or MachineMode.Compat32User or MachineMode.Compat16User or MachineMode.Protected32User;
        HasPaging = IsLong || mode == MachineMode.Protected32User;
        CodeBase = mode == MachineMode.Real16 || Bitness == 16 ? MachineMap.Code : 0;
        DataBase = Bitness == 16 ? MachineMap.Arena : 0;
        SpecialRegisters = CreateSpecialRegisters();
        Ram = CreateRam();
    }

    /// <summary>The mode.</summary>
    public MachineMode Mode { get; }

    /// <summary>16, 32 or 64: the code's default.</summary>
    public int Bitness { get; }

    /// <summary>Long mode is active.</summary>
    public bool IsLong { get; }

    /// <summary>Cases run at privilege level 3.</summary>
    public bool IsUser { get; }

    /// <summary>Paging is on.</summary>
    public bool HasPaging { get; }

    /// <summary>Base of CS.</summary>
    public ulong CodeBase { get; }

    /// <summary>Base of DS, ES and SS.</summary>
    public ulong DataBase { get; }

    /// <summary>The registers that all cases of the mode start with.</summary>
    public X64SpecialRegisters SpecialRegisters { get; }

    /// <summary>All RAM.</summary>
    public ReadOnlyMemory<byte> Ram { get; }

    /// <summary>The machine of a mode.</summary>
    /// <param name="mode">The mode.</param>
    public static Machine Of(MachineMode mode) => s_machines[(int)mode] ??= new Machine(mode);

    private X64SpecialRegisters CreateSpecialRegisters()
    {
        X64Segment data = DataSegment();
        X64SpecialRegisters registers = new()
        {
            Cs = CodeSegment(),
            Ds = data,
            Es = data,
            Fs = data,
            Gs = data,
            Ss = data,
            Tr = TaskSegment,
            Ldt = new() { IsUnusable = true },
            Gdt = new(MachineMap.Gdt, MachineSelectors.End - 1),
            Idt = Mode == MachineMode.Real16 ? new(0, 0x3FF) : new(MachineMap.Idt, (ushort)((IsLong ? 0x1000 : 0x800) - 1)),

            // AM: as Linux has it, since user code may run on the host's processor.
            Cr0 = X64Cr0.ExtensionType | X64Cr0.NumericError | X64Cr0.MonitorCoprocessor | AlignmentMask,
            Cr4 = X64Cr4.OsFxsr | X64Cr4.OsXmmExceptions | X64Cr4.OsXsave | FsGsBase,
            ApicBase = 0xFEE0_0900,
        };
        if (Mode != MachineMode.Real16)
        {
            registers.Cr0 |= X64Cr0.ProtectionEnable;
        }

        if (HasPaging)
        {
            registers.Cr0 |= X64Cr0.Paging | X64Cr0.WriteProtect;
            registers.Cr3 = MachineMap.PageTables;
        }

        if (IsLong)
        {
            registers.Cr4 |= X64Cr4.PhysicalAddressExtension;
            registers.Efer = X64Efer.LongModeEnable | X64Efer.LongModeActive | X64Efer.NoExecuteEnable | X64Efer.SyscallEnable;
        }

        return registers;
    }

    private const ulong AlignmentMask = 1UL << 18;
    private const ulong FsGsBase = 1UL << 16;

    private static X64Segment TaskSegment => new()
    {
        Base = MachineMap.Tss,
        Limit = TssLength - 1,
        Selector = MachineSelectors.Task,
        Type = 0xB,
        IsPresent = true,
    };

    private X64Segment CodeSegment() => Mode switch
    {
        MachineMode.Long64User => X64Segment.FlatCode(MachineSelectors.UserCode64, isLong: true),
        MachineMode.Compat32User or MachineMode.Protected32User => X64Segment.FlatCode(MachineSelectors.UserCode32),
        MachineMode.Compat16User => Code16(MachineSelectors.UserCode16),
        MachineMode.Long64Kernel => X64Segment.FlatCode(MachineSelectors.KernelCode64, isLong: true),
        MachineMode.Protected32Kernel => LimitToRam(X64Segment.FlatCode(MachineSelectors.KernelCode32)),
        MachineMode.Protected16Kernel => Code16(MachineSelectors.KernelCode16),
        _ => X64Segment.RealMode((ushort)(CodeBase >> 4), isCode: true),
    };

    private X64Segment DataSegment() => Mode switch
    {
        MachineMode.Long64User or MachineMode.Compat32User or MachineMode.Protected32User => X64Segment.FlatData(MachineSelectors.UserData),
        MachineMode.Long64Kernel => X64Segment.FlatData(MachineSelectors.KernelData),
        MachineMode.Protected32Kernel => LimitToRam(X64Segment.FlatData(MachineSelectors.KernelData)),
        MachineMode.Compat16User => ArenaSegment(MachineSelectors.ArenaData | 3),
        MachineMode.Protected16Kernel => ArenaSegment(MachineSelectors.ArenaData),
        _ => X64Segment.RealMode((ushort)(DataBase >> 4)),
    };

    private static X64Segment LimitToRam(X64Segment segment) => segment with { Limit = RamLimit };

    private static X64Segment Code16(ushort selector) => Segment(selector, ExecuteReadAccessed) with { Base = MachineMap.Code, Limit = 0xFFFF };

    private static X64Segment ArenaSegment(int selector) =>
        Segment((ushort)selector, ReadWriteAccessed) with { Base = MachineMap.Arena, Limit = 0xFFFF };

    private static X64Segment Segment(ushort selector, byte type) => new()
    {
        Selector = selector,
        Type = type,
        PrivilegeLevel = (byte)(selector & 3),
        IsCodeOrData = true,
        IsPresent = true,
    };
}
