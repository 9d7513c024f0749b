/* The processor's interface: ICC_* system registers (IHI 0069, 12.2), of guests and of the caller. */
#include "gic.h"

enum
{
    PMR = 0xC230, IAR0 = 0xC640, EOIR0 = 0xC641, HPPIR0 = 0xC642, BPR0 = 0xC643, AP0R0 = 0xC644, AP1R0 = 0xC648, DIR = 0xC659, RPR = 0xC65B,
    SGI1R = 0xC65D, ASGI1R = 0xC65E, SGI0R = 0xC65F, IAR1 = 0xC660, EOIR1 = 0xC661, HPPIR1 = 0xC662, BPR1 = 0xC663, CTLR = 0xC664, SRE = 0xC665,
    IGRPEN0 = 0xC666, IGRPEN1 = 0xC667, SRE_EL2 = 0xE64D
};
enum
{
    CTLR_CBPR = 1, CTLR_EOIMODE = 2,
    CTLR_FIXED = 4 << 8 | 1 << 15, /* five bits of priority, affinity level 3 */
    LOWEST_BPR0 = 2, LOWEST_BPR1 = 3
};

static uint32_t acknowledge(struct vcpu *vcpu, bool is_group1)
{
    struct gic_candidate candidate = gic_highest(vcpu);
    if (!gic_is_signaled(vcpu, &candidate) || candidate.is_group1 != is_group1)
    {
        return SPURIOUS;
    }
    struct gic_word *word = gic_word(vcpu, candidate.intid);
    uint32_t bit = 1u << candidate.intid % 32;
    word->active |= bit;
    word->latch &= ~bit;
    vcpu->gic->active_priorities[is_group1] |= 1u << (gic_group_priority(vcpu->gic, candidate.priority, is_group1) >> 3);
    return candidate.intid;
}

static void deactivate(struct vcpu *vcpu, uint32_t intid)
{
    if (intid < FIRST_SPI + SPI_COUNT)
    {
        gic_word(vcpu, intid)->active &= ~(1u << intid % 32);
        gic_changed(vcpu);
    }
}

static void end(struct vcpu *vcpu, uint32_t intid, bool is_group1)
{
    if (intid >= FIRST_SPI + SPI_COUNT)
    {
        return;
    }
    uint32_t *active = &vcpu->gic->active_priorities[is_group1];
    *active &= *active - 1; /* the highest that is active */
    if (!(vcpu->gic->control & CTLR_EOIMODE))
    {
        deactivate(vcpu, intid);
    }
}

static uint32_t highest_of(struct vcpu *vcpu, bool is_group1)
{
    struct gic_candidate candidate = gic_highest(vcpu);
    return candidate.intid != SPURIOUS && candidate.is_group1 == is_group1 ? candidate.intid : SPURIOUS;
}

static bool read(struct vcpu *vcpu, uint16_t reg, uint64_t *value)
{
    const struct gic_cpu *cpu = vcpu->gic;
    switch (reg)
    {
        case PMR: *value = cpu->priority_mask; return true;
        case IAR0: case IAR1: *value = acknowledge(vcpu, reg == IAR1); return true;
        case HPPIR0: case HPPIR1: *value = highest_of(vcpu, reg == HPPIR1); return true;
        case BPR0: *value = cpu->binary_point[0]; return true;
        case BPR1: *value = cpu->control & CTLR_CBPR ? (cpu->binary_point[0] < 7 ? cpu->binary_point[0] + 1 : 7) : cpu->binary_point[1]; return true;
        case AP0R0: case AP1R0: *value = cpu->active_priorities[reg == AP1R0]; return true;
        case RPR: *value = gic_running_priority(cpu); return true;
        case CTLR: *value = cpu->control | CTLR_FIXED; return true;
        case SRE: *value = 7; return true;
        case IGRPEN0: case IGRPEN1: *value = cpu->enabled[reg == IGRPEN1]; return true;
        default: return false;
    }
}

static uint32_t at_least(uint64_t value, uint32_t lowest) { return (value & 7) < lowest ? lowest : (uint32_t)(value & 7); }

static bool write(struct vcpu *vcpu, uint16_t reg, uint64_t value)
{
    struct gic_cpu *cpu = vcpu->gic;
    switch (reg)
    {
        case PMR: cpu->priority_mask = value & PRIORITY_MASK; return true;
        case EOIR0: case EOIR1: end(vcpu, value & 0xFFFFFF, reg == EOIR1); return true;
        case DIR: deactivate(vcpu, value & 0xFFFFFF); return true;
        case BPR0: cpu->binary_point[0] = at_least(value, LOWEST_BPR0); return true;
        case BPR1:
            if (!(cpu->control & CTLR_CBPR))
            {
                cpu->binary_point[1] = at_least(value, LOWEST_BPR1);
            }
            return true;
        case AP0R0: case AP1R0: cpu->active_priorities[reg == AP1R0] = (uint32_t)value; return true;
        case CTLR: cpu->control = value & (CTLR_CBPR | CTLR_EOIMODE); return true;
        case SRE: return true;
        case IGRPEN0: case IGRPEN1: cpu->enabled[reg == IGRPEN1] = value & 1; return true;
        case SGI1R: case SGI0R:
            gic_send_sgi(vcpu, value, reg == SGI1R);
            gic_changed(vcpu);
            return true;
        case ASGI1R: return true; /* the other security state's */
        default: return false;
    }
}

bool gic_interface_access(struct vcpu *vcpu, uint16_t reg, uint64_t *value, bool is_write)
{
    return is_write ? write(vcpu, reg, *value) : read(vcpu, reg, value);
}

/* ---- of the caller: only what is state ---- */

static hv_return_t access_state(hv_vcpu_t number, uint16_t reg, uint64_t *value, bool is_write)
{
    struct vcpu *vcpu;
    hv_return_t result = value == NULL ? HV_BAD_ARGUMENT : vcpu_find(number, &vcpu);
    if (result != HV_SUCCESS)
    {
        return result;
    }
    if (vm.gic == NULL || reg == SRE_EL2)
    {
        return HV_UNSUPPORTED; /* R-GIC-11 */
    }
    switch (reg)
    {
        case PMR: case BPR0: case BPR1: case AP0R0: case AP1R0: case CTLR: case SRE: case IGRPEN0: case IGRPEN1:
            break;
        case RPR:
            if (!is_write)
            {
                break;
            }
            return HV_BAD_ARGUMENT;
        default:
            return HV_BAD_ARGUMENT;
    }
    pthread_mutex_lock(&vm_lock);
    gic_interface_access(vcpu, reg, value, is_write);
    pthread_mutex_unlock(&vm_lock);
    return HV_SUCCESS;
}

hv_return_t hv_gic_get_icc_reg(hv_vcpu_t vcpu, uint16_t reg, uint64_t *value) { return access_state(vcpu, reg, value, false); }
hv_return_t hv_gic_set_icc_reg(hv_vcpu_t vcpu, uint16_t reg, uint64_t value) { return access_state(vcpu, reg, &value, true); }

/* R-GIC-11: those of a guest's guests. */
static hv_return_t no_el2(hv_vcpu_t number)
{
    struct vcpu *vcpu;
    hv_return_t result = vcpu_find(number, &vcpu);
    return result == HV_SUCCESS ? HV_UNSUPPORTED : result;
}

hv_return_t hv_gic_get_ich_reg(hv_vcpu_t vcpu, uint16_t reg, uint64_t *value) { return (void)reg, value == NULL ? HV_BAD_ARGUMENT : no_el2(vcpu); }
hv_return_t hv_gic_set_ich_reg(hv_vcpu_t vcpu, uint16_t reg, uint64_t value) { return (void)reg, (void)value, no_el2(vcpu); }
hv_return_t hv_gic_get_icv_reg(hv_vcpu_t vcpu, uint16_t reg, uint64_t *value) { return (void)reg, value == NULL ? HV_BAD_ARGUMENT : no_el2(vcpu); }
hv_return_t hv_gic_set_icv_reg(hv_vcpu_t vcpu, uint16_t reg, uint64_t value) { return (void)reg, (void)value, no_el2(vcpu); }
