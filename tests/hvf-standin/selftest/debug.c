#include "selftest.h"

enum { MDSCR_EL1 = 0x8012, DBGBVR0 = 0x8004, DBGBCR0 = 0x8005, DBGWVR0 = 0x8006, DBGWCR0 = 0x8007, VBAR_EL1 = 0xC600 };
enum { MDSCR_SS = 1, MDSCR_MDE = 1 << 15, PSTATE_SS = 1 << 21, VECTOR_SYNCHRONOUS = 0x104 };

static void breaks(void)
{
    struct machine m;
    machine_create(&m);
    set_system(&m, VBAR_EL1, GUEST_BASE + GUEST_VECTORS);
    start(&m, GUEST_BREAK, 0);
    CHECK("R-DEBUG-01", is_call(&m, VECTOR_SYNCHRONOUS)); /* the guest's own */
    OK("R-DEBUG-01", hv_vcpu_set_trap_debug_exceptions(m.vcpu, true));
    bool value = false;
    OK("R-DEBUG-01", hv_vcpu_get_trap_debug_exceptions(m.vcpu, &value));
    CHECK("R-DEBUG-01", value);
    start(&m, GUEST_BREAK, 0);
    EQUAL("R-DEBUG-01", CLASS_BRK, exit_class(&m));
    EQUAL("R-DEBUG-01", 7, exit_iss(&m));
    EQUAL("R-DEBUG-01", GUEST_BASE + GUEST_BREAK, get(&m, HV_REG_PC));
    /* A hardware breakpoint: EL1 and EL0, all of the word. */
    set_system(&m, DBGBVR0, GUEST_BASE + GUEST_STEPS_SECOND);
    set_system(&m, DBGBCR0, 1 | 3 << 1 | 0xF << 5);
    set_system(&m, MDSCR_EL1, MDSCR_MDE);
    start(&m, GUEST_STEPS, 0);
    EQUAL("R-DEBUG-03", CLASS_BREAKPOINT, exit_class(&m));
    EQUAL("R-DEBUG-03", GUEST_BASE + GUEST_STEPS_SECOND, get(&m, HV_REG_PC));
    EQUAL("R-DEBUG-03", 1, get(&m, HV_REG_X0));
    set_system(&m, DBGBCR0, 0);
    /* A watchpoint on eight bytes, stores. */
    set_system(&m, DBGWVR0, GUEST_BASE + DATA);
    set_system(&m, DBGWCR0, 1 | 3 << 1 | 2 << 3 | 0xFF << 5);
    start(&m, GUEST_STORE, GUEST_BASE + DATA);
    EQUAL("R-DEBUG-03", CLASS_WATCHPOINT, exit_class(&m));
    EQUAL("R-DEBUG-03", GUEST_BASE + DATA, m.exit->exception.virtual_address);
    set_system(&m, DBGWCR0, 0);
    machine_delete(&m);
}

static void steps(void)
{
    struct machine m;
    machine_create(&m);
    OK("R-DEBUG-04", hv_vcpu_set_trap_debug_exceptions(m.vcpu, true));
    set_system(&m, MDSCR_EL1, MDSCR_SS);
    set(&m, HV_REG_PC, GUEST_BASE + GUEST_STEPS);
    set(&m, HV_REG_X0, 0);
    for (uint64_t i = 1; i <= 3; i++)
    {
        set(&m, HV_REG_CPSR, get(&m, HV_REG_CPSR) | PSTATE_SS);
        EQUAL("R-DEBUG-04", HV_EXIT_REASON_EXCEPTION, run(&m));
        EQUAL("R-DEBUG-04", CLASS_STEP, exit_class(&m));
        EQUAL("R-DEBUG-04", i, get(&m, HV_REG_X0));
        EQUAL("R-DEBUG-04", GUEST_BASE + GUEST_STEPS + 4 * i, get(&m, HV_REG_PC));
    }
    set_system(&m, MDSCR_EL1, 0);
    run(&m);
    CHECK("R-DEBUG-04", is_call(&m, 1));
    machine_delete(&m);
}

static void accesses(void)
{
    struct machine m;
    machine_create(&m);
    set_system(&m, MDSCR_EL1, 1 << 12);
    start(&m, GUEST_READ_MDSCR, 0);
    CHECK("R-DEBUG-02", is_call(&m, 1));
    EQUAL("R-DEBUG-02", 1 << 12, get(&m, HV_REG_X0 + 7));
    OK("R-DEBUG-02", hv_vcpu_set_trap_debug_reg_accesses(m.vcpu, true));
    start(&m, GUEST_READ_MDSCR, 0);
    EQUAL("R-DEBUG-02", CLASS_SYSTEM_REGISTER, exit_class(&m));
    EQUAL("R-DEBUG-02", SYSTEM_ISS(2, 0, 0, 2, 2, 7, 1), exit_iss(&m));
    machine_delete(&m);
}

void test_debug(void)
{
    breaks();
    steps();
    accesses();
}
