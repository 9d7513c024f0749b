namespace HvSdk.Devices.Emulated;

/// <summary>The system registers of a GICv3 interface with five bits of priority.</summary>
internal enum GicRegister
{
    None,
    PriorityMask,
    Acknowledge0,
    Acknowledge1,
    End0,
    End1,
    HighestPending0,
    HighestPending1,
    BinaryPoint0,
    BinaryPoint1,
    ActivePriorities0,
    ActivePriorities1,
    Deactivate,
    RunningPriority,
    Generate0,
    Generate1,
    GenerateOther,
    Control,
    SystemRegisterEnable,
    GroupEnable0,
    GroupEnable1,
}

/// <summary>Their encodings (Arm IHI 0069H, 12.2, table 12-2).</summary>
internal static class GicRegisters
{
    public static GicRegister Find(Arm64SystemRegister register) => (register.Op0, register.Op1, register.Crn, register.Crm, register.Op2) switch
    {
        (3, 0, 4, 6, 0) => GicRegister.PriorityMask, // ICC_PMR_EL1
        (3, 0, 12, 8, 0) => GicRegister.Acknowledge0, // ICC_IAR0_EL1
        (3, 0, 12, 8, 1) => GicRegister.End0, // ICC_EOIR0_EL1
        (3, 0, 12, 8, 2) => GicRegister.HighestPending0, // ICC_HPPIR0_EL1
        (3, 0, 12, 8, 3) => GicRegister.BinaryPoint0, // ICC_BPR0_EL1
        (3, 0, 12, 8, 4) => GicRegister.ActivePriorities0, // ICC_AP0R0_EL1
        (3, 0, 12, 9, 0) => GicRegister.ActivePriorities1, // ICC_AP1R0_EL1
        (3, 0, 12, 11, 1) => GicRegister.Deactivate, // ICC_DIR_EL1
        (3, 0, 12, 11, 3) => GicRegister.RunningPriority, // ICC_RPR_EL1
        (3, 0, 12, 11, 5) => GicRegister.Generate1, // ICC_SGI1R_EL1
        (3, 0, 12, 11, 6) => GicRegister.GenerateOther, // ICC_ASGI1R_EL1
        (3, 0, 12, 11, 7) => GicRegister.Generate0, // ICC_SGI0R_EL1
        (3, 0, 12, 12, 0) => GicRegister.Acknowledge1, // ICC_IAR1_EL1
        (3, 0, 12, 12, 1) => GicRegister.End1, // ICC_EOIR1_EL1
        (3, 0, 12, 12, 2) => GicRegister.HighestPending1, // ICC_HPPIR1_EL1
        (3, 0, 12, 12, 3) => GicRegister.BinaryPoint1, // ICC_BPR1_EL1
        (3, 0, 12, 12, 4) => GicRegister.Control, // ICC_CTLR_EL1
        (3, 0, 12, 12, 5) => GicRegister.SystemRegisterEnable, // ICC_SRE_EL1
        (3, 0, 12, 12, 6) => GicRegister.GroupEnable0, // ICC_IGRPEN0_EL1
        (3, 0, 12, 12, 7) => GicRegister.GroupEnable1, // ICC_IGRPEN1_EL1
        _ => GicRegister.None,
    };
}
