#include "selftest.h"

enum { HANDLER = 0x3000, VECTOR = 0x41, APIC = 0xFEE00000 };

static void set_gate(struct machine *m, int vector, uint32_t handler)
{
    UINT64 gate = (handler & 0xFFFF) | 8ull << 16 | 0x8Eull << 40 | (UINT64)(handler >> 16) << 48;
    memcpy(m->memory + 0x5000 + vector * 8, &gate, sizeof gate);
}

static HRESULT request(struct machine *m, uint32_t type, uint32_t vector, uint32_t destination, bool is_level)
{
    WHV_INTERRUPT_CONTROL control = {.Type = type, .TriggerMode = is_level, .Destination = destination, .Vector = vector};
    return WHvRequestInterrupt(m->partition, &control, sizeof control);
}

static void request_later(void *argument)
{
    pause_milliseconds(50);
    OK("R-IRQ-04", request(argument, WHvX64InterruptTypeFixed, VECTOR, 0, false));
}

/* Switches the APIC on, and halts with interrupts on. The handler leaves by a port, ends the interrupt, leaves once more, and halts. */
static void write_code(struct machine *m)
{
    CODE_AT(m, CODE, 0xC7, 0x05, 0xF0, 0x00, 0xE0, 0xFE, 0xFF, 0x01, 0x00, 0x00, /* mov dword [FEE000F0],1FF */
            0xFB, 0xF4, 0xEB, 0xFD);                                            /* sti; hlt; jmp back */
    CODE_AT(m, HANDLER, 0xE6, 0x13, 0xC7, 0x05, 0xB0, 0x00, 0xE0, 0xFE, 0x00, 0x00, 0x00, 0x00, /* out 13,al; mov dword [FEE000B0],0 */
            0xE6, 0x17, 0xFB, 0xF4, 0xEB, 0xFD);                                               /* out 17,al; sti; hlt; jmp back */
}

/* Runs until the second port of a handler that stands at its first one. Returns the vector whose end was told on the way, or -1. */
static int run_to_end(struct machine *m, UINT32 already_told)
{
    int told = already_told != 0 ? (int)already_told : -1;
    skip(m, 0, 2);
    for (int i = 0; i < 3; i++)
    {
        WHV_RUN_VP_EXIT_REASON reason = run(m, 0);
        if (reason != WHvRunVpExitReasonX64ApicEoi)
        {
            EQUAL("R-APIC-06", WHvRunVpExitReasonX64IoPortAccess, reason);
            EQUAL("R-APIC-06", 0x17, m->exit->IoPortAccess.PortNumber);
            skip(m, 0, 2);
            return told;
        }
        told = (int)m->exit->ApicEoi.InterruptVector;
    }
    return -2;
}

/* Runs to the first port of the handler. KVM_PVM's APIC ends an interrupt when it delivers it: the end is told already then. */
static UINT32 run_to_handler(struct machine *m, UINT32 expected_port)
{
    UINT32 told = 0;
    WHV_RUN_VP_EXIT_REASON reason = run(m, 0);
    if (reason == WHvRunVpExitReasonX64ApicEoi && host_kind() == HOST_PVM)
    {
        told = m->exit->ApicEoi.InterruptVector;
        reason = run(m, 0);
    }
    EQUAL("R-APIC-05", WHvRunVpExitReasonX64IoPortAccess, reason);
    EQUAL("R-APIC-05", expected_port, m->exit->IoPortAccess.PortNumber);
    return told;
}

static void halt_and_wake(void)
{
    struct machine m;
    machine_create(&m, &(struct options){.apic_mode = WHvX64LocalApicEmulationModeXApic});
    write_code(&m);
    start_flat(&m, 0, CODE);
    set_gate(&m, VECTOR, HANDLER);
    UINT64 start = milliseconds();
    thread *other = thread_start(request_later, &m);
    UINT32 told = run_to_handler(&m, 0x13);
    CHECK("R-APIC-05", milliseconds() - start >= 40);
    thread_join(other);
    EQUAL("R-APIC-06", -1, run_to_end(&m, told)); /* an edge's end is the APIC's own business */

    OK("R-IRQ-04", request(&m, WHvX64InterruptTypeFixed, VECTOR, 0, true));
    told = run_to_handler(&m, 0x13);
    EQUAL("R-APIC-06", VECTOR, run_to_end(&m, told)); /* a level's is told */

    OK("R-IRQ-04", request(&m, WHvX64InterruptTypeFixed, VECTOR, 0, false));
    told = run_to_handler(&m, 0x13);
    EQUAL("R-APIC-06", -1, run_to_end(&m, told)); /* of the same vector, and an edge again */
    OK("R-RUN-04", WHvCancelRunVirtualProcessor(m.partition, 0, 0));
    EQUAL("R-APIC-06", WHvRunVpExitReasonCanceled, run(&m, 0));
    machine_delete(&m);
}

static void refusals(void)
{
    struct machine m;
    WHV_INTERRUPT_CONTROL control = {.Vector = VECTOR};
    machine_create(&m, NULL);
    RESULT_IS("R-IRQ-02", HV_E_INVALID_PARTITION_STATE, WHvRequestInterrupt(m.partition, &control, sizeof control));
    UINT32 written;
    char page[4096];
    RESULT_IS("R-APIC-01", WHV_E_INVALID_VP_STATE, WHvGetVirtualProcessorInterruptControllerState2(m.partition, 0, page, sizeof page, &written));
    machine_delete(&m);
    machine_create(&m, &(struct options){.apic_mode = WHvX64LocalApicEmulationModeXApic});
    RESULT_IS("R-IRQ-01", E_INVALIDARG, WHvRequestInterrupt(m.partition, &control, 8));
    RESULT_IS("R-IRQ-03", HV_E_INVALID_PARAMETER, request(&m, WHvX64InterruptTypeFixed, 0, 0, false));
    RESULT_IS("R-IRQ-03", HV_E_INVALID_PARAMETER, request(&m, WHvX64InterruptTypeFixed, 256, 0, false));
    RESULT_IS("R-IRQ-03", HV_E_INVALID_PARAMETER, request(&m, 2, VECTOR, 0, false));
    RESULT_IS("R-IRQ-03", HV_E_INVALID_PARAMETER, request(&m, WHvX64InterruptTypeNmi, 0, 0, true));
    OK("R-IRQ-04", request(&m, WHvX64InterruptTypeFixed, VECTOR, 77, false));
    HvSdkStandInSwitch("DENY_APIC_BASE", 1, NULL);
    WHV_REGISTER_NAME name = WHvX64RegisterApicBase;
    _Alignas(16) WHV_REGISTER_VALUE value;
    OK("R-APIC-07", WHvGetVirtualProcessorRegisters(m.partition, 0, &name, 1, &value));
    EQUAL("R-APIC-07", APIC | 0x900, value.Reg64);
    RESULT_IS("R-APIC-07", E_ACCESSDENIED, WHvSetVirtualProcessorRegisters(m.partition, 0, &name, 1, &value));
    HvSdkStandInSwitch("DENY_APIC_BASE", 0, NULL);
    machine_delete(&m);
}

static void run_second(void *argument)
{
    struct machine *m = argument;
    _Alignas(16) WHV_RUN_VP_EXIT_CONTEXT context;
    OK("R-APIC-08", WHvRunVirtualProcessor(m->partition, 1, &context, sizeof context));
    EQUAL("R-APIC-08", WHvRunVpExitReasonX64IoPortAccess, context.ExitReason);
    EQUAL("R-APIC-08", 0x20, context.IoPortAccess.PortNumber);
    EQUAL("R-APIC-08", 0x0200, context.VpContext.Cs.Selector);
}

/* The second processor waits for INIT and SIPI; the first sends them. */
static void startup(void)
{
    struct machine m;
    machine_create(&m, &(struct options){.processors = 2, .apic_mode = WHvX64LocalApicEmulationModeXApic});
    CODE_AT(&m, CODE, 0xC7, 0x05, 0xF0, 0x00, 0xE0, 0xFE, 0xFF, 0x01, 0x00, 0x00, /* APIC on */
            0xC7, 0x05, 0x10, 0x03, 0xE0, 0xFE, 0x00, 0x00, 0x00, 0x01,          /* to APIC 1 */
            0xC7, 0x05, 0x00, 0x03, 0xE0, 0xFE, 0x00, 0x45, 0x00, 0x00,          /* INIT */
            0xC7, 0x05, 0x00, 0x03, 0xE0, 0xFE, 0x02, 0x46, 0x00, 0x00,          /* SIPI, page 2 */
            0xE6, 0x10);
    CODE_AT(&m, 0x2000, 0xE6, 0x20);
    start_flat(&m, 0, CODE);
    EQUAL("R-APIC-08", 1, get_wide(&m, 1, WHvRegisterInternalActivityState).InternalActivity.StartupSuspend);
    EQUAL("R-APIC-08", 0, get_wide(&m, 0, WHvRegisterInternalActivityState).InternalActivity.StartupSuspend);
    thread *other = thread_start(run_second, &m);
    EQUAL("R-APIC-08", WHvRunVpExitReasonX64IoPortAccess, run(&m, 0));
    EQUAL("R-APIC-08", 0x10, m.exit->IoPortAccess.PortNumber);
    thread_join(other);

    /* The same by request. */
    OK("R-IRQ-04", request(&m, WHvX64InterruptTypeInit, 0, 1, false));
    OK("R-IRQ-04", request(&m, WHvX64InterruptTypeSipi, 2, 1, false));
    run_second(&m);
    machine_delete(&m);
}

static void targets(void)
{
    struct machine m;
    UINT32 found[4], count = 0;
    machine_create(&m, &(struct options){.processors = 2, .apic_mode = WHvX64LocalApicEmulationModeXApic});
    OK("R-IRQ-06", WHvGetInterruptTargetVpSet(m.partition, 1, WHvX64InterruptDestinationModePhysical, found, 4, &count));
    EQUAL("R-IRQ-06", 1, count);
    EQUAL("R-IRQ-06", 1, found[0]);
    OK("R-IRQ-06", WHvGetInterruptTargetVpSet(m.partition, 0xFF, WHvX64InterruptDestinationModePhysical, found, 4, &count));
    EQUAL("R-IRQ-06", 2, count);
    RESULT_IS("R-IRQ-06", WHV_E_INSUFFICIENT_BUFFER,
              WHvGetInterruptTargetVpSet(m.partition, 0xFF, WHvX64InterruptDestinationModePhysical, found, 1, &count));
    OK("R-IRQ-06", WHvGetInterruptTargetVpSet(m.partition, 7, WHvX64InterruptDestinationModePhysical, found, 4, &count));
    EQUAL("R-IRQ-06", 0, count);
    set(&m, 0, WHvX64RegisterApicLdr, 0x02000000);
    EQUAL("R-APIC-04", 0x02000000, get(&m, 0, WHvX64RegisterApicLdr));
    OK("R-IRQ-06", WHvGetInterruptTargetVpSet(m.partition, 2, WHvX64InterruptDestinationModeLogical, found, 4, &count));
    EQUAL("R-IRQ-06", 1, count);
    EQUAL("R-IRQ-06", 0, found[0]);
    machine_delete(&m);
}

static void state(void)
{
    struct machine m;
    machine_create(&m, &(struct options){.apic_mode = WHvX64LocalApicEmulationModeXApic});
    static uint8_t page[4096];
    UINT32 written = 0, word;
    RESULT_IS("R-APIC-02", WHV_E_INSUFFICIENT_BUFFER, WHvGetVirtualProcessorInterruptControllerState2(m.partition, 0, NULL, 0, &written));
    EQUAL("R-APIC-02", 4096, written);
    OK("R-APIC-02", WHvGetVirtualProcessorInterruptControllerState2(m.partition, 0, page, sizeof page, &written));
    memcpy(&word, page + 0x30, sizeof word);
    EQUAL("R-APIC-02", get(&m, 0, WHvX64RegisterApicVersion), word);
    word = 0x000100E1; /* LINT0: masked, vector E1 */
    memcpy(page + 0x350, &word, sizeof word);
    RESULT_IS("R-APIC-03", E_INVALIDARG, WHvSetVirtualProcessorInterruptControllerState2(m.partition, 0, page, 100));
    OK("R-APIC-03", WHvSetVirtualProcessorInterruptControllerState2(m.partition, 0, page, sizeof page));
    EQUAL("R-APIC-03", 0x000100E1, get(&m, 0, WHvX64RegisterApicLvtLint0));
    OK("R-STATE-01", WHvGetVirtualProcessorState(m.partition, 0, WHvVirtualProcessorStateTypeInterruptControllerState2, page, sizeof page, &written));
    RESULT_IS("R-STATE-01", E_INVALIDARG, WHvGetVirtualProcessorState(m.partition, 0, WHvVirtualProcessorStateTypeSynicTimerState, page, sizeof page, &written));
    machine_delete(&m);
}

/* An interrupt as of an 8259: it waits for its window, and wakes nobody who halts. */
static void external(void)
{
    struct machine m;
    machine_create(&m, &(struct options){.apic_mode = WHvX64LocalApicEmulationModeXApic});
    CODE_AT(&m, CODE, 0xE6, 0x10, 0xFB, 0xF4, 0xEB, 0xFD); /* out 10,al; sti; hlt; jmp back */
    CODE_AT(&m, HANDLER, 0xE6, 0x14);
    start_flat(&m, 0, CODE);
    set_gate(&m, VECTOR, HANDLER);
    EQUAL("R-INT-06", WHvRunVpExitReasonX64IoPortAccess, run(&m, 0));
    skip(&m, 0, 2);
    WHV_REGISTER_VALUE event;
    memset(&event, 0, sizeof event);
    event.ExtIntEvent.EventPending = 1;
    event.ExtIntEvent.EventType = WHvX64PendingEventExtInt;
    event.ExtIntEvent.Vector = VECTOR;
    set_wide(&m, 0, WHvRegisterPendingEvent, event);
    EQUAL("R-INT-06", VECTOR, get_wide(&m, 0, WHvRegisterPendingEvent).ExtIntEvent.Vector);
    EQUAL("R-INT-06", WHvX64PendingEventExtInt, get_wide(&m, 0, WHvRegisterPendingEvent).ExtIntEvent.EventType);
    OK("R-RUN-04", WHvCancelRunVirtualProcessor(m.partition, 0, 0));
    EQUAL("R-INT-06", WHvRunVpExitReasonCanceled, run(&m, 0));
    EQUAL("R-INT-06", VECTOR, get_wide(&m, 0, WHvRegisterPendingEvent).ExtIntEvent.Vector);
    EQUAL("R-INT-06", WHvRunVpExitReasonX64IoPortAccess, run(&m, 0));
    EQUAL("R-INT-06", 0x14, m.exit->IoPortAccess.PortNumber);
    EQUAL("R-INT-06", 0, get_wide(&m, 0, WHvRegisterPendingEvent).ExtIntEvent.EventPending);
    machine_delete(&m);
}

static void wide(void)
{
    struct machine m;
    machine_create(&m, &(struct options){.apic_mode = WHvX64LocalApicEmulationModeX2Apic});
    CODE_AT(&m, CODE, 0xB9, 0x1B, 0x00, 0x00, 0x00, 0x0F, 0x32, 0x80, 0xCC, 0x0C, 0x0F, 0x30, /* IA32_APIC_BASE: x2APIC on */
            0xB9, 0x0F, 0x08, 0x00, 0x00, 0xB8, 0xFF, 0x01, 0x00, 0x00, 0x31, 0xD2, 0x0F, 0x30, /* SVR */
            0xFB, 0xF4, 0xEB, 0xFD);
    CODE_AT(&m, HANDLER, 0xE6, 0x15, 0xB9, 0x0B, 0x08, 0x00, 0x00, 0x31, 0xC0, 0x31, 0xD2, 0x0F, 0x30, 0xE6, 0x17, 0xFB, 0xF4, 0xEB, 0xFD); /* EOI by MSR */
    start_flat(&m, 0, CODE);
    set_gate(&m, VECTOR, HANDLER);
    thread *other = thread_start(request_later, &m);
    UINT32 told = run_to_handler(&m, 0x15);
    thread_join(other);
    EQUAL("R-APIC-09", APIC | 0xD00, get(&m, 0, WHvX64RegisterApicBase));
    EQUAL("R-APIC-09", -1, run_to_end(&m, told));
    OK("R-IRQ-04", request(&m, WHvX64InterruptTypeFixed, VECTOR, 0, true));
    told = run_to_handler(&m, 0x15);
    EQUAL("R-APIC-09", VECTOR, run_to_end(&m, told));
    UINT32 found[4], count = 0;
    OK("R-IRQ-06", WHvGetInterruptTargetVpSet(m.partition, 0xFFFFFFFF, WHvX64InterruptDestinationModePhysical, found, 4, &count));
    EQUAL("R-IRQ-06", 1, count);
    machine_delete(&m);
}

/* An NMI wakes who halts; LINT1 does where its entry says so. */
static void nmis(void)
{
    struct machine m;
    machine_create(&m, &(struct options){.apic_mode = WHvX64LocalApicEmulationModeXApic});
    CODE_AT(&m, CODE, 0xF4, 0xEB, 0xFD);
    CODE_AT(&m, HANDLER, 0xE6, 0x16);
    start_flat(&m, 0, CODE);
    set_gate(&m, 2, HANDLER);
    OK("R-IRQ-07", request(&m, WHvX64InterruptTypeNmi, 0, 0, false));
    EQUAL("R-IRQ-07", WHvRunVpExitReasonX64IoPortAccess, run(&m, 0));
    EQUAL("R-IRQ-07", 0x16, m.exit->IoPortAccess.PortNumber);
    set(&m, 0, WHvRegisterInterruptState, 0);
    set(&m, 0, WHvX64RegisterApicSpurious, 0x1FF);
    set(&m, 0, WHvX64RegisterApicLvtLint1, 0x400);
    start_flat(&m, 0, CODE);
    OK("R-IRQ-05", request(&m, WHvX64InterruptTypeLocalInt1, 0, 0, false));
    EQUAL("R-IRQ-05", WHvRunVpExitReasonX64IoPortAccess, run(&m, 0));
    machine_delete(&m);
}

void test_apic(void)
{
    halt_and_wake();
    refusals();
    startup();
    targets();
    state();
    external();
    wide();
    nmis();
}
