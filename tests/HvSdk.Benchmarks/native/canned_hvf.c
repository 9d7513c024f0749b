/*
 * Hypervisor.framework's functions without a guest: each run ends at once with a load or a store of a device, in turn, so many times, and then
 * with an HVC. What is left of an exit's time is the caller's.
 */
#include "hvf.h"
#include <stdlib.h>
#include <string.h>

#define DEVICE 0x39000ull
#define COUNTER_FREQUENCY 24000000

/* ESR_EL2 (Arm ARM, D19.2.37): an access of 4 bytes whose register is X2; a store has WnR; HVC. */
#define ACCESS (0x24ull << 26 | 1u << 25 | 1u << 24 | 2u << 22 | 2u << 16)
#define WRITE (1u << 6)
#define HVC (0x16ull << 26 | 1u << 25)

static uint64_t registers[64];
static hv_vcpu_exit_t context;
static uint64_t accesses, left;

/* How many accesses come before the next HVC. */
void HvSdkCannedAccesses(uint64_t count) { accesses = left = count; }

hv_return_t hv_vcpu_run(hv_vcpu_t vcpu)
{
    (void)vcpu;
    context.reason = HV_EXIT_REASON_EXCEPTION;
    if (left == 0) {
        left = accesses;
        context.exception.syndrome = HVC;
        return HV_SUCCESS;
    }
    left--;
    context.exception.syndrome = left & 1 ? ACCESS | WRITE : ACCESS;
    context.exception.physical_address = DEVICE;
    return HV_SUCCESS;
}

hv_return_t hv_vcpu_get_reg(hv_vcpu_t vcpu, uint32_t reg, uint64_t *value)
{
    (void)vcpu;
    *value = registers[reg & 63];
    return HV_SUCCESS;
}

hv_return_t hv_vcpu_set_reg(hv_vcpu_t vcpu, uint32_t reg, uint64_t value)
{
    (void)vcpu;
    registers[reg & 63] = value;
    return HV_SUCCESS;
}

hv_return_t hv_vcpu_create(hv_vcpu_t *vcpu, hv_vcpu_exit_t **exit, hv_vcpu_config_t config)
{
    (void)config;
    *vcpu = 0;
    *exit = &context;
    return HV_SUCCESS;
}

hv_return_t hv_vm_get_max_vcpu_count(uint32_t *count)
{
    *count = 1;
    return HV_SUCCESS;
}

int mach_timebase_info(struct mach_timebase_info *info)
{
    info->numer = 1000000000 / COUNTER_FREQUENCY;
    info->denom = 1;
    return 0;
}

int sysctlbyname(const char *name, void *old, size_t *old_size, void *new, size_t new_size)
{
    (void)new, (void)new_size;
    uint64_t value = strcmp(name, "hw.tbfrequency") == 0 ? COUNTER_FREQUENCY : 1;
    memcpy(old, &value, *old_size < sizeof value ? *old_size : sizeof value);
    return 0;
}

hv_vcpu_config_t hv_vcpu_config_create(void) { return calloc(1, 1); }
void os_release(void *object) { free(object); }
uint64_t mach_absolute_time(void) { return 0; }

/* The rest is never asked for more than to work. */
#define NOTHING(name, parameters) hv_return_t name parameters { return HV_SUCCESS; }
#pragma GCC diagnostic ignored "-Wunused-parameter"
NOTHING(hv_vm_create, (hv_vm_config_t config))
NOTHING(hv_vm_destroy, (void))
NOTHING(hv_vm_map, (void *address, uint64_t ipa, size_t size, uint64_t flags))
NOTHING(hv_vm_unmap, (uint64_t ipa, size_t size))
NOTHING(hv_vm_protect, (uint64_t ipa, size_t size, uint64_t flags))
NOTHING(hv_vcpu_destroy, (hv_vcpu_t vcpu))
NOTHING(hv_vcpus_exit, (hv_vcpu_t *vcpus, uint32_t count))
NOTHING(hv_vcpu_get_simd_fp_reg, (hv_vcpu_t vcpu, uint32_t reg, hv_simd_fp_uchar16_t *value))
NOTHING(hv_vcpu_set_simd_fp_reg, (hv_vcpu_t vcpu, uint32_t reg, hv_simd_fp_uchar16_t value))
NOTHING(hv_vcpu_set_sys_reg, (hv_vcpu_t vcpu, uint16_t reg, uint64_t value))
NOTHING(hv_vcpu_set_pending_interrupt, (hv_vcpu_t vcpu, uint32_t type, bool is_pending))
NOTHING(hv_vcpu_set_trap_debug_exceptions, (hv_vcpu_t vcpu, bool value))
NOTHING(hv_vcpu_set_vtimer_mask, (hv_vcpu_t vcpu, bool is_masked))
NOTHING(hv_vcpu_set_vtimer_offset, (hv_vcpu_t vcpu, uint64_t offset))

#define ZERO(name, parameters, type) hv_return_t name parameters { *value = (type)0; return HV_SUCCESS; }
ZERO(hv_vcpu_config_get_feature_reg, (hv_vcpu_config_t config, uint32_t feature, uint64_t *value), uint64_t)
ZERO(hv_vcpu_get_sys_reg, (hv_vcpu_t vcpu, uint16_t reg, uint64_t *value), uint64_t)
ZERO(hv_vcpu_get_exec_time, (hv_vcpu_t vcpu, uint64_t *value), uint64_t)
ZERO(hv_vcpu_get_vtimer_mask, (hv_vcpu_t vcpu, bool *value), bool)
ZERO(hv_vcpu_get_vtimer_offset, (hv_vcpu_t vcpu, uint64_t *value), uint64_t)
