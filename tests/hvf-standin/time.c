/* R-TIME: the host's counter, and the virtual timer's settings. */
#include "standin.h"
#include <time.h>

enum { NANOSECONDS_PER_TICK = 16 }; /* QEMU's generic timer runs at 62.5 MHz */

uint64_t mach_absolute_time(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return ((uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec) / NANOSECONDS_PER_TICK;
}

int mach_timebase_info(struct mach_timebase_info *info)
{
    info->numer = NANOSECONDS_PER_TICK;
    info->denom = 1;
    return 0;
}

/* CNTVCT_EL0 is mach_absolute_time() - vtimer_offset, and the machine's counter is behind mach_absolute_time(). */
uint64_t timer_cntvoff(const struct vcpu *vcpu) { return vcpu->vtimer_offset - (uint64_t)machine.counter_lead; }

hv_return_t hv_vcpu_get_vtimer_mask(hv_vcpu_t number, bool *is_masked)
{
    struct vcpu *vcpu;
    hv_return_t result = is_masked == NULL ? HV_BAD_ARGUMENT : vcpu_find(number, &vcpu);
    if (result == HV_SUCCESS)
    {
        *is_masked = vcpu->vtimer_masked;
    }
    return result;
}

hv_return_t hv_vcpu_set_vtimer_mask(hv_vcpu_t number, bool is_masked)
{
    struct vcpu *vcpu;
    hv_return_t result = vcpu_find(number, &vcpu);
    if (result == HV_SUCCESS)
    {
        vcpu->vtimer_masked = is_masked;
    }
    return result;
}

hv_return_t hv_vcpu_get_vtimer_offset(hv_vcpu_t number, uint64_t *offset)
{
    struct vcpu *vcpu;
    hv_return_t result = offset == NULL ? HV_BAD_ARGUMENT : vcpu_find(number, &vcpu);
    if (result == HV_SUCCESS)
    {
        *offset = vcpu->vtimer_offset;
    }
    return result;
}

hv_return_t hv_vcpu_set_vtimer_offset(hv_vcpu_t number, uint64_t offset)
{
    struct vcpu *vcpu;
    hv_return_t result = vcpu_find(number, &vcpu);
    if (result == HV_SUCCESS)
    {
        vcpu->vtimer_offset = offset;
    }
    return result;
}

/* R-TIME-06 */
hv_return_t hv_vcpu_get_exec_time(hv_vcpu_t number, uint64_t *time)
{
    struct vcpu *vcpu;
    hv_return_t result = time == NULL ? HV_BAD_ARGUMENT : vcpu_find(number, &vcpu);
    if (result == HV_SUCCESS)
    {
        *time = vcpu->mailbox->exec_ticks;
    }
    return result;
}
