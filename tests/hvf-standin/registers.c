/* R-REG: general and floating-point registers, interrupt lines, debug traps. All of them lie in the mailbox while the guest does not run. */
#include "standin.h"
#include <string.h>

static uint64_t *place_of(struct mailbox *mailbox, uint32_t reg)
{
    switch (reg)
    {
        case HV_REG_PC:
            return &mailbox->pc;
        case HV_REG_FPCR:
            return &mailbox->fpcr;
        case HV_REG_FPSR:
            return &mailbox->fpsr;
        case HV_REG_CPSR:
            return &mailbox->pstate;
        default:
            return reg <= HV_REG_X30 ? &mailbox->x[reg] : NULL;
    }
}

hv_return_t hv_vcpu_get_reg(hv_vcpu_t number, uint32_t reg, uint64_t *value)
{
    struct vcpu *vcpu;
    hv_return_t result = vcpu_find(number, &vcpu);
    if (result != HV_SUCCESS || value == NULL || place_of(vcpu->mailbox, reg) == NULL)
    {
        return HV_BAD_ARGUMENT; /* R-REG-02 */
    }
    *value = *place_of(vcpu->mailbox, reg);
    return HV_SUCCESS;
}

hv_return_t hv_vcpu_set_reg(hv_vcpu_t number, uint32_t reg, uint64_t value)
{
    struct vcpu *vcpu;
    hv_return_t result = vcpu_find(number, &vcpu);
    if (result != HV_SUCCESS || place_of(vcpu->mailbox, reg) == NULL)
    {
        return HV_BAD_ARGUMENT;
    }
    *place_of(vcpu->mailbox, reg) = value;
    vcpu->mailbox->fp_dirty |= reg == HV_REG_FPCR || reg == HV_REG_FPSR;
    return HV_SUCCESS;
}

hv_return_t hv_vcpu_get_simd_fp_reg(hv_vcpu_t number, uint32_t reg, hv_simd_fp_uchar16_t *value)
{
    struct vcpu *vcpu;
    hv_return_t result = vcpu_find(number, &vcpu);
    if (result != HV_SUCCESS || value == NULL || reg > 31)
    {
        return HV_BAD_ARGUMENT;
    }
    memcpy(value, vcpu->mailbox->q[reg], sizeof *value);
    return HV_SUCCESS;
}

/* R-REG-03: the value comes in a vector register. */
hv_return_t hv_vcpu_set_simd_fp_reg(hv_vcpu_t number, uint32_t reg, hv_simd_fp_uchar16_t value)
{
    struct vcpu *vcpu;
    hv_return_t result = vcpu_find(number, &vcpu);
    if (result != HV_SUCCESS || reg > 31)
    {
        return HV_BAD_ARGUMENT;
    }
    memcpy(vcpu->mailbox->q[reg], &value, sizeof value);
    vcpu->mailbox->fp_dirty = 1;
    return HV_SUCCESS;
}

static hv_return_t line_of(hv_vcpu_t number, uint32_t type, struct vcpu **vcpu, uint64_t *line)
{
    hv_return_t result = type > HV_INTERRUPT_TYPE_FIQ ? HV_BAD_ARGUMENT : vcpu_find(number, vcpu);
    *line = type == HV_INTERRUPT_TYPE_IRQ ? HCR_VI : HCR_VF;
    return result == HV_SUCCESS && vm.gic != NULL ? HV_UNSUPPORTED : result; /* R-INT-03 */
}

hv_return_t hv_vcpu_get_pending_interrupt(hv_vcpu_t number, uint32_t type, bool *is_pending)
{
    struct vcpu *vcpu;
    uint64_t line;
    hv_return_t result = is_pending == NULL ? HV_BAD_ARGUMENT : line_of(number, type, &vcpu, &line);
    if (result == HV_SUCCESS)
    {
        *is_pending = (vcpu->pending & line) != 0;
    }
    return result;
}

hv_return_t hv_vcpu_set_pending_interrupt(hv_vcpu_t number, uint32_t type, bool is_pending)
{
    struct vcpu *vcpu;
    uint64_t line;
    hv_return_t result = line_of(number, type, &vcpu, &line);
    if (result == HV_SUCCESS)
    {
        vcpu->pending = is_pending ? vcpu->pending | line : vcpu->pending & ~line; /* R-INT-01 */
    }
    return result;
}

hv_return_t hv_vcpu_get_trap_debug_exceptions(hv_vcpu_t number, bool *value)
{
    struct vcpu *vcpu;
    hv_return_t result = value == NULL ? HV_BAD_ARGUMENT : vcpu_find(number, &vcpu);
    if (result == HV_SUCCESS)
    {
        *value = vcpu->traps_debug_exceptions;
    }
    return result;
}

hv_return_t hv_vcpu_set_trap_debug_exceptions(hv_vcpu_t number, bool value)
{
    struct vcpu *vcpu;
    hv_return_t result = vcpu_find(number, &vcpu);
    if (result == HV_SUCCESS)
    {
        vcpu->traps_debug_exceptions = value; /* R-DEBUG-01 */
    }
    return result;
}

hv_return_t hv_vcpu_get_trap_debug_reg_accesses(hv_vcpu_t number, bool *value)
{
    struct vcpu *vcpu;
    hv_return_t result = value == NULL ? HV_BAD_ARGUMENT : vcpu_find(number, &vcpu);
    if (result == HV_SUCCESS)
    {
        *value = vcpu->traps_debug_registers;
    }
    return result;
}

hv_return_t hv_vcpu_set_trap_debug_reg_accesses(hv_vcpu_t number, bool value)
{
    struct vcpu *vcpu;
    hv_return_t result = vcpu_find(number, &vcpu);
    if (result == HV_SUCCESS)
    {
        vcpu->traps_debug_registers = value; /* R-DEBUG-02 */
    }
    return result;
}
