#include "selftest.h"
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

extern const uint8_t guest_image[], guest_image_end[];

void load_guests(uint8_t *memory) { memcpy(memory, guest_image, (size_t)(guest_image_end - guest_image)); }

void *pages(size_t size)
{
    void *address = NULL;
    OK("R-MEM-09", hv_vm_allocate(&address, size, 0));
    return address;
}

void pages_free(void *address, size_t size) { OK("R-MEM-09", hv_vm_deallocate(address, size)); }

void machine_create(struct machine *machine)
{
    OK("R-VM-01", hv_vm_create(NULL));
    machine->memory = pages(MEMORY_SIZE);
    load_guests(machine->memory);
    OK("R-MEM-01", hv_vm_map(machine->memory, GUEST_BASE, MEMORY_SIZE, HV_MEMORY_READ | HV_MEMORY_WRITE | HV_MEMORY_EXEC));
    OK("R-VCPU-01", hv_vcpu_create(&machine->vcpu, &machine->exit, NULL));
}

void machine_delete(struct machine *machine)
{
    OK("R-VCPU-01", hv_vcpu_destroy(machine->vcpu));
    OK("R-VM-03", hv_vm_destroy());
    pages_free(machine->memory, MEMORY_SIZE);
}

void set(struct machine *machine, uint32_t reg, uint64_t value) { OK("R-REG-01", hv_vcpu_set_reg(machine->vcpu, reg, value)); }

uint64_t get(struct machine *machine, uint32_t reg)
{
    uint64_t value = 0;
    OK("R-REG-01", hv_vcpu_get_reg(machine->vcpu, reg, &value));
    return value;
}

void set_system(struct machine *machine, uint16_t reg, uint64_t value) { OK("R-SYS-01", hv_vcpu_set_sys_reg(machine->vcpu, reg, value)); }

uint64_t get_system(struct machine *machine, uint16_t reg)
{
    uint64_t value = 0;
    OK("R-SYS-01", hv_vcpu_get_sys_reg(machine->vcpu, reg, &value));
    return value;
}

uint32_t run(struct machine *machine)
{
    OK("R-RUN-01", hv_vcpu_run(machine->vcpu));
    return machine->exit->reason;
}

uint32_t start(struct machine *machine, uint64_t guest, uint64_t x0)
{
    set(machine, HV_REG_PC, GUEST_BASE + guest);
    set(machine, HV_REG_CPSR, 0x3C5);
    set(machine, HV_REG_X0, x0);
    return run(machine);
}

unsigned exit_class(const struct machine *machine) { return machine->exit->exception.syndrome >> 26 & 0x3F; }
uint32_t exit_iss(const struct machine *machine) { return machine->exit->exception.syndrome & 0x1FFFFFF; }

bool is_call(const struct machine *machine, uint32_t number)
{
    return machine->exit->reason == HV_EXIT_REASON_EXCEPTION && exit_class(machine) == CLASS_HVC && exit_iss(machine) == number;
}

uint64_t milliseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void pause_milliseconds(unsigned milliseconds)
{
    struct timespec t = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    nanosleep(&t, NULL);
}
