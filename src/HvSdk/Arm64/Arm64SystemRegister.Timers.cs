namespace HvSdk;

/// <content>Counters and timers (Arm ARM, D19.12), and the CPU interface of the GIC (GICv3 architecture, 12.2).</content>
public readonly partial record struct Arm64SystemRegister
{
    /// <summary>CNTKCTL_EL1: What EL0 may see of the counters and timers.</summary>
    public static Arm64SystemRegister CntkctlEl1 => Of(3, 0, 14, 1, 0);

    /// <summary>CNTFRQ_EL0: Frequency of the counters in hertz.</summary>
    public static Arm64SystemRegister CntfrqEl0 => Of(3, 3, 14, 0, 0);

    /// <summary>CNTPCT_EL0: The physical counter.</summary>
    public static Arm64SystemRegister CntpctEl0 => Of(3, 3, 14, 0, 1);

    /// <summary>CNTVCT_EL0: The virtual counter.</summary>
    public static Arm64SystemRegister CntvctEl0 => Of(3, 3, 14, 0, 2);

    /// <summary>CNTP_CTL_EL0: Control of the physical timer.</summary>
    public static Arm64SystemRegister CntpCtlEl0 => Of(3, 3, 14, 2, 1);

    /// <summary>CNTP_CVAL_EL0: When the physical timer fires, in ticks of its counter.</summary>
    public static Arm64SystemRegister CntpCvalEl0 => Of(3, 3, 14, 2, 2);

    /// <summary>CNTV_CTL_EL0: Control of the virtual timer.</summary>
    public static Arm64SystemRegister CntvCtlEl0 => Of(3, 3, 14, 3, 1);

    /// <summary>CNTV_CVAL_EL0: When the virtual timer fires, in ticks of its counter.</summary>
    public static Arm64SystemRegister CntvCvalEl0 => Of(3, 3, 14, 3, 2);

    /// <summary>ICC_PMR_EL1: GIC: priority mask.</summary>
    public static Arm64SystemRegister IccPmrEl1 => Of(3, 0, 4, 6, 0);

    /// <summary>ICC_BPR0_EL1: GIC: binary point of group 0.</summary>
    public static Arm64SystemRegister IccBpr0El1 => Of(3, 0, 12, 8, 3);

    /// <summary>ICC_SGI1R_EL1: GIC: sends a software-generated interrupt of group 1.</summary>
    public static Arm64SystemRegister IccSgi1REl1 => Of(3, 0, 12, 11, 5);

    /// <summary>ICC_IAR1_EL1: GIC: acknowledges an interrupt of group 1.</summary>
    public static Arm64SystemRegister IccIar1El1 => Of(3, 0, 12, 12, 0);

    /// <summary>ICC_EOIR1_EL1: GIC: ends an interrupt of group 1.</summary>
    public static Arm64SystemRegister IccEoir1El1 => Of(3, 0, 12, 12, 1);

    /// <summary>ICC_BPR1_EL1: GIC: binary point of group 1.</summary>
    public static Arm64SystemRegister IccBpr1El1 => Of(3, 0, 12, 12, 3);

    /// <summary>ICC_CTLR_EL1: GIC: control of the CPU interface.</summary>
    public static Arm64SystemRegister IccCtlrEl1 => Of(3, 0, 12, 12, 4);

    /// <summary>ICC_SRE_EL1: GIC: system-register access to the CPU interface.</summary>
    public static Arm64SystemRegister IccSreEl1 => Of(3, 0, 12, 12, 5);

    /// <summary>ICC_IGRPEN0_EL1: GIC: enables interrupts of group 0.</summary>
    public static Arm64SystemRegister IccIgrpen0El1 => Of(3, 0, 12, 12, 6);

    /// <summary>ICC_IGRPEN1_EL1: GIC: enables interrupts of group 1.</summary>
    public static Arm64SystemRegister IccIgrpen1El1 => Of(3, 0, 12, 12, 7);
}
