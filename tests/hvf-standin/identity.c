/* R-ID: what the processor says that it is, and the configuration that asks. */
#include "standin.h"
#include <string.h>

static uint64_t without(uint64_t value, unsigned field) { return value & ~(0xFull << field); }

/* R-ID-01: the host's processor, without what no VM has. Field positions: Arm ARM D19.2, ID_AA64*. */
uint64_t identity_feature(unsigned identity)
{
    uint64_t value = board()->identity[identity];
    switch (identity)
    {
        case IDENTITY_ID_AA64PFR0_EL1:
            value = (value & ~0xFFFFull) | 0x11;   /* no EL3, no EL2; EL1 and EL0 are AArch64 only */
            value = without(without(value, 24), 32); /* GIC (R-ID-02), SVE */
            return without(without(value, 40), 44);  /* MPAM, AMU */
        case IDENTITY_ID_AA64DFR0_EL1:
            value = without(without(value, 4), 8);   /* TraceVer, PMUVer */
            return without(without(value, 32), 36);  /* PMSVer, DoubleLock */
        case IDENTITY_ID_AA64MMFR1_EL1:
            return without(without(value, 8), 16); /* VH, LO */
        default:
            return value;
    }
}

void identity_reset(struct vcpu *vcpu)
{
    for (unsigned i = 0; i < IDENTITY_VM_COUNT; i++)
    {
        vcpu->identity[i] = identity_feature(i);
    }
}

/* The registers that HCR_EL2.TID3 traps: op0 3, op1 0, CRn 0, CRm 1 to 7. What is not known reads as zero. */
bool identity_read(struct vcpu *vcpu, uint16_t reg, uint64_t *value)
{
    static const uint16_t numbers[] = {
#define X(name, register, number) number,
        IDENTITY_REGISTERS(X)
#undef X
    };
    unsigned crm = reg >> 3 & 0xF;
    if ((reg & ~0x7Fu) != 0xC000 || crm < 1 || crm > 7)
    {
        return false;
    }
    *value = 0;
    for (unsigned i = 0; i < IDENTITY_VM_COUNT; i++)
    {
        *value = numbers[i] == reg ? vcpu->identity[i] : *value;
    }
    return true;
}

hv_vcpu_config_t hv_vcpu_config_create(void) { return object_new(OBJECT_VCPU_CONFIG); }

static bool ensure_machine(void)
{
    pthread_mutex_lock(&vm_lock);
    bool is_there = vm.exists || machine_ensure();
    pthread_mutex_unlock(&vm_lock);
    return is_there;
}

/* R-ID-03 */
hv_return_t hv_vcpu_config_get_feature_reg(hv_vcpu_config_t config, uint32_t feature, uint64_t *value)
{
    static const uint8_t identities[HV_FEATURE_REG_COUNT] = {
        IDENTITY_ID_AA64DFR0_EL1, IDENTITY_ID_AA64DFR1_EL1, IDENTITY_ID_AA64ISAR0_EL1, IDENTITY_ID_AA64ISAR1_EL1,
        IDENTITY_ID_AA64MMFR0_EL1, IDENTITY_ID_AA64MMFR1_EL1, IDENTITY_ID_AA64MMFR2_EL1, IDENTITY_ID_AA64PFR0_EL1,
        IDENTITY_ID_AA64PFR1_EL1, IDENTITY_CTR_EL0, IDENTITY_CLIDR_EL1, IDENTITY_DCZID_EL0,
    };
    uint32_t known = macos_version >= MACOS_15_2 ? HV_FEATURE_REG_ID_AA64ZFR0_EL1 + 1 : HV_FEATURE_REG_COUNT;
    if (!object_is(config, OBJECT_VCPU_CONFIG) || value == NULL || feature >= known)
    {
        return HV_BAD_ARGUMENT;
    }
    if (!ensure_machine())
    {
        return HV_ERROR;
    }
    *value = feature >= HV_FEATURE_REG_COUNT ? 0 : identity_feature(identities[feature]);
    return HV_SUCCESS;
}

hv_return_t hv_vcpu_config_get_ccsidr_el1_sys_reg_values(hv_vcpu_config_t config, uint32_t cache, uint64_t values[8])
{
    if (!object_is(config, OBJECT_VCPU_CONFIG) || values == NULL || cache > HV_CACHE_TYPE_INSTRUCTION)
    {
        return HV_BAD_ARGUMENT;
    }
    if (!ensure_machine())
    {
        return HV_ERROR;
    }
    memcpy(values, board()->ccsidr[cache], sizeof board()->ccsidr[cache]);
    return HV_SUCCESS;
}
