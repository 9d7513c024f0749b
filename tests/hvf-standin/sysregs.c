/* R-SYS: system registers by the framework's numbers. */
#include "standin.h"
#include <stdlib.h>

/* Registers that the processor of the machine lacks: they hold what is written, and no more comes of it (R-SYS-05). */
struct stored_register
{
    uint16_t number;
    uint64_t value;
};

static const uint16_t stored_numbers[] = {
    0xC108, 0xC109, 0xC10A, 0xC10B, /* APIAKEY, APIBKEY: low and high halves */
    0xC110, 0xC111, 0xC112, 0xC113, /* APDAKEY, APDBKEY */
    0xC118, 0xC119,                 /* APGAKEY */
    0xC081,                         /* ACTLR_EL1 */
};
enum { STORED_COUNT = sizeof stored_numbers / sizeof stored_numbers[0], ACTLR_EL1 = 0xC081, ACTLR_TSO = 2, MPIDR_EL1 = 0xC005, CNTP_CTL = 0xDF11, CNTP_CVAL = 0xDF12 };

bool stored_registers_create(struct vcpu *vcpu)
{
    vcpu->stored = calloc(STORED_COUNT, sizeof vcpu->stored[0]);
    for (int i = 0; i < STORED_COUNT && vcpu->stored != NULL; i++)
    {
        vcpu->stored[i].number = stored_numbers[i];
    }
    return vcpu->stored != NULL;
}

static const struct
{
    uint16_t number;
    uint8_t slot;
} live[] = {
#define X(name, register, number) {number, LIVE_##name},
    LIVE_REGISTERS(X)
#undef X
};

static const uint16_t identities[] = {
#define X(name, register, number) number,
    IDENTITY_REGISTERS(X)
#undef X
};

/* R-SYS-03: the framework numbers sixteen of each; the processor has fewer. */
static bool is_debug_register(uint16_t reg) { return reg >= 0x8004 && reg < 0x8080 && (reg & 4) != 0; }

/* R-SYS-02: registers that exist in newer systems only, or not for this VM. HV_SUCCESS: nothing against it. */
static hv_return_t availability(uint16_t reg)
{
    switch (reg)
    {
        case ACTLR_EL1:
            return macos_version < MACOS_15 ? HV_BAD_ARGUMENT : HV_SUCCESS;
        case CNTP_CTL:
        case CNTP_CVAL:
            return macos_version < MACOS_15 ? HV_BAD_ARGUMENT : vm.gic == NULL ? HV_UNSUPPORTED : HV_SUCCESS;
        case 0xC024: case 0xC025: case 0xC094: case 0xC096: case 0xDE85: case 0xC687: case 0xDE87: /* of SME and its like */
            return macos_version < MACOS_15_2 ? HV_BAD_ARGUMENT : HV_UNSUPPORTED;
        default:
            break;
    }
    bool is_of_el2 = (reg >> 11 & 7) == 4 && reg != 0xE208; /* all but SP_EL1 */
    return is_of_el2 && macos_version >= MACOS_15 ? HV_UNSUPPORTED : HV_SUCCESS;
}

static uint64_t *place_of(struct vcpu *vcpu, uint16_t reg, uint64_t *dirty)
{
    *dirty = 0;
    for (size_t i = 0; i < sizeof live / sizeof live[0]; i++)
    {
        if (live[i].number == reg)
        {
            *dirty = 1ull << live[i].slot;
            return &vcpu->mailbox->live[live[i].slot];
        }
    }
    for (int i = 0; i < IDENTITY_VM_COUNT; i++)
    {
        if (identities[i] == reg)
        {
            return &vcpu->identity[i];
        }
    }
    for (int i = 0; i < STORED_COUNT; i++)
    {
        if (vcpu->stored[i].number == reg)
        {
            return &vcpu->stored[i].value;
        }
    }
    return NULL;
}

static hv_return_t find(hv_vcpu_t number, uint16_t reg, struct vcpu **vcpu, uint64_t **place, uint64_t *dirty)
{
    hv_return_t result = vcpu_find(number, vcpu);
    result = result == HV_SUCCESS ? availability(reg) : result;
    if (result != HV_SUCCESS)
    {
        return result;
    }
    *place = place_of(*vcpu, reg, dirty);
    return *place != NULL ? HV_SUCCESS : is_debug_register(reg) ? HV_UNSUPPORTED : HV_BAD_ARGUMENT;
}

hv_return_t hv_vcpu_get_sys_reg(hv_vcpu_t number, uint16_t reg, uint64_t *value)
{
    struct vcpu *vcpu;
    uint64_t *place, dirty;
    hv_return_t result = value == NULL ? HV_BAD_ARGUMENT : find(number, reg, &vcpu, &place, &dirty);
    if (result == HV_SUCCESS)
    {
        *value = *place;
    }
    return result;
}

hv_return_t hv_vcpu_set_sys_reg(hv_vcpu_t number, uint16_t reg, uint64_t value)
{
    struct vcpu *vcpu;
    uint64_t *place, dirty;
    hv_return_t result = find(number, reg, &vcpu, &place, &dirty);
    if (result == HV_SUCCESS)
    {
        *place = reg == ACTLR_EL1 ? value & ACTLR_TSO : value;
        vcpu->mailbox->live_dirty |= dirty;
        vcpu->is_mpidr_set |= reg == MPIDR_EL1;
    }
    return result;
}

/* R-SYS-06 */
hv_return_t hv_sme_config_get_max_svl_bytes(size_t *size) { return size == NULL ? HV_BAD_ARGUMENT : HV_UNSUPPORTED; }
