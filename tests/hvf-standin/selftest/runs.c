#include "selftest.h"
#include <signal.h>

static void *cancel_later(void *vcpu)
{
    pause_milliseconds(50);
    OK("R-RUN-02", hv_vcpus_exit(vcpu, 1));
    return NULL;
}

static void cancels(void)
{
    struct machine m;
    machine_create(&m);
    /* Kept until the next run, which does not enter the guest; several are one. */
    set(&m, HV_REG_PC, GUEST_BASE + GUEST_CALL);
    OK("R-RUN-03", hv_vcpus_exit(&m.vcpu, 1));
    OK("R-RUN-03", hv_vcpus_exit(&m.vcpu, 1));
    EQUAL("R-RUN-03", HV_EXIT_REASON_CANCELED, run(&m));
    EQUAL("R-RUN-03", GUEST_BASE + GUEST_CALL, get(&m, HV_REG_PC));
    EQUAL("R-EXIT-02", 0xCCCCCCCCCCCCCCCC, m.exit->exception.syndrome);
    EQUAL("R-RUN-03", HV_EXIT_REASON_EXCEPTION, run(&m));
    OK("R-RUN-02", hv_vcpus_exit(NULL, 0));
    pthread_t thread;
    pthread_create(&thread, NULL, cancel_later, &m.vcpu);
    EQUAL("R-RUN-02", HV_EXIT_REASON_CANCELED, start(&m, GUEST_SPIN, 0));
    pthread_join(thread, NULL);
    EQUAL("R-RUN-02", GUEST_BASE + GUEST_SPIN, get(&m, HV_REG_PC));
    machine_delete(&m);
}

static volatile bool is_over;

static void *cancel_always(void *vcpu)
{
    while (!is_over)
    {
        OK("R-RUN-04", hv_vcpus_exit(vcpu, 1));
        pause_milliseconds(1);
    }
    return NULL;
}

/* R-RUN-04: cancels lose no exit and double none. */
static void cancel_races(void)
{
    struct machine m;
    machine_create(&m);
    pthread_t thread;
    is_over = false;
    pthread_create(&thread, NULL, cancel_always, &m.vcpu);
    set(&m, HV_REG_PC, GUEST_BASE + GUEST_COUNT);
    set(&m, HV_REG_X0, 0);
    uint64_t calls = 0, cancels = 0;
    while (calls < 5000)
    {
        cancels += run(&m) == HV_EXIT_REASON_CANCELED;
        calls += is_call(&m, 1);
    }
    is_over = true;
    pthread_join(thread, NULL);
    EQUAL("R-RUN-04", calls, get(&m, HV_REG_X0));
    CHECK("R-RUN-04", cancels > 0);
    machine_delete(&m);
}

static void on_signal(int signal) { (void)signal; }

static void *signal_and_cancel(void *target)
{
    for (int i = 0; i < 5; i++)
    {
        pause_milliseconds(10);
        pthread_kill(*(pthread_t *)target, SIGUSR1);
    }
    hv_vcpu_t vcpu = 0;
    OK("R-RUN-05", hv_vcpus_exit(&vcpu, 1));
    return NULL;
}

static void signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGUSR1, &action, NULL);
    struct machine m;
    machine_create(&m);
    pthread_t thread, self = pthread_self();
    uint64_t began = milliseconds();
    pthread_create(&thread, NULL, signal_and_cancel, &self);
    EQUAL("R-RUN-05", HV_EXIT_REASON_CANCELED, start(&m, GUEST_SPIN, 0));
    CHECK("R-RUN-05", milliseconds() - began >= 50);
    pthread_join(thread, NULL);
    machine_delete(&m);
}

static void moods(void)
{
    struct machine m;
    machine_create(&m);
    HvSdkStandInSwitch("SPURIOUS_CANCELS", 3, NULL);
    set(&m, HV_REG_PC, GUEST_BASE + GUEST_COUNT);
    set(&m, HV_REG_X0, 0);
    unsigned cancels = 0;
    for (int i = 0; i < 9; i++)
    {
        cancels += run(&m) == HV_EXIT_REASON_CANCELED;
    }
    EQUAL("R-RUN-06", 3, cancels);
    EQUAL("R-RUN-06", 6, get(&m, HV_REG_X0));
    HvSdkStandInSwitch("SPURIOUS_CANCELS", 0, NULL);
    HvSdkStandInSwitch("UNKNOWN_EXITS", 1, NULL);
    EQUAL("R-RUN-07", HV_EXIT_REASON_UNKNOWN, run(&m));
    HvSdkStandInSwitch("UNKNOWN_EXITS", 0, NULL);
    machine_delete(&m);
}

void test_runs(void)
{
    cancels();
    cancel_races();
    signals();
    moods();
}
