#include "selftest.h"

enum { MPIDR_EL1 = 0xC005, MIDR_EL1 = 0xC000, PFR0 = 0xC020, ISAR0 = 0xC030, TPIDR_EL1 = 0xC684, SP_EL0 = 0xC208, CONTEXTIDR_EL1 = 0xC681 };

static void values(void)
{
    struct machine m;
    machine_create(&m);
    set(&m, HV_REG_X0 + 1, 0x2000);
    set(&m, HV_REG_X0 + 2, 0x33);
    start(&m, GUEST_SET_THREAD, 0x12345678);
    EQUAL("R-SYS-01", 0x12345678, get_system(&m, TPIDR_EL1));
    EQUAL("R-SYS-01", 0x2000, get_system(&m, SP_EL0));
    EQUAL("R-SYS-01", 0x33, get_system(&m, CONTEXTIDR_EL1));
    uint64_t value;
    RESULT_IS("R-SYS-01", HV_BAD_ARGUMENT, hv_vcpu_get_sys_reg(m.vcpu, 0xFFFF, &value));
    RESULT_IS("R-SYS-01", HV_BAD_ARGUMENT, hv_vcpu_set_sys_reg(m.vcpu, 0xDF01, 0)); /* CNTPCT_EL0 */
    set_system(&m, 0xC108, 0x1234);
    EQUAL("R-SYS-05", 0x1234, get_system(&m, 0xC108));
    set_system(&m, 0xC081, 0xFF);
    EQUAL("R-SYS-05", 2, get_system(&m, 0xC081));
    RESULT_IS("R-SYS-02", HV_UNSUPPORTED, hv_vcpu_get_sys_reg(m.vcpu, 0xDF11, &value)); /* CNTP_CTL_EL0 without a GIC */
    RESULT_IS("R-SYS-02", HV_UNSUPPORTED, hv_vcpu_get_sys_reg(m.vcpu, 0xE088, &value)); /* HCR_EL2 */
    RESULT_IS("R-SYS-02", HV_UNSUPPORTED, hv_vcpu_get_sys_reg(m.vcpu, 0xC096, &value)); /* SMCR_EL1 */
    RESULT_IS("R-SYS-03", HV_UNSUPPORTED, hv_vcpu_get_sys_reg(m.vcpu, 0x8004 + 8 * 15, &value));
    set_system(&m, 0x8004 + 8 * 5, 0x4000);
    EQUAL("R-SYS-03", 0x4000, get_system(&m, 0x8004 + 8 * 5));
    size_t size;
    RESULT_IS("R-SYS-06", HV_UNSUPPORTED, hv_sme_config_get_max_svl_bytes(&size));
    machine_delete(&m);
}

static void identity(void)
{
    struct machine m;
    machine_create(&m);
    set_system(&m, MPIDR_EL1, 0x80000102);
    start(&m, GUEST_IDENTITY, 0);
    CHECK("R-SYS-04", is_call(&m, 1));
    EQUAL("R-ID-01", 0x11, get(&m, HV_REG_X0) & 0xFFFF);
    EQUAL("R-SYS-04", get_system(&m, PFR0), get(&m, HV_REG_X0));
    EQUAL("R-ID-02", 0, get(&m, HV_REG_X0) >> 24 & 0xF);
    EQUAL("R-SYS-04", get_system(&m, ISAR0), get(&m, HV_REG_X0 + 1));
    EQUAL("R-SYS-04", 0, get(&m, HV_REG_X0 + 2));
    EQUAL("R-SYS-04", 0x80000102, get(&m, HV_REG_X0 + 3));
    EQUAL("R-SYS-04", get_system(&m, MIDR_EL1), get(&m, HV_REG_X0 + 4));
    set_system(&m, PFR0, 0x01000011);
    start(&m, GUEST_IDENTITY, 0);
    EQUAL("R-SYS-04", 0x01000011, get(&m, HV_REG_X0));
    hv_vcpu_config_t config = hv_vcpu_config_create();
    uint64_t value = 0, values[8];
    OK("R-ID-03", hv_vcpu_config_get_feature_reg(config, 7, &value)); /* PFR0 */
    EQUAL("R-ID-03", 0x11, value & 0xFFFF);
    RESULT_IS("R-ID-03", HV_BAD_ARGUMENT, hv_vcpu_config_get_feature_reg(config, 14, &value));
    OK("R-ID-03", hv_vcpu_config_get_ccsidr_el1_sys_reg_values(config, HV_CACHE_TYPE_DATA, values));
    CHECK("R-ID-03", values[0] != 0);
    os_release(config);
    machine_delete(&m);
}

static void traps(void)
{
    static const struct
    {
        uint64_t guest;
        uint32_t iss;
    } cases[] = {
        {GUEST_PERFORMANCE, SYSTEM_ISS(3, 3, 9, 12, 0, 3, 1)},
        {GUEST_ACKNOWLEDGE, SYSTEM_ISS(3, 0, 12, 12, 0, 4, 1)},
        {GUEST_SEND_SGI, SYSTEM_ISS(3, 0, 12, 11, 5, 5, 0)},
        {GUEST_PRIORITY, SYSTEM_ISS(3, 0, 4, 6, 0, 6, 0)},
        {GUEST_OS_LOCK, SYSTEM_ISS(2, 0, 1, 0, 4, 31, 0)},
    };
    struct machine m;
    machine_create(&m);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    {
        start(&m, cases[i].guest, 0);
        EQUAL("R-SYS-07", CLASS_SYSTEM_REGISTER, exit_class(&m));
        EQUAL("R-SYS-07", cases[i].iss, exit_iss(&m));
        EQUAL("R-EXIT-05", GUEST_BASE + cases[i].guest, get(&m, HV_REG_PC));
    }
    machine_delete(&m);
}

void test_system(void)
{
    values();
    identity();
    traps();
}
