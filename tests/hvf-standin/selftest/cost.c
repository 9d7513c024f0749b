/* What the machine costs; no check. */
#include "selftest.h"
#include <time.h>

static double microseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

void test_cost(void)
{
    enum { ROUNDS = 5000 };
    struct machine m;
    machine_create(&m);
    start(&m, GUEST_COUNT, 0);
    double began = microseconds();
    for (int i = 0; i < ROUNDS; i++)
    {
        hv_vcpu_run(m.vcpu);
    }
    printf("  %.1f us for a call of the hypervisor and back\n", (microseconds() - began) / ROUNDS);
    began = microseconds();
    for (int i = 0; i < 200; i++)
    {
        hv_vm_protect(GUEST_BASE + DATA, 0x4000, 7);
    }
    printf("  %.1f us for a change of protection\n", (microseconds() - began) / 200);
    CHECK("R-RUN-01", is_call(&m, 1));
    machine_delete(&m);
}
