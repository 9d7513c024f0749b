#include "selftest.h"

enum { HANDLER = 0x3000, IF = 0x202 };

/* Where a vector of real mode leads. */
static void set_vector(struct machine *m, int vector, uint16_t address)
{
    uint16_t entry[2] = {address, 0};
    memcpy(m->memory + vector * 4, entry, sizeof entry);
}

static void inject(struct machine *m, uint32_t type, uint32_t vector)
{
    WHV_REGISTER_VALUE value;
    memset(&value, 0, sizeof value);
    value.PendingInterruption.InterruptionPending = 1;
    value.PendingInterruption.InterruptionType = type & 7;
    value.PendingInterruption.InterruptionVector = vector & 0xFFFF;
    set_wide(m, 0, WHvRegisterPendingInterruption, value);
}

/* Without an APIC: a window is asked for, told once, and the interrupt injected. */
static void windows(void)
{
    struct machine m;
    machine_create(&m, NULL);
    CODE_AT(&m, CODE, 0xFA, 0x90, 0xE6, 0x11, 0xFB, 0x90, 0x90, 0xEB, 0xFE); /* cli; nop; out 11,al; sti; nop; nop; jmp $ */
    CODE_AT(&m, HANDLER, 0xE6, 0x12, 0xCF);                                  /* out 12,al; iret */
    set_vector(&m, 0x21, HANDLER);
    start_real(&m, 0, CODE);
    set(&m, 0, WHvX64RegisterRflags, IF);
    set(&m, 0, WHvX64RegisterDeliverabilityNotifications, 0);
    EQUAL("R-INT-03", WHvRunVpExitReasonX64IoPortAccess, run(&m, 0));
    EQUAL("R-EXIT-09", 0, m.exit->VpContext.Rflags & 0x200);
    skip(&m, 0, 2);
    set(&m, 0, WHvX64RegisterDeliverabilityNotifications, 2);
    EQUAL("R-INT-03", 2, get(&m, 0, WHvX64RegisterDeliverabilityNotifications));
    EQUAL("R-INT-03", WHvRunVpExitReasonX64InterruptWindow, run(&m, 0));
    EQUAL("R-INT-03", WHvX64PendingInterrupt, m.exit->InterruptWindow.DeliverableType);
    EQUAL("R-INT-03", 0x200, m.exit->VpContext.Rflags & 0x200);
    EQUAL("R-INT-03", 0, m.exit->VpContext.ExecutionState.InterruptShadow);
    EQUAL("R-INT-03", 0, get(&m, 0, WHvX64RegisterDeliverabilityNotifications));
    inject(&m, WHvX64PendingInterrupt, 0x21);
    EQUAL("R-INT-01", 1, get_wide(&m, 0, WHvRegisterPendingInterruption).PendingInterruption.InterruptionPending);
    EQUAL("R-INT-01", 0x21, get_wide(&m, 0, WHvRegisterPendingInterruption).PendingInterruption.InterruptionVector);
    EQUAL("R-INT-01", WHvRunVpExitReasonX64IoPortAccess, run(&m, 0));
    EQUAL("R-INT-01", 0x12, m.exit->IoPortAccess.PortNumber);
    EQUAL("R-INT-01", 0, get_wide(&m, 0, WHvRegisterPendingInterruption).PendingInterruption.InterruptionPending);

    /* In the handler interrupts are off: what is injected now the processor refuses. */
    inject(&m, WHvX64PendingInterrupt, 0x21);
    EQUAL("R-INT-02", WHvRunVpExitReasonInvalidVpRegisterValue, run(&m, 0));
    inject(&m, WHvX64PendingNmi, 2);
    set_vector(&m, 2, HANDLER);
    EQUAL("R-INT-01", WHvRunVpExitReasonX64IoPortAccess, run(&m, 0));
    EQUAL("R-INT-01", 1, get_wide(&m, 0, WHvRegisterInterruptState).InterruptState.NmiMasked);
    machine_delete(&m);
}

static void priorities(void)
{
    struct machine m;
    machine_create(&m, NULL);
    CODE_AT(&m, CODE, 0x90, 0xF4);
    start_real(&m, 0, CODE);
    set(&m, 0, WHvX64RegisterRflags, IF);
    set(&m, 0, WHvX64RegisterCr8, 5);
    WHV_X64_DELIVERABILITY_NOTIFICATIONS_REGISTER wanted = {.InterruptNotification = 1, .InterruptPriority = 4};
    set(&m, 0, WHvX64RegisterDeliverabilityNotifications, wanted.AsUINT64);
    EQUAL("R-INT-07", WHvRunVpExitReasonX64Halt, run(&m, 0));
    EQUAL("R-EXIT-09", 5, m.exit->VpContext.Cr8);
    start_real(&m, 0, CODE);
    set(&m, 0, WHvX64RegisterRflags, IF);
    wanted.InterruptPriority = 6;
    set(&m, 0, WHvX64RegisterDeliverabilityNotifications, wanted.AsUINT64);
    EQUAL("R-INT-07", WHvRunVpExitReasonX64InterruptWindow, run(&m, 0));
    machine_delete(&m);
}

static void nmi_windows(void)
{
    struct machine m;
    machine_create(&m, NULL);
    CODE_AT(&m, CODE, 0xF4);
    start_real(&m, 0, CODE);
    set(&m, 0, WHvX64RegisterDeliverabilityNotifications, 1);
    EQUAL("R-INT-04", WHvRunVpExitReasonX64InterruptWindow, run(&m, 0));
    EQUAL("R-INT-04", WHvX64PendingNmi, m.exit->InterruptWindow.DeliverableType);
    EQUAL("R-INT-04", WHvRunVpExitReasonX64Halt, run(&m, 0));
    set(&m, 0, WHvX64RegisterDeliverabilityNotifications, 1);
    set(&m, 0, WHvRegisterInterruptState, 2); /* masked */
    start_real(&m, 0, CODE);
    EQUAL("R-INT-04", WHvRunVpExitReasonX64Halt, run(&m, 0));
    machine_delete(&m);
}

static void raise(struct machine *m, uint32_t vector, bool has_code, uint32_t error, UINT64 parameter)
{
    WHV_REGISTER_VALUE value;
    memset(&value, 0, sizeof value);
    value.ExceptionEvent.EventPending = 1;
    value.ExceptionEvent.Vector = vector & 0xFFFF;
    value.ExceptionEvent.DeliverErrorCode = has_code;
    value.ExceptionEvent.ErrorCode = error;
    value.ExceptionEvent.ExceptionParameter = parameter;
    set_wide(m, 0, WHvRegisterPendingEvent, value);
}

static void set_gate(struct machine *m, int vector, uint32_t handler)
{
    UINT64 gate = (handler & 0xFFFF) | 8ull << 16 | 0x8Eull << 40 | (UINT64)(handler >> 16) << 48;
    memcpy(m->memory + 0x5000 + vector * 8, &gate, sizeof gate);
}

static void exceptions(void)
{
    struct machine m;
    machine_create(&m, NULL);
    CODE_AT(&m, CODE, 0xE4, 0x10, 0xF4);           /* in al,10; hlt */
    CODE_AT(&m, HANDLER, 0x58, 0x0F, 0x20, 0xD3, 0xF4); /* pop eax: the error code; mov ebx,cr2; hlt */
    start_flat(&m, 0, CODE);
    set_gate(&m, 13, HANDLER);
    set_gate(&m, 14, HANDLER);
    EQUAL("R-INT-05", WHvRunVpExitReasonX64IoPortAccess, run(&m, 0));
    raise(&m, 13, true, 0x18, 0);
    EQUAL("R-INT-05", 1, get_wide(&m, 0, WHvRegisterPendingEvent).ExceptionEvent.EventPending);
    EQUAL("R-INT-05", 13, get_wide(&m, 0, WHvRegisterPendingEvent).ExceptionEvent.Vector);
    EQUAL("R-INT-05", 0, get_wide(&m, 0, WHvRegisterPendingInterruption).PendingInterruption.InterruptionPending);
    EQUAL("R-INT-05", WHvRunVpExitReasonX64Halt, run(&m, 0));
    EQUAL("R-INT-05", 0x18, get(&m, 0, WHvX64RegisterRax) & 0xFFFFFFFF);
    UINT32 return_address;
    memcpy(&return_address, m.memory + STACK - 12, sizeof return_address);
    EQUAL("R-INT-05", CODE, return_address);
    EQUAL("R-INT-05", 0, get_wide(&m, 0, WHvRegisterPendingEvent).ExceptionEvent.EventPending);

    start_flat(&m, 0, CODE);
    set_gate(&m, 14, HANDLER);
    raise(&m, 14, true, 2, 0xABCDE000);
    EQUAL("R-INT-05", WHvRunVpExitReasonX64Halt, run(&m, 0));
    EQUAL("R-INT-05", 2, get(&m, 0, WHvX64RegisterRax) & 0xFFFFFFFF);
    EQUAL("R-INT-05", 0xABCDE000, get(&m, 0, WHvX64RegisterRbx) & 0xFFFFFFFF);
    machine_delete(&m);
}

/* The shadow of STI is told, and can be set. */
static void shadows(void)
{
    struct machine m;
    machine_create(&m, NULL);
    CODE_AT(&m, CODE, 0xFB, 0xE4, 0x10, 0xF4); /* sti; in al,10; hlt */
    start_real(&m, 0, CODE);
    EQUAL("R-EXIT-09", WHvRunVpExitReasonX64IoPortAccess, run(&m, 0));
    EQUAL("R-EXIT-09", 1, m.exit->VpContext.ExecutionState.InterruptShadow);
    EQUAL("R-EXIT-09", 1, get_wide(&m, 0, WHvRegisterInterruptState).InterruptState.InterruptShadow);
    inject(&m, WHvX64PendingInterrupt, 0x21);
    EQUAL("R-INT-02", WHvRunVpExitReasonInvalidVpRegisterValue, run(&m, 0));
    set(&m, 0, WHvRegisterPendingInterruption, 0);
    set(&m, 0, WHvRegisterInterruptState, 0);
    EQUAL("R-EXIT-09", 0, get_wide(&m, 0, WHvRegisterInterruptState).InterruptState.InterruptShadow);
    EQUAL("R-EXIT-09", WHvRunVpExitReasonX64IoPortAccess, run(&m, 0));
    machine_delete(&m);
}

void test_injection(void)
{
    windows();
    priorities();
    nmi_windows();
    exceptions();
    shadows();
}
