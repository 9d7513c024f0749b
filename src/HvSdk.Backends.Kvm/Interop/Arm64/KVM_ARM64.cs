namespace HvSdk.Backends.Kvm.Interop.Arm64;

/// <summary>
/// Numbers of linux/kvm.h and asm/kvm.h (arm64), Linux 6.1 and where said later, under their own names. HvSdk.Backends.Kvm.Tests compares each with the headers of the
/// cross compiler. What is the same on x86 stands in <see cref="KVM"/>.
/// </summary>
internal static class KVM_ARM64
{
    // Requests of ioctl.
    public const uint KVM_SET_GUEST_DEBUG = 0x4208AE9B;
    public const uint KVM_GET_ONE_REG = 0x4010AEAB;
    public const uint KVM_SET_ONE_REG = 0x4010AEAC;
    public const uint KVM_ARM_VCPU_INIT = 0x4020AEAE;
    public const uint KVM_ARM_PREFERRED_TARGET = 0x8020AEAF;
    public const uint KVM_GET_REG_LIST = 0xC008AEB0;
    public const uint KVM_CREATE_DEVICE = 0xC00CAEE0;
    public const uint KVM_SET_DEVICE_ATTR = 0x4018AEE1;
    public const uint KVM_GET_DEVICE_ATTR = 0x4018AEE2;
    public const uint KVM_HAS_DEVICE_ATTR = 0x4018AEE3;

    // Capabilities.
    public const uint KVM_CAP_ONE_REG = 70;
    public const uint KVM_CAP_DEVICE_CTRL = 89;
    public const uint KVM_CAP_VM_ATTRIBUTES = 101;
    public const uint KVM_CAP_ARM_PSCI_0_2 = 102;
    public const uint KVM_CAP_GUEST_DEBUG_HW_BPS = 119;
    public const uint KVM_CAP_GUEST_DEBUG_HW_WPS = 120;
    public const uint KVM_CAP_ARM_VM_IPA_SIZE = 165;
    public const uint KVM_CAP_ARM_PTRAUTH_ADDRESS = 171;
    public const uint KVM_CAP_ARM_PTRAUTH_GENERIC = 172;
    public const uint KVM_CAP_ARM_IRQ_LINE_LAYOUT_2 = 174;
    public const uint KVM_CAP_ARM_NISV_TO_USER = 177;

    // vCPU features: bits of the first word.
    public const int KVM_ARM_VCPU_POWER_OFF = 0;
    public const int KVM_ARM_VCPU_PSCI_0_2 = 2;
    public const int KVM_ARM_VCPU_PTRAUTH_ADDRESS = 5;
    public const int KVM_ARM_VCPU_PTRAUTH_GENERIC = 6;

    // Exits.
    public const uint KVM_EXIT_ARM_NISV = 28;
    public const uint KVM_HYPERCALL_EXIT_SMC = 1; // Linux 6.4

    public const uint KVM_MP_STATE_STOPPED = 5;

    // Register identifiers (KVM_GET_ONE_REG).
    public const ulong KVM_REG_ARM64 = 0x6000_0000_0000_0000;
    public const ulong KVM_REG_SIZE_MASK = 0x00F0_0000_0000_0000;
    public const ulong KVM_REG_SIZE_U32 = 0x0020_0000_0000_0000;
    public const ulong KVM_REG_SIZE_U64 = 0x0030_0000_0000_0000;
    public const ulong KVM_REG_SIZE_U128 = 0x0040_0000_0000_0000;
    public const ulong KVM_REG_ARM_COPROC_MASK = 0x0FFF_0000;
    public const ulong KVM_REG_ARM_CORE = 0x10 << 16;
    public const ulong KVM_REG_ARM_DEMUX = 0x11 << 16;
    public const ulong KVM_REG_ARM_DEMUX_ID_CCSIDR = 0;
    public const ulong KVM_REG_ARM64_SYSREG = 0x13 << 16;

    // The virtual timer's counter and compare value, which have each other's encodings.
    public const ulong KVM_REG_ARM_TIMER_CTL = 0x6030_0000_0013_DF19;
    public const ulong KVM_REG_ARM_TIMER_CVAL = 0x6030_0000_0013_DF02;
    public const ulong KVM_REG_ARM_TIMER_CNT = 0x6030_0000_0013_DF1A;

    // The GICv3 device.
    public const uint KVM_DEV_TYPE_ARM_VGIC_V3 = 7;
    public const uint KVM_CREATE_DEVICE_TEST = 1;
    public const uint KVM_DEV_ARM_VGIC_GRP_ADDR = 0;
    public const uint KVM_DEV_ARM_VGIC_GRP_DIST_REGS = 1;
    public const uint KVM_DEV_ARM_VGIC_GRP_NR_IRQS = 3;
    public const uint KVM_DEV_ARM_VGIC_GRP_CTRL = 4;
    public const uint KVM_DEV_ARM_VGIC_GRP_REDIST_REGS = 5;
    public const uint KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS = 6;
    public const uint KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO = 7;
    public const uint KVM_DEV_ARM_VGIC_CTRL_INIT = 0;
    public const uint KVM_VGIC_V3_ADDR_TYPE_DIST = 2;
    public const uint KVM_VGIC_V3_ADDR_TYPE_REDIST = 3;
    public const uint KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION = 5;
    public const int KVM_DEV_ARM_VGIC_V3_MPIDR_SHIFT = 32;
    public const int KVM_DEV_ARM_VGIC_LINE_LEVEL_INFO_SHIFT = 10;
    public const uint VGIC_LEVEL_INFO_LINE_LEVEL = 0;

    // KVM_IRQ_LINE's number.
    public const int KVM_ARM_IRQ_VCPU2_SHIFT = 28;
    public const int KVM_ARM_IRQ_TYPE_SHIFT = 24;
    public const int KVM_ARM_IRQ_VCPU_SHIFT = 16;
    public const uint KVM_ARM_IRQ_VCPU_MASK = 0xFF;
    public const uint KVM_ARM_IRQ_TYPE_CPU = 0;
    public const uint KVM_ARM_IRQ_TYPE_SPI = 1;
    public const uint KVM_ARM_IRQ_TYPE_PPI = 2;
    public const uint KVM_ARM_IRQ_CPU_IRQ = 0;
    public const uint KVM_ARM_IRQ_CPU_FIQ = 1;

    /// <summary>The virtual timer's output, in kvm_sync_regs.</summary>
    public const ulong KVM_ARM_DEV_EL1_VTIMER = 1;

    public const uint KVM_GUESTDBG_USE_HW = 0x20000;

    // Calls that go to the user (Linux 6.4).
    public const uint KVM_ARM_VM_SMCCC_CTRL = 0;
    public const uint KVM_ARM_VM_SMCCC_FILTER = 0;
    public const byte KVM_SMCCC_FILTER_FWD_TO_USER = 2;
}
