namespace HvSdk.Emulation.Differential;

/// <summary>The processor modes that cases run in.</summary>
public enum MachineMode
{
    /// <summary>64-bit code of privilege level 3.</summary>
    Long64User,

    /// <summary>32-bit code of privilege level 3 in long mode (compatibility mode).</summary>
    Compat32User,

    /// <summary>16-bit code of privilege level 3 in long mode.</summary>
    Compat16User,

    /// <summary>64-bit code of privilege level 0.</summary>
    Long64Kernel,

    /// <summary>32-bit code of privilege level 3 in protected mode, with 32-bit paging.</summary>
    Protected32User,

    /// <summary>32-bit code of privilege level 0 in protected mode, without paging.</summary>
    Protected32Kernel,

    /// <summary>16-bit code of privilege level 0 in protected mode, without paging; its data segments have a base.</summary>
    Protected16Kernel,

    /// <summary>Real mode.</summary>
    Real16,
}
