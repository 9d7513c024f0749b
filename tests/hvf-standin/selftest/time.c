#include "selftest.h"

enum { CNTV_CTL = 0xDF19, CNTV_CVAL = 0xDF1A };

static void counter(void)
{
    struct machine m;
    machine_create(&m);
    uint64_t offset = 1;
    OK("R-TIME-02", hv_vcpu_get_vtimer_offset(m.vcpu, &offset));
    EQUAL("R-TIME-02", 0, offset);
    uint64_t before = mach_absolute_time();
    start(&m, GUEST_READ_COUNTER, 0);
    uint64_t after = mach_absolute_time();
    uint64_t slack = 62500; /* 1 ms: how well the two counters were compared */
    CHECK("R-TIME-01", get(&m, HV_REG_X0) + slack > before && get(&m, HV_REG_X0) < after + slack);
    EQUAL("R-TIME-01", 62500000, get(&m, HV_REG_X0 + 1));
    struct mach_timebase_info base;
    mach_timebase_info(&base);
    EQUAL("R-TIME-01", 1000000000ull * base.denom / base.numer, 62500000);
    OK("R-TIME-02", hv_vcpu_set_vtimer_offset(m.vcpu, before));
    start(&m, GUEST_READ_COUNTER, 0);
    after = mach_absolute_time();
    CHECK("R-TIME-02", get(&m, HV_REG_X0) < after - before + slack);
    machine_delete(&m);
}

static void timer(void)
{
    struct machine m;
    machine_create(&m);
    bool is_masked = true;
    OK("R-TIME-03", hv_vcpu_get_vtimer_mask(m.vcpu, &is_masked));
    CHECK("R-TIME-03", !is_masked);
    EQUAL("R-TIME-03", HV_EXIT_REASON_VTIMER_ACTIVATED, start(&m, GUEST_TIMER, 62500)); /* 1 ms */
    OK("R-TIME-03", hv_vcpu_get_vtimer_mask(m.vcpu, &is_masked));
    CHECK("R-TIME-03", is_masked);
    EQUAL("R-TIME-03", 5, get_system(&m, CNTV_CTL)); /* ENABLE and ISTATUS */
    /* Masked, it does not leave; unmasked while it asserts, at once. */
    set(&m, HV_REG_PC, GUEST_BASE + GUEST_CALL);
    run(&m);
    CHECK("R-TIME-04", is_call(&m, 0x21));
    OK("R-TIME-04", hv_vcpu_set_vtimer_mask(m.vcpu, false));
    set(&m, HV_REG_PC, GUEST_BASE + GUEST_SPIN);
    EQUAL("R-TIME-04", HV_EXIT_REASON_VTIMER_ACTIVATED, run(&m));
    /* It expires while the vCPU does not run. */
    OK("R-TIME-04", hv_vcpu_set_vtimer_mask(m.vcpu, false));
    set_system(&m, CNTV_CVAL, mach_absolute_time() + 62500);
    set_system(&m, CNTV_CTL, 1);
    pause_milliseconds(5);
    EQUAL("R-TIME-04", HV_EXIT_REASON_VTIMER_ACTIVATED, start(&m, GUEST_SPIN, 0));
    set_system(&m, CNTV_CTL, 0);
    uint64_t time = 0, again = 0;
    OK("R-TIME-06", hv_vcpu_get_exec_time(m.vcpu, &time));
    CHECK("R-TIME-06", time > 0);
    start(&m, GUEST_CALL, 0);
    OK("R-TIME-06", hv_vcpu_get_exec_time(m.vcpu, &again));
    CHECK("R-TIME-06", again >= time);
    machine_delete(&m);
}

static void physical(void)
{
    struct machine m;
    machine_create(&m);
    start(&m, GUEST_PHYSICAL_COUNTER, 0);
    EQUAL("R-TIME-05", CLASS_SYSTEM_REGISTER, exit_class(&m));
    EQUAL("R-TIME-05", SYSTEM_ISS(3, 3, 14, 0, 1, 0, 1), exit_iss(&m));
    start(&m, GUEST_PHYSICAL_TIMER, 0);
    EQUAL("R-TIME-05", SYSTEM_ISS(3, 3, 14, 2, 1, 0, 0), exit_iss(&m));
    machine_delete(&m);
}

void test_time(void)
{
    counter();
    timer();
    physical();
}
