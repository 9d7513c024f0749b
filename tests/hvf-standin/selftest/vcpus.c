#include "selftest.h"

static struct machine m;

static void *from_another_thread(void *unused)
{
    (void)unused;
    uint64_t value;
    hv_simd_fp_uchar16_t vector = {0};
    RESULT_IS("R-VCPU-04", HV_BAD_ARGUMENT, hv_vcpu_get_reg(m.vcpu, 0, &value));
    RESULT_IS("R-VCPU-04", HV_BAD_ARGUMENT, hv_vcpu_set_reg(m.vcpu, 0, 0));
    RESULT_IS("R-VCPU-04", HV_BAD_ARGUMENT, hv_vcpu_get_sys_reg(m.vcpu, 0xC080, &value));
    RESULT_IS("R-VCPU-04", HV_BAD_ARGUMENT, hv_vcpu_set_simd_fp_reg(m.vcpu, 0, vector));
    RESULT_IS("R-VCPU-04", HV_BAD_ARGUMENT, hv_vcpu_set_pending_interrupt(m.vcpu, 0, true));
    RESULT_IS("R-VCPU-04", HV_BAD_ARGUMENT, hv_vcpu_set_vtimer_mask(m.vcpu, true));
    RESULT_IS("R-VCPU-04", HV_BAD_ARGUMENT, hv_vcpu_run(m.vcpu));
    RESULT_IS("R-VCPU-04", HV_BAD_ARGUMENT, hv_vcpu_destroy(m.vcpu));
    OK("R-RUN-02", hv_vcpus_exit(&m.vcpu, 1));
    return NULL;
}

static void threads(void)
{
    machine_create(&m);
    pthread_t thread;
    pthread_create(&thread, NULL, from_another_thread, NULL);
    pthread_join(thread, NULL);
    EQUAL("R-RUN-02", HV_EXIT_REASON_CANCELED, run(&m));
    hv_vcpu_t second;
    hv_vcpu_exit_t *exit;
    RESULT_IS("R-VCPU-01", HV_BUSY, hv_vcpu_create(&second, &exit, NULL));
    RESULT_IS("R-VCPU-03", HV_BAD_ARGUMENT, hv_vcpu_run(m.vcpu + 1));
    RESULT_IS("R-VCPU-03", HV_BAD_ARGUMENT, hv_vcpu_run(1000));
    second = 1000;
    RESULT_IS("R-VCPU-03", HV_BAD_ARGUMENT, hv_vcpus_exit(&second, 1));
    machine_delete(&m);
    RESULT_IS("R-VCPU-03", HV_BAD_ARGUMENT, hv_vcpu_run(m.vcpu));
}

static void registers(void)
{
    machine_create(&m);
    EQUAL("R-VCPU-05", 0xCCCCCCCCCCCCCCCC, get(&m, HV_REG_X0 + 9));
    EQUAL("R-VCPU-05", 0x80000000, get_system(&m, 0xC005)); /* MPIDR_EL1 */
    for (uint32_t reg = 0; reg <= HV_REG_X30; reg++)
    {
        set(&m, reg, 0x1000 + reg);
    }
    start(&m, GUEST_CALL, 0x1000);
    CHECK("R-EXIT-04", is_call(&m, 0x21));
    for (uint32_t reg = 0; reg <= HV_REG_X30; reg++)
    {
        EQUAL("R-REG-01", 0x1000 + reg, get(&m, reg));
    }
    EQUAL("R-EXIT-04", GUEST_BASE + GUEST_CALL + 4, get(&m, HV_REG_PC));
    EQUAL("R-REG-01", 0x3C5, get(&m, HV_REG_CPSR));
    uint64_t value;
    RESULT_IS("R-REG-02", HV_BAD_ARGUMENT, hv_vcpu_get_reg(m.vcpu, HV_REG_CPSR + 1, &value));
    RESULT_IS("R-REG-02", HV_BAD_ARGUMENT, hv_vcpu_get_reg(m.vcpu, 0, NULL));
    RESULT_IS("R-REG-02", HV_BAD_ARGUMENT, hv_vcpu_set_reg(m.vcpu, 77, 0));
    machine_delete(&m);
}

static void floating_point(void)
{
    machine_create(&m);
    set_system(&m, 0xC082, 3 << 20); /* CPACR_EL1.FPEN */
    hv_simd_fp_uchar16_t vector = {0};
    double one = 1.5, two = 2.25, sum;
    memcpy(&vector, &one, 8);
    OK("R-REG-03", hv_vcpu_set_simd_fp_reg(m.vcpu, 0, vector));
    memcpy(&vector, &two, 8);
    OK("R-REG-03", hv_vcpu_set_simd_fp_reg(m.vcpu, 1, vector));
    for (int i = 0; i < 16; i++)
    {
        vector[i] = (uint8_t)(i * 3);
    }
    OK("R-REG-03", hv_vcpu_set_simd_fp_reg(m.vcpu, 4, vector));
    OK("R-REG-03", hv_vcpu_set_simd_fp_reg(m.vcpu, 5, vector));
    OK("R-REG-03", hv_vcpu_set_simd_fp_reg(m.vcpu, 31, vector));
    set(&m, HV_REG_FPCR, 1 << 22);
    start(&m, GUEST_FLOATING, 0);
    CHECK("R-REG-03", is_call(&m, 1));
    EQUAL("R-REG-03", 1 << 22, get(&m, HV_REG_X0));
    OK("R-REG-03", hv_vcpu_get_simd_fp_reg(m.vcpu, 2, &vector));
    memcpy(&sum, &vector, 8);
    CHECK("R-REG-03", sum == 3.75);
    OK("R-REG-03", hv_vcpu_get_simd_fp_reg(m.vcpu, 31, &vector));
    EQUAL("R-REG-03", 45, vector[15]);
    OK("R-REG-03", hv_vcpu_get_simd_fp_reg(m.vcpu, 3, &vector));
    EQUAL("R-REG-03", 90, vector[15]);
    RESULT_IS("R-REG-02", HV_BAD_ARGUMENT, hv_vcpu_set_simd_fp_reg(m.vcpu, 32, vector));
    machine_delete(&m);
}

/* R-VCPU-06: many, each by a thread of its own, at once. */
enum { SEVERAL = 6 };
static pthread_barrier_t barrier;

static void *one_of_several(void *argument)
{
    uintptr_t index = (uintptr_t)argument;
    struct machine mine = {.memory = m.memory};
    OK("R-VCPU-06", hv_vcpu_create(&mine.vcpu, &mine.exit, NULL));
    pthread_barrier_wait(&barrier);
    hv_vcpu_t extra;
    hv_vcpu_exit_t *exit;
    RESULT_IS("R-VCPU-01", HV_BUSY, hv_vcpu_create(&extra, &exit, NULL));
    /* Each waits for the flag of the one before, in a ring: it works only where they run at the same time. */
    set(&mine, HV_REG_X0 + 1, 0x77);
    set(&mine, HV_REG_X0 + 2, GUEST_BASE + DATA + (index + 1) % SEVERAL * 64);
    set(&mine, HV_REG_X0 + 3, 0x77);
    start(&mine, GUEST_FLAG, GUEST_BASE + DATA + index * 64);
    CHECK("R-VCPU-06", is_call(&mine, 1));
    pthread_barrier_wait(&barrier);
    start(&mine, GUEST_COUNT, 0);
    for (int i = 0; i < 500; i++)
    {
        run(&mine);
    }
    EQUAL("R-VCPU-06", 501, get(&mine, HV_REG_X0));
    pthread_barrier_wait(&barrier);
    OK("R-VCPU-06", hv_vcpu_destroy(mine.vcpu));
    return NULL;
}

static void several(unsigned cpu_spin)
{
    HvSdkStandInSwitch("MAX_VCPUS", 8, NULL);
    HvSdkStandInSwitch("CPU_SPIN", cpu_spin, NULL); /* 0: each command comes by a doorbell */
    machine_create(&m);
    memset(m.memory + DATA, 0, 64 * SEVERAL);
    pthread_barrier_init(&barrier, NULL, SEVERAL);
    pthread_t threads[SEVERAL];
    for (uintptr_t i = 0; i < SEVERAL; i++)
    {
        pthread_create(&threads[i], NULL, one_of_several, (void *)i);
    }
    for (int i = 0; i < SEVERAL; i++)
    {
        pthread_join(threads[i], NULL);
    }
    pthread_barrier_destroy(&barrier);
    machine_delete(&m);
    HvSdkStandInSwitch("MAX_VCPUS", 4, NULL);
    HvSdkStandInSwitch("CPU_SPIN", 4000, NULL);
}

/* R-MEM-05, R-MEM-12: rights and maps change while vCPUs use them. */
static volatile bool is_over;

static void *change_memory(void *unused)
{
    (void)unused;
    uint8_t *other = pages(0x4000);
    while (!is_over)
    {
        OK("R-MEM-12", hv_vm_protect(GUEST_BASE + DATA, 0x4000, HV_MEMORY_READ));
        OK("R-MEM-12", hv_vm_map(other, GUEST_BASE + MEMORY_SIZE, 0x4000, 7));
        OK("R-MEM-12", hv_vm_protect(GUEST_BASE + DATA, 0x4000, HV_MEMORY_READ | HV_MEMORY_WRITE));
        OK("R-MEM-12", hv_vm_unmap(GUEST_BASE + MEMORY_SIZE, 0x4000));
    }
    pages_free(other, 0x4000);
    return NULL;
}

static void changes(void)
{
    machine_create(&m);
    is_over = false;
    pthread_t thread;
    pthread_create(&thread, NULL, change_memory, NULL);
    set(&m, HV_REG_X0, GUEST_BASE + DATA);
    set(&m, HV_REG_X0 + 1, 0);
    set(&m, HV_REG_PC, GUEST_BASE + GUEST_STORE_LOOP);
    for (int i = 0; i < 200; i++)
    {
        EQUAL("R-MEM-12", HV_EXIT_REASON_EXCEPTION, run(&m));
        EQUAL("R-MEM-12", GUEST_BASE + DATA, m.exit->exception.physical_address);
        uint64_t stored = *(volatile uint64_t *)(m.memory + DATA);
        EQUAL("R-MEM-12", get(&m, HV_REG_X0 + 1) - 1, stored); /* what is about to be stored has not been */
    }
    is_over = true;
    pthread_join(thread, NULL);
    machine_delete(&m);
}

static void *one_too_many(void *unused)
{
    (void)unused;
    hv_vcpu_t vcpu;
    hv_vcpu_exit_t *exit;
    RESULT_IS("R-VCPU-02", HV_NO_RESOURCES, hv_vcpu_create(&vcpu, &exit, NULL));
    return NULL;
}

static void too_many(void)
{
    HvSdkStandInSwitch("MAX_VCPUS", 1, NULL);
    machine_create(&m);
    pthread_t thread;
    pthread_create(&thread, NULL, one_too_many, NULL);
    pthread_join(thread, NULL);
    machine_delete(&m);
    HvSdkStandInSwitch("MAX_VCPUS", 4, NULL);
}

void test_vcpus(void)
{
    threads();
    registers();
    floating_point();
    several(4000);
    several(0);
    changes();
    too_many();
}
