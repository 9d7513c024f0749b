/* R-GIC: the platform's interrupt controller, a GICv3 (Arm IHI 0069) with one security state and no LPIs. It lives here, in the
   library: guests' accesses to its frames and to ICC_* trap, and it drives HCR_EL2.VI and VF. All functions want vm_lock. */
#pragma once
#include "standin.h"

enum
{
    PRIVATE_COUNT = 32, SGI_COUNT = 16, FIRST_SPI = 32, SPI_COUNT = 988, WORD_COUNT = 32, SPURIOUS = 1023,
    INTID_PERFORMANCE = 23, INTID_MAINTENANCE = 25, INTID_EL2_TIMER = 26, INTID_VIRTUAL_TIMER = 27, INTID_PHYSICAL_TIMER = 30,
    PRIORITY_MASK = 0xF8, IDLE_PRIORITY = 0xFF, /* five bits of priority */
    DISTRIBUTOR_SIZE = 0x10000, REDISTRIBUTOR_SIZE = 0x20000, MSI_SIZE = 0x10000, FRAME_ALIGNMENT = 0x10000
};

/* 32 interrupts, one bit each. */
struct gic_word
{
    uint32_t group1, enabled, latch, line, active, edge;
    uint8_t priority[32];
};

struct gic
{
    uint64_t distributor, redistributor, msi; /* msi is 0 where there is none */
    uint32_t first_msi, msi_count;
    uint32_t control; /* GICD_CTLR.EnableGrp0 and 1 */
    struct gic_word words[WORD_COUNT]; /* the first is not used: private ones are a vCPU's */
    uint64_t routes[WORD_COUNT * 32];
};

/* A vCPU's part: the redistributor's, and its interface. */
struct gic_cpu
{
    struct gic_word word;
    uint32_t waker;
    uint32_t priority_mask, binary_point[2], control, enabled[2];
    uint32_t active_priorities[2]; /* ICC_AP0R0_EL1, ICC_AP1R0_EL1: a bit per group priority */
};

/* gic_lines.c */
struct gic_candidate
{
    uint32_t intid;
    uint8_t priority;
    bool is_group1;
};
struct gic_word *gic_word(struct vcpu *vcpu, uint32_t intid);
struct gic_candidate gic_highest(struct vcpu *vcpu); /* intid SPURIOUS: none */
bool gic_is_signaled(struct vcpu *vcpu, const struct gic_candidate *candidate);
uint32_t gic_running_priority(const struct gic_cpu *cpu);
uint32_t gic_group_priority(const struct gic_cpu *cpu, uint8_t priority, bool is_group1);
void gic_pend(struct gic_word *word, uint32_t intid);
void gic_changed(struct vcpu *but); /* other vCPUs hear of interrupts that they may have now */
void gic_reset_word(struct gic_word *word, bool is_private);
uint64_t gic_affinity(const struct vcpu *vcpu);
void gic_send_sgi(struct vcpu *vcpu, uint64_t value, bool is_group1);

/* gic_frames.c, gic_interface.c: false where there is no such register, or not for this. */
bool gic_distributor_access(uint32_t offset, unsigned size, uint64_t *value, bool is_write);
bool gic_redistributor_access(struct vcpu *vcpu, uint32_t offset, unsigned size, uint64_t *value, bool is_write);
bool gic_msi_access(uint32_t offset, uint64_t *value, bool is_write);
bool gic_interface_access(struct vcpu *vcpu, uint16_t reg, uint64_t *value, bool is_write);
