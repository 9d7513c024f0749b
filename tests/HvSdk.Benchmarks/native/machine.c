#include "machine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* The addresses are those that HvSdk uses. */
#define TASK_STATE_ADDRESS 0xFEFFD000ul
#define IDENTITY_MAP_ADDRESS 0xFEFFC000ul
#define MAX_CPUID_ENTRIES 256

static int kvm = -1;
static int run_size;
static int clears_manually;
static int has_exception_payload;
static struct kvm_cpuid2 *cpuid;

_Noreturn void fail(const char *operation)
{
    printf("error %s: %s\n", operation, strerror(errno));
    fflush(stdout);
    exit(1);
}

int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static int compare(const void *x, const void *y)
{
    int64_t left = *(const int64_t *)x, right = *(const int64_t *)y;
    return (left > right) - (left < right);
}

void sort_times(int64_t *times, size_t count) { qsort(times, count, sizeof *times, compare); }

static int control(int fd, unsigned long request, void *argument, const char *operation)
{
    int result = ioctl(fd, request, argument);
    if (result < 0)
        fail(operation);
    return result;
}

static void *number(unsigned long value) { return (void *)value; }

void host_open(void)
{
    kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (kvm < 0)
        fail("open /dev/kvm");
    run_size = control(kvm, KVM_GET_VCPU_MMAP_SIZE, NULL, "KVM_GET_VCPU_MMAP_SIZE");
    clears_manually = control(kvm, KVM_CHECK_EXTENSION, number(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2), "KVM_CHECK_EXTENSION")
        & KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE;
    has_exception_payload = control(kvm, KVM_CHECK_EXTENSION, number(KVM_CAP_EXCEPTION_PAYLOAD), "KVM_CHECK_EXTENSION") > 0;
    cpuid = calloc(1, sizeof *cpuid + MAX_CPUID_ENTRIES * sizeof cpuid->entries[0]);
    cpuid->nent = MAX_CPUID_ENTRIES;
    control(kvm, KVM_GET_SUPPORTED_CPUID, cpuid, "KVM_GET_SUPPORTED_CPUID");
}

static void enable(int fd, uint32_t capability, uint64_t argument, const char *operation)
{
    struct kvm_enable_cap enable = { .cap = capability, .args = { argument } };
    control(fd, KVM_ENABLE_CAP, &enable, operation);
}

/* Slots, then chip, then vCPU: the order in which none waits for the kernel to synchronize. */
void machine_create(struct machine *machine, size_t ram_size, int chip)
{
    machine->fd = control(kvm, KVM_CREATE_VM, NULL, "KVM_CREATE_VM");
    if (clears_manually)
        enable(machine->fd, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE, "manual dirty log");
    if (has_exception_payload)
        enable(machine->fd, KVM_CAP_EXCEPTION_PAYLOAD, 1, "exception payload");

    machine->ram_size = ram_size;
    machine->ram = mmap(NULL, ram_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (machine->ram == MAP_FAILED)
        fail("mmap of RAM");
    struct kvm_userspace_memory_region slot = { .memory_size = ram_size, .userspace_addr = (uint64_t)machine->ram };
    control(machine->fd, KVM_SET_USER_MEMORY_REGION, &slot, "KVM_SET_USER_MEMORY_REGION");

    uint64_t identity_map = IDENTITY_MAP_ADDRESS;
    control(machine->fd, KVM_SET_IDENTITY_MAP_ADDR, &identity_map, "KVM_SET_IDENTITY_MAP_ADDR");
    control(machine->fd, KVM_SET_TSS_ADDR, number(TASK_STATE_ADDRESS), "KVM_SET_TSS_ADDR");
    if (chip)
        control(machine->fd, KVM_CREATE_IRQCHIP, NULL, "KVM_CREATE_IRQCHIP");

    machine->vcpu = control(machine->fd, KVM_CREATE_VCPU, NULL, "KVM_CREATE_VCPU");
    control(machine->vcpu, KVM_SET_CPUID2, cpuid, "KVM_SET_CPUID2");
    machine->run = mmap(NULL, run_size, PROT_READ | PROT_WRITE, MAP_SHARED, machine->vcpu, 0);
    if (machine->run == MAP_FAILED)
        fail("mmap of a vCPU");
}

static struct kvm_segment real_mode(uint8_t type)
{
    struct kvm_segment segment = { .limit = 0xFFFF, .type = type, .present = 1, .s = 1 };
    return segment;
}

void machine_load(struct machine *machine, const uint8_t *code, size_t length)
{
    memcpy(machine->ram + CODE_ADDRESS, code, length);

    struct kvm_sregs special;
    control(machine->vcpu, KVM_GET_SREGS, &special, "KVM_GET_SREGS");
    special.cs = real_mode(0xB);
    special.ds = special.es = special.fs = special.gs = special.ss = real_mode(0x3);
    special.cr0 = 0x10;
    control(machine->vcpu, KVM_SET_SREGS, &special, "KVM_SET_SREGS");

    struct kvm_regs general = { .rip = CODE_ADDRESS, .rsp = 0x9000, .rflags = 2 };
    control(machine->vcpu, KVM_SET_REGS, &general, "KVM_SET_REGS");
}

void machine_destroy(struct machine *machine)
{
    munmap(machine->run, run_size);
    close(machine->vcpu);
    close(machine->fd);
    munmap(machine->ram, machine->ram_size);
}

uint32_t machine_run(struct machine *machine)
{
    while (ioctl(machine->vcpu, KVM_RUN, 0) < 0) {
        if (errno != EINTR && errno != EAGAIN)
            fail("KVM_RUN");
    }
    return machine->run->exit_reason;
}

int machine_doorbell(struct machine *machine, uint16_t port, int flags)
{
    int fd = eventfd(0, EFD_CLOEXEC | flags);
    if (fd < 0)
        fail("eventfd");
    struct kvm_ioeventfd doorbell = { .addr = port, .fd = fd, .flags = KVM_IOEVENTFD_FLAG_PIO };
    control(machine->fd, KVM_IOEVENTFD, &doorbell, "KVM_IOEVENTFD");
    return fd;
}
