#include "selftest.h"
#include <stdlib.h>

enum
{
    MPIDR_EL1 = 0xC005, VBAR_EL1 = 0xC600, ICC_PMR = 0xC230, ICC_IGRPEN1 = 0xC667, ICC_RPR = 0xC65B, ICC_AP1R0 = 0xC648,
    ACKNOWLEDGED = HV_REG_X0 + 10, GICD_CTLR = 0, GICD_ISENABLER = 0x100, GICD_IGROUPR = 0x80,
    GICD_ICFGR = 0xC00, GICD_IROUTER = 0x6000, SPI = 40, FIRST_MSI = 64, MSI_COUNT = 32
};
#define DISTRIBUTOR 0x08000000ull
#define REDISTRIBUTOR 0x080A0000ull
#define MSI_FRAME 0x08020000ull

static void gic_create(void)
{
    hv_gic_config_t config = hv_gic_config_create();
    RESULT_IS("R-GIC-02", HV_BAD_ARGUMENT, hv_gic_config_set_distributor_base(config, DISTRIBUTOR + 0x1000));
    OK("R-GIC-02", hv_gic_config_set_distributor_base(config, DISTRIBUTOR));
    RESULT_IS("R-GIC-02", HV_BAD_ARGUMENT, hv_gic_config_set_redistributor_base(NULL, REDISTRIBUTOR));
    OK("R-GIC-02", hv_gic_config_set_redistributor_base(config, DISTRIBUTOR));
    RESULT_IS("R-GIC-02", HV_BAD_ARGUMENT, hv_gic_create(config)); /* they overlap */
    OK("R-GIC-02", hv_gic_config_set_redistributor_base(config, REDISTRIBUTOR));
    OK("R-GIC-06", hv_gic_config_set_msi_region_base(config, MSI_FRAME));
    RESULT_IS("R-GIC-06", HV_BAD_ARGUMENT, hv_gic_config_set_msi_interrupt_range(config, 1000, 100));
    OK("R-GIC-06", hv_gic_config_set_msi_interrupt_range(config, FIRST_MSI, MSI_COUNT));
    OK("R-GIC-01", hv_gic_create(config));
    RESULT_IS("R-GIC-01", HV_EXISTS, hv_gic_create(config));
    os_release(config);
}

/* A VM with a GIC, the guest's part of which is set up. */
static void create(struct machine *m)
{
    OK("R-VM-01", hv_vm_create(NULL));
    gic_create();
    m->memory = pages(MEMORY_SIZE);
    load_guests(m->memory);
    OK("R-MEM-01", hv_vm_map(m->memory, GUEST_BASE, MEMORY_SIZE, 7));
    OK("R-VCPU-01", hv_vcpu_create(&m->vcpu, &m->exit, NULL));
}

static void set_up(struct machine *m, uint64_t affinity)
{
    uint64_t base = 0;
    RESULT_IS("R-GIC-03", HV_ERROR, hv_gic_get_redistributor_base(m->vcpu, &base));
    set_system(m, MPIDR_EL1, 0x80000000 | affinity);
    OK("R-GIC-03", hv_gic_get_redistributor_base(m->vcpu, &base));
    set_system(m, VBAR_EL1, GUEST_BASE + GUEST_GIC_VECTORS);
    set(m, HV_REG_X0 + 1, base);
    start(m, GUEST_GIC_SETUP, DISTRIBUTOR);
    CHECK("R-GIC-07", is_call(m, 1));
}

static void route(uint32_t intid, uint64_t affinity, bool is_edge)
{
    uint64_t value;
    OK("R-GIC-10", hv_gic_set_distributor_reg(GICD_IGROUPR + intid / 32 * 4, 0xFFFFFFFF));
    OK("R-GIC-10", hv_gic_get_distributor_reg(GICD_ICFGR + intid / 16 * 4, &value));
    value = (value & ~(3ull << intid % 16 * 2)) | (is_edge ? 2ull << intid % 16 * 2 : 0);
    OK("R-GIC-10", hv_gic_set_distributor_reg(GICD_ICFGR + intid / 16 * 4, value));
    OK("R-GIC-10", hv_gic_set_distributor_reg(GICD_IROUTER + intid * 8, affinity));
    OK("R-GIC-10", hv_gic_set_distributor_reg(GICD_ISENABLER + intid / 32 * 4, 1u << intid % 32));
}

static void arguments(void)
{
    size_t size = 0;
    uint32_t first = 0, count = 0, intid = 0;
    uint64_t value;
    OK("R-GIC-02", hv_gic_get_redistributor_region_size(&size));
    EQUAL("R-GIC-02", 4 * 0x20000, size);
    OK("R-GIC-05", hv_gic_get_spi_interrupt_range(&first, &count));
    EQUAL("R-GIC-05", 32, first);
    EQUAL("R-GIC-05", 988, count);
    OK("R-GIC-08", hv_gic_get_intid(27, &intid));
    EQUAL("R-GIC-08", 27, intid);
    RESULT_IS("R-GIC-08", HV_BAD_ARGUMENT, hv_gic_get_intid(28, &intid));
    OK("R-VM-01", hv_vm_create(NULL));
    RESULT_IS("R-GIC-04", HV_UNSUPPORTED, hv_gic_set_spi(SPI, true));
    RESULT_IS("R-GIC-04", HV_UNSUPPORTED, hv_gic_get_distributor_reg(GICD_CTLR, &value));
    hv_vcpu_t vcpu;
    hv_vcpu_exit_t *exit;
    OK("R-VCPU-01", hv_vcpu_create(&vcpu, &exit, NULL));
    hv_gic_config_t config = hv_gic_config_create();
    RESULT_IS("R-GIC-01", HV_BUSY, hv_gic_create(config));
    os_release(config);
    RESULT_IS("R-GIC-04", HV_UNSUPPORTED, hv_gic_get_icc_reg(vcpu, ICC_PMR, &value));
    OK("R-VCPU-01", hv_vcpu_destroy(vcpu));
    OK("R-VM-03", hv_vm_destroy());
    struct machine m;
    create(&m);
    RESULT_IS("R-GIC-05", HV_BAD_ARGUMENT, hv_gic_set_spi(31, true));
    RESULT_IS("R-GIC-05", HV_BAD_ARGUMENT, hv_gic_set_spi(1020, true));
    RESULT_IS("R-GIC-05", HV_BAD_ARGUMENT, hv_gic_set_spi(FIRST_MSI, true));
    RESULT_IS("R-GIC-06", HV_BAD_ARGUMENT, hv_gic_send_msi(MSI_FRAME, FIRST_MSI));
    RESULT_IS("R-GIC-06", HV_BAD_ARGUMENT, hv_gic_send_msi(MSI_FRAME + 0x40, FIRST_MSI + MSI_COUNT));
    RESULT_IS("R-GIC-10", HV_BAD_ARGUMENT, hv_gic_get_distributor_reg(0x800, &value));
    RESULT_IS("R-INT-03", HV_UNSUPPORTED, hv_vcpu_set_pending_interrupt(m.vcpu, 0, true));
    RESULT_IS("R-GIC-11", HV_UNSUPPORTED, hv_gic_get_ich_reg(m.vcpu, 0xE658, &value));
    RESULT_IS("R-GIC-11", HV_BAD_ARGUMENT, hv_gic_set_icc_reg(m.vcpu, ICC_RPR, 0));
    OK("R-GIC-06", hv_gic_get_msi_reg(8, &value));
    EQUAL("R-GIC-06", FIRST_MSI << 16 | MSI_COUNT, value);
    OK("R-GIC-10", hv_gic_get_redistributor_reg(m.vcpu, 8, &value));
    EQUAL("R-GIC-10", 1 << 4, value); /* the last one */
    machine_delete(&m);
}

static void interrupts(void)
{
    struct machine m;
    create(&m);
    set_up(&m, 0);
    uint64_t value;
    OK("R-GIC-11", hv_gic_get_icc_reg(m.vcpu, ICC_PMR, &value));
    EQUAL("R-GIC-07", 0xF0, value);
    /* A level: it comes again after its end while it is up. */
    route(SPI, 0, false);
    OK("R-GIC-05", hv_gic_set_spi(SPI, true));
    start(&m, GUEST_GIC_IDLE, 0);
    CHECK("R-GIC-05", is_call(&m, 0x55));
    EQUAL("R-GIC-05", SPI, get(&m, ACKNOWLEDGED));
    OK("R-GIC-11", hv_gic_get_icc_reg(m.vcpu, ICC_AP1R0, &value));
    EQUAL("R-GIC-07", 1, value);
    run(&m);
    EQUAL("R-GIC-05", SPI, get(&m, ACKNOWLEDGED));
    OK("R-GIC-05", hv_gic_set_spi(SPI, false));
    /* An edge: once. */
    route(SPI, 0, true);
    OK("R-GIC-05", hv_gic_set_spi(SPI, false));
    OK("R-GIC-05", hv_gic_set_spi(SPI, true));
    set(&m, ACKNOWLEDGED, SPI);
    run(&m);
    EQUAL("R-GIC-05", SPI, get(&m, ACKNOWLEDGED));
    /* A message. */
    route(FIRST_MSI + 3, 0, true);
    OK("R-GIC-06", hv_gic_send_msi(MSI_FRAME + 0x40, FIRST_MSI + 3));
    run(&m);
    EQUAL("R-GIC-06", FIRST_MSI + 3, get(&m, ACKNOWLEDGED));
    OK("R-GIC-06", hv_gic_set_msi_reg(0x40, FIRST_MSI + 3));
    run(&m);
    EQUAL("R-GIC-06", FIRST_MSI + 3, get(&m, ACKNOWLEDGED));
    machine_delete(&m);
}

static void timers(void)
{
    struct machine m;
    create(&m);
    set_up(&m, 0);
    /* The virtual timer, in the guest and in its sleep: no exit tells of it. */
    set_system(&m, 0xDF1A, mach_absolute_time() + 62500 * 5);
    set_system(&m, 0xDF19, 1);
    start(&m, GUEST_GIC_HOLD, 0);
    CHECK("R-GIC-08", is_call(&m, 0x55));
    EQUAL("R-GIC-08", 27, get(&m, ACKNOWLEDGED));
    set_system(&m, 0xDF1A, mach_absolute_time() + 62500 * 20);
    set(&m, HV_REG_X0 + 30, 0);
    uint64_t began = milliseconds();
    run(&m);
    EQUAL("R-GIC-08", 27, get(&m, ACKNOWLEDGED));
    CHECK("R-GIC-08", milliseconds() - began >= 10);
    set_system(&m, 0xDF19, 0);
    /* The physical one, which only a VM with a GIC has; in the sleep. */
    start(&m, GUEST_PHYSICAL_COUNTER, 0);
    CHECK("R-TIME-05", is_call(&m, 1));
    set_system(&m, 0xDF12, get(&m, HV_REG_X0) + 62500 * 20);
    set_system(&m, 0xDF11, 1);
    OK("R-GIC-11", hv_gic_set_icc_reg(m.vcpu, ICC_AP1R0, 0));
    OK("R-GIC-10", hv_gic_set_redistributor_reg(m.vcpu, 0x10380, 0xFFFFFFFF));
    start(&m, GUEST_GIC_IDLE, 0);
    CHECK("R-GIC-08", is_call(&m, 0x55));
    EQUAL("R-GIC-08", 30, get(&m, ACKNOWLEDGED));
    machine_delete(&m);
}

/* Two vCPUs: an SGI of one wakes the other from its sleep, and from the guest. */
static struct machine first;
static pthread_barrier_t barrier;

static void *receiver(void *unused)
{
    (void)unused;
    struct machine m = {.memory = first.memory};
    OK("R-VCPU-06", hv_vcpu_create(&m.vcpu, &m.exit, NULL));
    set_up(&m, 0x101);
    pthread_barrier_wait(&barrier);
    start(&m, GUEST_GIC_IDLE, 0); /* the sleep */
    CHECK("R-GIC-07", is_call(&m, 0x55));
    EQUAL("R-GIC-07", 3, get(&m, ACKNOWLEDGED));
    pthread_barrier_wait(&barrier);
    OK("R-GIC-11", hv_gic_set_icc_reg(m.vcpu, ICC_AP1R0, 0));
    start(&m, GUEST_GIC_HOLD, 0); /* the guest */
    CHECK("R-GIC-07", is_call(&m, 0x55));
    EQUAL("R-GIC-07", 4, get(&m, ACKNOWLEDGED));
    pthread_barrier_wait(&barrier);
    OK("R-GIC-11", hv_gic_set_icc_reg(m.vcpu, ICC_AP1R0, 0));
    EQUAL("R-GIC-07", HV_EXIT_REASON_CANCELED, start(&m, GUEST_GIC_IDLE, 0)); /* a cancel ends the sleep, too */
    OK("R-VCPU-06", hv_vcpu_destroy(m.vcpu));
    return NULL;
}

static void several(void)
{
    create(&first);
    set_up(&first, 0);
    pthread_barrier_init(&barrier, NULL, 2);
    pthread_t thread;
    pthread_create(&thread, NULL, receiver, NULL);
    pthread_barrier_wait(&barrier);
    for (uint64_t intid = 3; intid <= 4; intid++)
    {
        pause_milliseconds(30);
        set(&first, HV_REG_X0 + 5, intid << 24 | 1 << 16 | 1 << 1); /* ICC_SGI1R_EL1: Aff1 1, Aff0 1 */
        start(&first, GUEST_SEND_SGI, 0);
        CHECK("R-GIC-07", is_call(&first, 1));
        pthread_barrier_wait(&barrier);
    }
    pause_milliseconds(30);
    hv_vcpu_t other = first.vcpu == 0 ? 1 : 0;
    OK("R-RUN-02", hv_vcpus_exit(&other, 1));
    pthread_join(thread, NULL);
    pthread_barrier_destroy(&barrier);
    machine_delete(&first);
}

static void state(void)
{
    struct machine m;
    create(&m);
    set_up(&m, 0);
    route(SPI, 0, true);
    OK("R-GIC-05", hv_gic_set_spi(SPI, true));
    hv_gic_state_t state = hv_gic_state_create();
    size_t size = 0;
    OK("R-GIC-12", hv_gic_state_get_size(state, &size));
    void *data = malloc(size);
    OK("R-GIC-12", hv_gic_state_get_data(state, data));
    os_release(state);
    RESULT_IS("R-GIC-13", HV_ERROR, hv_gic_set_state(data, size)); /* the vCPU has run */
    machine_delete(&m);
    create(&m);
    set_system(&m, MPIDR_EL1, 0x80000000);
    set_system(&m, VBAR_EL1, GUEST_BASE + GUEST_GIC_VECTORS);
    HvSdkStandInSwitch("REFUSE_GIC_STATE", 1, NULL);
    RESULT_IS("R-GIC-14", HV_UNSUPPORTED, hv_gic_set_state(data, size));
    HvSdkStandInSwitch("REFUSE_GIC_STATE", 0, NULL);
    RESULT_IS("R-GIC-13", HV_BAD_ARGUMENT, hv_gic_set_state(data, size - 1));
    OK("R-GIC-13", hv_gic_set_state(data, size));
    OK("R-GIC-11", hv_gic_set_icc_reg(m.vcpu, ICC_PMR, 0xF0));
    OK("R-GIC-11", hv_gic_set_icc_reg(m.vcpu, ICC_IGRPEN1, 1));
    start(&m, GUEST_GIC_IDLE, 0);
    EQUAL("R-GIC-12", SPI, get(&m, ACKNOWLEDGED));
    uint64_t value = 1;
    OK("R-GIC-09", hv_gic_reset());
    OK("R-GIC-09", hv_gic_get_distributor_reg(GICD_ISENABLER + 4, &value));
    EQUAL("R-GIC-09", 0, value);
    free(data);
    machine_delete(&m);
}

void test_gic(void)
{
    arguments();
    interrupts();
    timers();
    several();
    state();
}
