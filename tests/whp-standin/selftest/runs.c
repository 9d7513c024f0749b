#include "selftest.h"

struct canceler
{
    struct machine *machine;
    unsigned after;
};

static void cancel_later(void *argument)
{
    struct canceler *canceler = argument;
    pause_milliseconds(canceler->after);
    OK("R-RUN-04", WHvCancelRunVirtualProcessor(canceler->machine->partition, 0, 0));
}

static void cancels(void)
{
    struct machine m;
    machine_create(&m, NULL);
    CODE_AT(&m, CODE, 0xEB, 0xFE); /* jmp $ */
    start_flat(&m, 0, CODE);
    OK("R-RUN-04", WHvCancelRunVirtualProcessor(m.partition, 0, 0));
    OK("R-RUN-04", WHvCancelRunVirtualProcessor(m.partition, 0, 0));
    EQUAL("R-RUN-04", WHvRunVpExitReasonCanceled, run(&m, 0));
    EQUAL("R-RUN-04", WhvRunVpCancelReasonUser, m.exit->CancelReason.CancelReason);
    EQUAL("R-RUN-09", 0xCCCCCCCCCCCCCCCC, m.exit->VpContext.Rip);

    struct canceler canceler = {.machine = &m, .after = 50};
    UINT64 start = milliseconds();
    thread *other = thread_start(cancel_later, &canceler);
    EQUAL("R-RUN-04", WHvRunVpExitReasonCanceled, run(&m, 0));
    CHECK("R-RUN-04", milliseconds() - start >= 40);
    thread_join(other);
    RESULT_IS("R-RUN-04", E_INVALIDARG, WHvCancelRunVirtualProcessor(m.partition, 0, 1));

    /* An exit that comes first is not lost, nor is the cancel. */
    CODE_AT(&m, CODE, 0xE6, 0x10, 0xEB, 0xFE);
    start_flat(&m, 0, CODE);
    EQUAL("R-RUN-04", WHvRunVpExitReasonX64IoPortAccess, run(&m, 0));
    OK("R-RUN-04", WHvCancelRunVirtualProcessor(m.partition, 0, 0));
    EQUAL("R-RUN-04", WHvRunVpExitReasonCanceled, run(&m, 0));
    EQUAL("R-RUN-04", WHvRunVpExitReasonX64IoPortAccess, run(&m, 0));
    machine_delete(&m);
}

struct storm
{
    struct machine *machine;
    volatile bool ends;
    volatile int sent;
};

static void cancel_on_and_on(void *argument)
{
    struct storm *storm = argument;
    while (!storm->ends)
    {
        WHvCancelRunVirtualProcessor(storm->machine->partition, 0, 0);
        storm->sent++;
        pause_milliseconds(0);
    }
}

/* A cancel in the midst of exits: no exit is told twice, none is lost. */
static void cancels_and_exits(void)
{
    struct machine m;
    machine_create(&m, NULL);
    CODE_AT(&m, CODE, 0xFE, 0xC0, 0xE6, 0x10, 0xA2, 0x00, 0x00, 0x00, 0xC0, 0xEB, 0xF5); /* inc al; out 10,al; mov [C0000000],al; jmp back */
    start_flat(&m, 0, CODE);
    set(&m, 0, WHvX64RegisterRax, 0);
    struct storm storm = {.machine = &m};
    thread *other = thread_start(cancel_on_and_on, &storm);
    int canceled = 0, wrong = 0;
    uint8_t expected = 1;
    bool is_port = true;
    for (int i = 0; i < 600;)
    {
        WHV_RUN_VP_EXIT_REASON reason = run(&m, 0);
        if (reason == WHvRunVpExitReasonCanceled)
        {
            canceled++;
            continue;
        }
        i++;
        wrong += reason != (is_port ? WHvRunVpExitReasonX64IoPortAccess : WHvRunVpExitReasonMemoryAccess);
        _Alignas(16) WHV_REGISTER_VALUE values[2];
        WHV_REGISTER_NAME names[2] = {WHvX64RegisterRax, WHvX64RegisterRip};
        wrong += WHvGetVirtualProcessorRegisters(m.partition, 0, names, 2, values) != S_OK;
        wrong += (uint8_t)values[0].Reg64 != expected || values[1].Reg64 != (is_port ? CODE + 2u : CODE + 4u);
        values[1].Reg64 += is_port ? 2 : 5;
        wrong += WHvSetVirtualProcessorRegisters(m.partition, 0, names, 2, values) != S_OK;
        expected = (uint8_t)(is_port ? expected : expected + 1);
        is_port = !is_port;
    }
    storm.ends = true;
    thread_join(other);
    EQUAL("R-RUN-10", 0, wrong);
    CHECK("R-RUN-10", canceled > 0);
    machine_delete(&m);
}

static void run_in_background(void *argument)
{
    struct machine *m = argument;
    run(m, 0);
}

static void while_running(void)
{
    struct machine m;
    machine_create(&m, NULL);
    CODE_AT(&m, CODE, 0xFF, 0x05, 0x00, 0x20, 0x00, 0x00, 0xEB, 0xF8); /* inc dword [2000]; jmp back */
    start_flat(&m, 0, CODE);
    volatile UINT32 *counter = (void *)(m.memory + 0x2000);
    thread *other = thread_start(run_in_background, &m);
    while (*counter == 0)
    {
        pause_milliseconds(1);
    }
    _Alignas(16) WHV_REGISTER_VALUE value;
    _Alignas(16) WHV_RUN_VP_EXIT_CONTEXT context;
    WHV_REGISTER_NAME name = WHvX64RegisterRax;
    RESULT_IS("R-RUN-03", WHV_E_INVALID_VP_STATE, WHvRunVirtualProcessor(m.partition, 0, &context, sizeof context));
    RESULT_IS("R-VP-05", WHV_E_INVALID_VP_STATE, WHvGetVirtualProcessorRegisters(m.partition, 0, &name, 1, &value));
    RESULT_IS("R-VP-05", WHV_E_INVALID_VP_STATE, WHvDeleteVirtualProcessor(m.partition, 0));
    RESULT_IS("R-PART-05", WHV_E_INVALID_VP_STATE, WHvDeletePartition(m.partition));
    UINT64 bitmap = 2;
    RESULT_IS("R-PROP-01", HV_E_INVALID_PARTITION_STATE,
              WHvSetPartitionProperty(m.partition, WHvPartitionPropertyCodeExceptionExitBitmap, &bitmap, sizeof bitmap));
    OK("R-RUN-04", WHvCancelRunVirtualProcessor(m.partition, 0, 0));
    thread_join(other);
    EQUAL("R-RUN-04", WHvRunVpExitReasonCanceled, m.exit->ExitReason);
    machine_delete(&m);
}

static void contexts(void)
{
    struct machine m;
    machine_create(&m, NULL);
    CODE_AT(&m, CODE, 0xE6, 0x10, 0xF4);
    start_flat(&m, 0, CODE);
    char *bytes = (char *)m.exit;
    RESULT_IS("R-RUN-02", WHV_E_INSUFFICIENT_BUFFER, WHvRunVirtualProcessor(m.partition, 0, bytes, 100));
    RESULT_IS("R-ABI-01", E_INVALIDARG, WHvRunVirtualProcessor(m.partition, 0, bytes + 8, sizeof *m.exit));
    RESULT_IS("R-RUN-01", WHV_E_VP_DOES_NOT_EXIST, WHvRunVirtualProcessor(m.partition, 1, bytes, sizeof *m.exit));
    EQUAL("R-ABI-02", WHvRunVpExitReasonX64IoPortAccess, run(&m, 0));
    EQUAL("R-ABI-02", 0xCC, (uint8_t)bytes[48 + sizeof(WHV_X64_IO_PORT_ACCESS_CONTEXT)]);
    EQUAL("R-ABI-02", 0xCC, (uint8_t)bytes[sizeof *m.exit - 1]);
    HvSdkStandInSwitch("SHORT_CONTEXT", 1, NULL);
    EQUAL("R-RUN-08", WHvRunVpExitReasonX64IoPortAccess, run(&m, 0));
    EQUAL("R-RUN-08", 0x10, m.exit->IoPortAccess.PortNumber);
    EQUAL("R-RUN-08", 0, bytes[144]);
    HvSdkStandInSwitch("SHORT_CONTEXT", 0, NULL);

    HvSdkStandInSwitch("SPURIOUS_CANCELS", 3, NULL);
    int canceled = 0;
    for (int i = 0; i < 9; i++)
    {
        canceled += run(&m, 0) == WHvRunVpExitReasonCanceled;
    }
    EQUAL("R-RUN-06", 3, canceled);
    HvSdkStandInSwitch("SPURIOUS_CANCELS", 0, NULL);
    machine_delete(&m);
}

static void failures(void)
{
    struct machine m;
    machine_create(&m, NULL);
    start_flat(&m, 0, CODE);
    set(&m, 0, WHvX64RegisterCr0, 0x80000000); /* paging without protection */
    EQUAL("R-RUN-07", WHvRunVpExitReasonInvalidVpRegisterValue, run(&m, 0));
    machine_delete(&m);

    /* No interrupt table: the breakpoint's fault has a fault, and so on. */
    machine_create(&m, NULL);
    CODE_AT(&m, CODE, 0x0F, 0x0B); /* ud2 */
    start_flat(&m, 0, CODE);
    WHV_REGISTER_VALUE none;
    memset(&none, 0, sizeof none);
    set_wide(&m, 0, WHvX64RegisterIdtr, none);
    EQUAL("R-EXIT-08", WHvRunVpExitReasonUnrecoverableException, run(&m, 0));
    machine_delete(&m);

    /* A return address that goes to a device: the call has happened, and nobody can tell where from. */
    machine_create(&m, NULL);
    CODE_AT(&m, CODE, 0xE8, 0x10, 0x00, 0x00, 0x00); /* call */
    start_flat(&m, 0, CODE);
    set(&m, 0, WHvX64RegisterRsp, 0xC0001000);
    EQUAL("R-EXIT-06", WHvRunVpExitReasonUnsupportedFeature, run(&m, 0));
    EQUAL("R-EXIT-06", WHvUnsupportedFeatureIntercept, m.exit->UnsupportedFeature.FeatureCode);
    EQUAL("R-EXIT-06", 0, m.exit->VpContext.InstructionLength);
    machine_delete(&m);
}

void test_runs(void)
{
    cancels();
    cancels_and_exits();
    while_running();
    contexts();
    failures();
}
