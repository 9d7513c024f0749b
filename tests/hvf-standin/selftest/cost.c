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
    uint8_t *other = pages(0x100000);
    began = microseconds();
    for (int i = 0; i < 50; i++)
    {
        hv_vm_map(other, GUEST_BASE + MEMORY_SIZE, 0x100000, 7);
        hv_vm_unmap(GUEST_BASE + MEMORY_SIZE, 0x100000);
    }
    printf("  %.1f us to map and unmap 1 MiB\n", (microseconds() - began) / 50);
    pages_free(other, 0x100000);
    CHECK("R-RUN-01", is_call(&m, 1));
    machine_delete(&m);
    began = microseconds();
    for (int i = 0; i < 50; i++)
    {
        hv_vm_create(NULL);
        hv_vm_destroy();
    }
    printf("  %.1f us for a VM, once QEMU runs\n", (microseconds() - began) / 50);
}
