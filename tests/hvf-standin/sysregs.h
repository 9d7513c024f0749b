/* The system registers of a vCPU by their numbers in Hypervisor.framework: op0:op1:CRn:CRm:op2 in 2, 3, 4, 4 and 3 bits. */
#pragma once

/* Registers that live in the processor while its program is at EL2: name, register of the processor, number. A timer's comparison value stands
   before its control, since that is the order in which they are written. */
#define LIVE_REGISTERS(X)                         \
    X(MDCCINT_EL1, mdccint_el1, 0x8010)           \
    X(MDSCR_EL1, mdscr_el1, 0x8012)               \
    X(MIDR_EL1, vpidr_el2, 0xC000)                \
    X(MPIDR_EL1, vmpidr_el2, 0xC005)              \
    X(SCTLR_EL1, sctlr_el1, 0xC080)               \
    X(CPACR_EL1, cpacr_el1, 0xC082)               \
    X(TTBR0_EL1, ttbr0_el1, 0xC100)               \
    X(TTBR1_EL1, ttbr1_el1, 0xC101)               \
    X(TCR_EL1, tcr_el1, 0xC102)                   \
    X(SPSR_EL1, spsr_el1, 0xC200)                 \
    X(ELR_EL1, elr_el1, 0xC201)                   \
    X(SP_EL0, sp_el0, 0xC208)                     \
    X(AFSR0_EL1, afsr0_el1, 0xC288)               \
    X(AFSR1_EL1, afsr1_el1, 0xC289)               \
    X(ESR_EL1, esr_el1, 0xC290)                   \
    X(FAR_EL1, far_el1, 0xC300)                   \
    X(PAR_EL1, par_el1, 0xC3A0)                   \
    X(MAIR_EL1, mair_el1, 0xC510)                 \
    X(AMAIR_EL1, amair_el1, 0xC518)               \
    X(VBAR_EL1, vbar_el1, 0xC600)                 \
    X(CONTEXTIDR_EL1, contextidr_el1, 0xC681)     \
    X(TPIDR_EL1, tpidr_el1, 0xC684)               \
    X(CNTKCTL_EL1, cntkctl_el1, 0xC708)           \
    X(CSSELR_EL1, csselr_el1, 0xD000)             \
    X(TPIDR_EL0, tpidr_el0, 0xDE82)               \
    X(TPIDRRO_EL0, tpidrro_el0, 0xDE83)           \
    X(CNTV_CVAL_EL0, cntv_cval_el0, 0xDF1A)       \
    X(CNTV_CTL_EL0, cntv_ctl_el0, 0xDF19)         \
    X(CNTP_CVAL_EL0, cntp_cval_el0, 0xDF12)       \
    X(CNTP_CTL_EL0, cntp_ctl_el0, 0xDF11)         \
    X(SP_EL1, sp_el1, 0xE208)                     \
    DEBUG_PAIR(X, B, 0) DEBUG_PAIR(X, B, 1) DEBUG_PAIR(X, B, 2) DEBUG_PAIR(X, B, 3) DEBUG_PAIR(X, B, 4) DEBUG_PAIR(X, B, 5) \
    DEBUG_PAIR(X, W, 0) DEBUG_PAIR(X, W, 1) DEBUG_PAIR(X, W, 2) DEBUG_PAIR(X, W, 3)

/* A breakpoint (B) or watchpoint (W): its value register, then its control. The processor has six of the first and four of the second. */
#define DEBUG_NUMBER_B 0x8004
#define DEBUG_NUMBER_W 0x8006
#define DEBUG_PAIR(X, kind, n)                                                              \
    X(DBG##kind##VR##n##_EL1, dbg##kind##vr##n##_el1, (DEBUG_NUMBER_##kind + 8 * (n)))      \
    X(DBG##kind##CR##n##_EL1, dbg##kind##cr##n##_el1, (DEBUG_NUMBER_##kind + 8 * (n) + 1))
enum { BREAKPOINT_COUNT = 6, WATCHPOINT_COUNT = 4 };

enum live_register
{
#define X(name, register, number) LIVE_##name,
    LIVE_REGISTERS(X)
#undef X
    LIVE_COUNT
};

/* Read once, when the machine starts: what the processor is. */
#define IDENTITY_REGISTERS(X)                     \
    X(ID_AA64PFR0_EL1, id_aa64pfr0_el1, 0xC020)   \
    X(ID_AA64PFR1_EL1, id_aa64pfr1_el1, 0xC021)   \
    X(ID_AA64DFR0_EL1, id_aa64dfr0_el1, 0xC028)   \
    X(ID_AA64DFR1_EL1, id_aa64dfr1_el1, 0xC029)   \
    X(ID_AA64ISAR0_EL1, id_aa64isar0_el1, 0xC030) \
    X(ID_AA64ISAR1_EL1, id_aa64isar1_el1, 0xC031) \
    X(ID_AA64MMFR0_EL1, id_aa64mmfr0_el1, 0xC038) \
    X(ID_AA64MMFR1_EL1, id_aa64mmfr1_el1, 0xC039) \
    X(ID_AA64MMFR2_EL1, id_aa64mmfr2_el1, 0xC03A) \
    X(CTR_EL0, ctr_el0, 0xD801)                   \
    X(CLIDR_EL1, clidr_el1, 0xC801)               \
    X(DCZID_EL0, dczid_el0, 0xD807)

enum identity_register
{
#define X(name, register, number) IDENTITY_##name,
    IDENTITY_REGISTERS(X)
#undef X
    IDENTITY_COUNT
};

enum { IDENTITY_VM_COUNT = IDENTITY_CTR_EL0 }; /* those in front of CTR_EL0 are the ones that a VM may have otherwise */
