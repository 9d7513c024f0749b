#include "selftest.h"

static void data_aborts(void)
{
    struct machine m;
    machine_create(&m);
    EQUAL("R-EXIT-01", HV_EXIT_REASON_EXCEPTION, start(&m, GUEST_LOAD_SIGNED_BYTE, DEVICE + 5));
    EQUAL("R-EXIT-01", CLASS_DATA_ABORT, exit_class(&m));
    EQUAL("R-EXIT-03", DEVICE + 5, m.exit->exception.physical_address);
    EQUAL("R-EXIT-03", DEVICE + 5, m.exit->exception.virtual_address);
    /* ISV, a byte, sign-extended, to w3, a read, translation fault */
    uint32_t iss = exit_iss(&m);
    EQUAL("R-EXIT-01", 1, iss >> 24);
    EQUAL("R-EXIT-01", 0, iss >> 22 & 3);
    EQUAL("R-EXIT-01", 1, iss >> 21 & 1);
    EQUAL("R-EXIT-01", 3, iss >> 16 & 0x1F);
    EQUAL("R-EXIT-01", 0, iss >> 15 & 1);
    EQUAL("R-EXIT-01", 0, iss >> 6 & 1);
    EQUAL("R-EXIT-01", 1, (iss & 0x3F) >> 2); /* translation fault */
    EQUAL("R-EXIT-05", GUEST_BASE + GUEST_LOAD_SIGNED_BYTE, get(&m, HV_REG_PC));
    start(&m, GUEST_STORE_ZERO, DEVICE + 8);
    EQUAL("R-EXIT-01", 31, exit_iss(&m) >> 16 & 0x1F);
    EQUAL("R-EXIT-01", 1, exit_iss(&m) >> 6 & 1);
    start(&m, GUEST_LOAD_PAIR, DEVICE);
    EQUAL("R-EXIT-01", 0, exit_iss(&m) >> 24); /* a pair has no valid syndrome */
    start(&m, GUEST_BRANCH, DEVICE);
    EQUAL("R-EXIT-01", CLASS_INSTRUCTION_ABORT, exit_class(&m));
    EQUAL("R-EXIT-03", DEVICE, m.exit->exception.physical_address);
    start(&m, GUEST_LOAD_PAIR, 1ull << 36); /* beyond the IPA size */
    EQUAL("R-EXIT-01", CLASS_DATA_ABORT, exit_class(&m));
    EQUAL("R-EXIT-03", 1ull << 36, m.exit->exception.physical_address);
    machine_delete(&m);
}

static void calls(void)
{
    struct machine m;
    machine_create(&m);
    start(&m, GUEST_CALL, 0);
    CHECK("R-EXIT-04", is_call(&m, 0x21));
    EQUAL("R-EXIT-04", GUEST_BASE + GUEST_CALL + 4, get(&m, HV_REG_PC));
    EQUAL("R-EXIT-02", 0xCCCCCCCCCCCCCCCC, m.exit->exception.virtual_address);
    EQUAL("R-EXIT-02", 0xCCCCCCCCCCCCCCCC, m.exit->exception.physical_address);
    run(&m);
    CHECK("R-EXIT-04", is_call(&m, 0x22));
    start(&m, GUEST_SECURE_CALL, 0);
    EQUAL("R-EXIT-05", CLASS_SMC, exit_class(&m));
    EQUAL("R-EXIT-05", 5, exit_iss(&m));
    EQUAL("R-EXIT-05", GUEST_BASE + GUEST_SECURE_CALL, get(&m, HV_REG_PC));
    start(&m, GUEST_WAIT, 0);
    EQUAL("R-EXIT-06", CLASS_WFX, exit_class(&m));
    EQUAL("R-EXIT-06", 0, exit_iss(&m) & 1);
    EQUAL("R-EXIT-06", GUEST_BASE + GUEST_WAIT, get(&m, HV_REG_PC));
    set(&m, HV_REG_PC, GUEST_BASE + GUEST_WAIT + 4);
    run(&m);
    CHECK("R-EXIT-06", is_call(&m, 1));
    machine_delete(&m);
}

/* A guest that goes where the platform's cannot must not take the stand-in along. */
static void modes(void)
{
    struct machine m;
    machine_create(&m);
    const uint64_t el2h = 0x3C9, aarch32_supervisor = 0x1D3;
    set(&m, HV_REG_PC, GUEST_BASE + GUEST_CALL);
    set(&m, HV_REG_CPSR, el2h);
    RESULT_IS("R-RUN-08", HV_ILLEGAL_GUEST_STATE, hv_vcpu_run(m.vcpu));
    set(&m, HV_REG_CPSR, aarch32_supervisor);
    RESULT_IS("R-RUN-08", HV_ILLEGAL_GUEST_STATE, hv_vcpu_run(m.vcpu));
    const uint32_t load_r0_r1 = 0xE5910000;
    memcpy(m.memory + DATA, &load_r0_r1, 4);
    set(&m, HV_REG_X0 + 1, DEVICE);
    EQUAL("R-RUN-08", HV_EXIT_REASON_EXCEPTION, start(&m, GUEST_TO_AARCH32, GUEST_BASE + DATA));
    EQUAL("R-RUN-08", CLASS_DATA_ABORT, exit_class(&m));
    EQUAL("R-RUN-08", DEVICE, m.exit->exception.physical_address);
    EQUAL("R-RUN-08", 0x10, get(&m, HV_REG_CPSR) & 0x1F);
    start(&m, GUEST_CALL, 0);
    CHECK("R-RUN-08", is_call(&m, 0x21));
    machine_delete(&m);
}

void test_exits(void)
{
    modes();
    data_aborts();
    calls();
}
