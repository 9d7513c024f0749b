/* Loads and stores of a device over Hypervisor.framework's functions: one call to run, one for the register, two for PC. */
#include "standin.h"

#include "hvf.h"
#include <string.h>

/* Where the guest lies and what it talks to; Arm64Guest.cs and Guests.cs have the same numbers. */
#define RAM 0x40000000ull
#define RAM_SIZE 0x100000
#define DEVICE 0x39000ull

/* ESR_EL2 (Arm ARM, D19.2.37). */
#define CLASS_SHIFT 26
#define CLASS_HVC 0x16
#define CLASS_DATA_ABORT 0x24
#define ISV (1u << 24)
#define WRITE (1u << 6)
#define SIZE(esr) (1u << ((esr) >> 22 & 3))
#define REGISTER(esr) ((esr) >> 16 & 31)
#define ZERO_REGISTER 31

/* PSTATE: EL1 with its own stack pointer, everything masked. */
#define EL1H_MASKED 0x3C5

static hv_return_t (*vcpu_run)(hv_vcpu_t);
static hv_return_t (*get_reg)(hv_vcpu_t, uint32_t, uint64_t *);
static hv_return_t (*set_reg)(hv_vcpu_t, uint32_t, uint64_t);
static hv_vcpu_t vcpu;
static hv_vcpu_exit_t *context;
static uint64_t device_value;

void create(const uint8_t *code, size_t length)
{
    hv_return_t (*vm_create)(hv_vm_config_t) = find("hv_vm_create");
    hv_return_t (*vm_allocate)(void **, size_t, uint64_t) = find("hv_vm_allocate");
    hv_return_t (*vm_map)(void *, uint64_t, size_t, uint64_t) = find("hv_vm_map");
    hv_return_t (*vcpu_create)(hv_vcpu_t *, hv_vcpu_exit_t **, hv_vcpu_config_t) = find("hv_vcpu_create");
    void *ram;
    vcpu_run = find("hv_vcpu_run");
    get_reg = find("hv_vcpu_get_reg");
    set_reg = find("hv_vcpu_set_reg");
    check(vm_create(NULL), "hv_vm_create");
    check(vm_allocate(&ram, RAM_SIZE, 0), "hv_vm_allocate");
    memcpy(ram, code, length);
    check(vm_map(ram, RAM, RAM_SIZE, HV_MEMORY_READ | HV_MEMORY_WRITE | HV_MEMORY_EXEC), "hv_vm_map");
    check(vcpu_create(&vcpu, &context, NULL), "hv_vcpu_create");
    check(set_reg(vcpu, HV_REG_PC, RAM), "hv_vcpu_set_reg");
    check(set_reg(vcpu, HV_REG_CPSR, EL1H_MASKED), "hv_vcpu_set_reg");
}

static void access(uint64_t syndrome)
{
    uint64_t pc, value = 0, mask = SIZE(syndrome) == 8 ? ~0ull : (1ull << 8 * SIZE(syndrome)) - 1;
    uint32_t number = REGISTER(syndrome);
    if ((syndrome & ISV) == 0 || (context->exception.physical_address & ~0xFFFull) != DEVICE)
        fail("access", (long)context->exception.physical_address);
    if (syndrome & WRITE) {
        if (number != ZERO_REGISTER)
            check(get_reg(vcpu, number, &value), "hv_vcpu_get_reg");
        device_value = value & mask;
    } else if (number != ZERO_REGISTER) {
        check(set_reg(vcpu, number, device_value & mask), "hv_vcpu_set_reg");
    }
    check(get_reg(vcpu, HV_REG_PC, &pc), "hv_vcpu_get_reg");
    check(set_reg(vcpu, HV_REG_PC, pc + 4), "hv_vcpu_set_reg");
}

void run(void)
{
    for (;;) {
        check(vcpu_run(vcpu), "hv_vcpu_run");
        if (context->reason == HV_EXIT_REASON_CANCELED)
            continue;
        if (context->reason != HV_EXIT_REASON_EXCEPTION)
            fail("reason", context->reason);
        switch (context->exception.syndrome >> CLASS_SHIFT & 0x3F) {
            case CLASS_DATA_ABORT:
                access(context->exception.syndrome);
                break;
            case CLASS_HVC:
                return;
            default:
                fail("syndrome", (long)context->exception.syndrome);
        }
    }
}
