#include "selftest.h"

enum { VBAR_EL1 = 0xC600, VECTOR_IRQ = 0x105, VECTOR_FIQ = 0x106 };

static void lines(void)
{
    struct machine m;
    machine_create(&m);
    set_system(&m, VBAR_EL1, GUEST_BASE + GUEST_VECTORS);
    OK("R-INT-01", hv_vcpu_set_pending_interrupt(m.vcpu, HV_INTERRUPT_TYPE_IRQ, true));
    start(&m, GUEST_TAKE_INTERRUPTS, 0);
    CHECK("R-INT-01", is_call(&m, VECTOR_IRQ));
    bool is_pending = true;
    OK("R-INT-02", hv_vcpu_get_pending_interrupt(m.vcpu, HV_INTERRUPT_TYPE_IRQ, &is_pending));
    CHECK("R-INT-02", !is_pending);
    OK("R-INT-01", hv_vcpu_set_pending_interrupt(m.vcpu, HV_INTERRUPT_TYPE_FIQ, true));
    OK("R-INT-01", hv_vcpu_get_pending_interrupt(m.vcpu, HV_INTERRUPT_TYPE_FIQ, &is_pending));
    CHECK("R-INT-01", is_pending);
    start(&m, GUEST_TAKE_INTERRUPTS, 0);
    CHECK("R-INT-01", is_call(&m, VECTOR_FIQ));
    /* Masked, it stays out; and it is gone after the run all the same. */
    OK("R-INT-02", hv_vcpu_set_pending_interrupt(m.vcpu, HV_INTERRUPT_TYPE_IRQ, true));
    start(&m, GUEST_CALL, 0);
    CHECK("R-INT-02", is_call(&m, 0x21));
    OK("R-INT-02", hv_vcpu_get_pending_interrupt(m.vcpu, HV_INTERRUPT_TYPE_IRQ, &is_pending));
    CHECK("R-INT-02", !is_pending);
    /* A canceled run clears it, too. */
    OK("R-INT-02", hv_vcpu_set_pending_interrupt(m.vcpu, HV_INTERRUPT_TYPE_IRQ, true));
    OK("R-INT-02", hv_vcpus_exit(&m.vcpu, 1));
    EQUAL("R-INT-02", HV_EXIT_REASON_CANCELED, run(&m));
    OK("R-INT-02", hv_vcpu_get_pending_interrupt(m.vcpu, HV_INTERRUPT_TYPE_IRQ, &is_pending));
    CHECK("R-INT-02", !is_pending);
    RESULT_IS("R-INT-01", HV_BAD_ARGUMENT, hv_vcpu_set_pending_interrupt(m.vcpu, 2, true));
    machine_delete(&m);
}

void test_interrupts(void) { lines(); }
