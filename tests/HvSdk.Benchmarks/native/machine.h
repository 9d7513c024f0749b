/* A KVM virtual machine with one vCPU, made as directly as the kernel allows: what the benchmarks compare HvSdk with. */
#ifndef MACHINE_H
#define MACHINE_H

#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>

#define CODE_ADDRESS 0x1000
#define SMALL_RAM 0x10000

struct machine {
    int fd;
    int vcpu;
    uint8_t *ram;
    size_t ram_size;
    struct kvm_run *run;
};

/* Opens /dev/kvm and asks, once, what does not change from one machine to the next. */
void host_open(void);

void machine_create(struct machine *machine, size_t ram_size, int chip);
void machine_load(struct machine *machine, const uint8_t *code, size_t length);
void machine_destroy(struct machine *machine);

/* Enters the guest and gives the exit reason. */
uint32_t machine_run(struct machine *machine);

/* Has the kernel set a new eventfd when the guest writes to a port. */
int machine_doorbell(struct machine *machine, uint16_t port, int flags);

_Noreturn void fail(const char *operation);
int64_t now(void);
void sort_times(int64_t *times, size_t count);

/* Kicks the guest so often and prints the median and the 99th of 100 times. */
void kick(int count, const uint8_t *code, size_t length);

#endif
