#include "selftest.h"
#include <stdlib.h>

static void xsave(void)
{
    struct machine m;
    machine_create(&m, NULL);
    UINT32 size = 0, written = 0;
    RESULT_IS("R-XSAVE-01", WHV_E_INSUFFICIENT_BUFFER, WHvGetVirtualProcessorXsaveState(m.partition, 0, NULL, 0, &size));
    CHECK("R-XSAVE-01", size >= 576 && size < 65536);
    uint8_t *area = calloc(1, size + 64), *copy = calloc(1, size + 64);
    OK("R-XSAVE-01", WHvGetVirtualProcessorXsaveState(m.partition, 0, area, size, &written));
    EQUAL("R-XSAVE-01", size, written);
    UINT64 state, format;
    memcpy(&state, area + 512, sizeof state);
    memcpy(&format, area + 520, sizeof format);
    EQUAL("R-XSAVE-02", 1, format >> 63);
    EQUAL("R-XSAVE-02", 3, format & 3);
    EQUAL("R-XSAVE-02", 0, state & ~format);
    UINT32 mxcsr;
    memcpy(&mxcsr, area + 24, sizeof mxcsr);
    EQUAL("R-XSAVE-04", 0x1F80, mxcsr);
    if (!(state & 2))
    {
        EQUAL("R-XSAVE-04", 0xCC, area[160]);
    }

    WHV_REGISTER_VALUE value;
    memset(&value, 0, sizeof value);
    value.Reg128.Low64 = 0x1234;
    set_wide(&m, 0, WHvX64RegisterXmm0, value);
    OK("R-XSAVE-02", WHvGetVirtualProcessorXsaveState(m.partition, 0, area, size, &written));
    memcpy(&state, area + 512, sizeof state);
    EQUAL("R-XSAVE-02", 2, state & 2);
    EQUAL("R-XSAVE-02", 0x34, area[160]);
    area[160] = 0x56;
    OK("R-XSAVE-03", WHvSetVirtualProcessorXsaveState(m.partition, 0, area, size));
    EQUAL("R-XSAVE-03", 0x1256, get(&m, 0, WHvX64RegisterXmm0));
    memcpy(copy, area, size);

    /* The component is absent: its initial value, whatever the bytes are. */
    state &= ~2ull;
    memcpy(copy + 512, &state, sizeof state);
    OK("R-XSAVE-03", WHvSetVirtualProcessorXsaveState(m.partition, 0, copy, size));
    EQUAL("R-XSAVE-03", 0, get(&m, 0, WHvX64RegisterXmm0));

    memset(copy + 520, 0, 8); /* not compacted */
    RESULT_IS("R-XSAVE-05", E_INVALIDARG, WHvSetVirtualProcessorXsaveState(m.partition, 0, copy, size));
    memcpy(copy, area, size);
    copy[540] = 1; /* reserved */
    RESULT_IS("R-XSAVE-05", E_INVALIDARG, WHvSetVirtualProcessorXsaveState(m.partition, 0, copy, size));
    RESULT_IS("R-XSAVE-05", E_INVALIDARG, WHvSetVirtualProcessorXsaveState(m.partition, 0, area, 500));
    OK("R-STATE-01", WHvGetVirtualProcessorState(m.partition, 0, WHvVirtualProcessorStateTypeXsaveState, area, size, &written));
    OK("R-STATE-01", WHvSetVirtualProcessorState(m.partition, 0, WHvVirtualProcessorStateTypeXsaveState, area, size));
    free(area);
    free(copy);
    machine_delete(&m);
}

static void counters(void)
{
    struct machine m;
    machine_create(&m, NULL);
    CODE_AT(&m, CODE, 0xE6, 0x10, 0xF4);
    start_flat(&m, 0, CODE);
    EQUAL("R-COUNT-03", WHvRunVpExitReasonX64IoPortAccess, run(&m, 0));
    skip(&m, 0, 2);
    EQUAL("R-COUNT-03", WHvRunVpExitReasonX64Halt, run(&m, 0));
    UINT32 written = 0;
    WHV_PARTITION_MEMORY_COUNTERS memory;
    OK("R-COUNT-01", WHvGetPartitionCounters(m.partition, WHvPartitionCounterSetMemory, &memory, sizeof memory, &written));
    EQUAL("R-COUNT-01", MEMORY_SIZE / 4096, memory.Mapped4KPageCount);
    EQUAL("R-COUNT-01", 24, written);
    WHV_PROCESSOR_RUNTIME_COUNTERS runtime;
    OK("R-COUNT-02", WHvGetVirtualProcessorCounters(m.partition, 0, WHvProcessorCounterSetRuntime, &runtime, sizeof runtime, &written));
    CHECK("R-COUNT-02", runtime.TotalRuntime100ns > 0);
    struct WHV_PROCESSOR_INTERCEPT_COUNTERS intercepts;
    OK("R-COUNT-03", WHvGetVirtualProcessorCounters(m.partition, 0, WHvProcessorCounterSetIntercepts, &intercepts, sizeof intercepts, &written));
    EQUAL("R-COUNT-03", 1, intercepts.IoInstructions.Count);
    EQUAL("R-COUNT-03", 1, intercepts.HaltInstructions.Count);
    machine_delete(&m);
}

#ifdef _WIN32
static HANDLE event_create(void) { return CreateEventW(NULL, FALSE, FALSE, NULL); }
static bool event_wait(HANDLE event, unsigned milliseconds) { return WaitForSingleObject(event, milliseconds) == WAIT_OBJECT_0; }
#else
void HvSdkStandInSetEventHandler(void (*setter)(HANDLE event));
static volatile int rung;
static void ring(HANDLE event)
{
    (void)event;
    __atomic_fetch_add(&rung, 1, __ATOMIC_SEQ_CST);
}
static HANDLE event_create(void)
{
    HvSdkStandInSetEventHandler(ring);
    return (HANDLE)&rung;
}
static bool event_wait(HANDLE event, unsigned timeout)
{
    (void)event;
    UINT64 end = milliseconds() + timeout;
    while (milliseconds() < end)
    {
        int one = 1;
        if (__atomic_compare_exchange_n(&rung, &one, 0, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        {
            return true;
        }
        pause_milliseconds(1);
    }
    return false;
}
#endif

static void doorbells(void)
{
    struct machine m;
    machine_create(&m, NULL);
    HANDLE event = event_create();
    WHV_DOORBELL_MATCH_DATA match = {.GuestAddress = 0xC0000000, .Value = 5, .Length = 4, .MatchOnValue = 1, .MatchOnLength = 1};
    CODE_AT(&m, CODE, 0xC7, 0x05, 0x00, 0x00, 0x00, 0xC0, 0x05, 0x00, 0x00, 0x00, 0xC7, 0x05, 0x00, 0x00, 0x00, 0xC0, 0x06, 0x00, 0x00, 0x00, 0xF4);
    OK("R-BELL-01", WHvRegisterPartitionDoorbellEvent(m.partition, &match, event));
    RESULT_IS("R-BELL-03", E_INVALIDARG, WHvRegisterPartitionDoorbellEvent(m.partition, &match, event));
    start_flat(&m, 0, CODE);
    EQUAL("R-BELL-01", WHvRunVpExitReasonMemoryAccess, run(&m, 0)); /* the second store: its value is another */
    EQUAL("R-BELL-01", CODE + 10, m.exit->VpContext.Rip);
    CHECK("R-BELL-01", event_wait(event, 5000));
    OK("R-BELL-04", WHvUnregisterPartitionDoorbellEvent(m.partition, &match));
    RESULT_IS("R-BELL-04", E_INVALIDARG, WHvUnregisterPartitionDoorbellEvent(m.partition, &match));
    start_flat(&m, 0, CODE);
    EQUAL("R-BELL-04", WHvRunVpExitReasonMemoryAccess, run(&m, 0));
    EQUAL("R-BELL-04", CODE, m.exit->VpContext.Rip);
    CHECK("R-BELL-04", !event_wait(event, 20));

    match.MatchOnValue = match.MatchOnLength = 0;
    OK("R-BELL-01", WHvRegisterPartitionDoorbellEvent(m.partition, &match, event));
    EQUAL("R-BELL-01", WHvRunVpExitReasonX64Halt, run(&m, 0));
    CHECK("R-BELL-01", event_wait(event, 5000));
    match.Length = 3;
    match.MatchOnLength = 1;
    RESULT_IS("R-BELL-02", E_INVALIDARG, WHvRegisterPartitionDoorbellEvent(m.partition, &match, event));
    match.Length = 4;
    match.MatchOnLength = 0;
    match.MatchOnValue = 1;
    RESULT_IS("R-BELL-02", E_INVALIDARG, WHvRegisterPartitionDoorbellEvent(m.partition, &match, event));
    machine_delete(&m); /* with a doorbell left */
    CHECK("R-BELL-05", !event_wait(event, 20));
}

void test_state(void)
{
    xsave();
    counters();
    doorbells();
}
