/*
 * The peer of HvSdk.Benchmarks: does in C what the benchmark does through HvSdk. One command per line on standard input, one
 * answer per line on standard output; guest code comes from the benchmark, in hexadecimal, so that both run the same guest.
 *
 *   exits CODE           makes the guest that "run" runs
 *   run                  runs it to its HLT: nanoseconds
 *   create COUNT CODE    makes, runs to the first exit and destroys COUNT machines: nanoseconds, and those up to the exits
 *   map COUNT            makes the address space as crowded as that of a process with a runtime: COUNT mappings
 *   doorbell WAIT CODE   makes the guest that "ring" runs; WAIT is "read" (blocking) or "poll" (poll, then read)
 *   ring                 runs it to its HLT: median of nanoseconds from the entry before the ring to the woken thread
 *   kick COUNT CODE      kicks a spinning guest while another thread allocates: nanoseconds, median and 99 of 100
 *   idle COUNT CODE      makes COUNT machines and keeps them: KiB of RSS and of PSS that they cost
 *   fail COUNT           calls ioctl on no descriptor COUNT times: nanoseconds
 */
#define _GNU_SOURCE
#include "machine.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define LARGE_RAM (64ul << 20)
#define IDLE_RAM (2ul << 20)
#define MAX_RINGS 65536

/* What the guests talk to; Guests.cs has the same numbers. */
#define DEVICE_PORT 0x420
#define DEVICE_ADDRESS 0x39000
#define ARM_PORT 0x10
#define BELL_PORT 0x20
#define SYNC_PORT 0x30

static uint8_t code[4096];
static size_t code_length;

static void read_code(const char *hex)
{
    unsigned byte;
    for (code_length = 0; code_length < sizeof code && sscanf(hex, "%2x", &byte) == 1; hex += 2)
        code[code_length++] = (uint8_t)byte;
}

/* A device of one register. */
static uint8_t device_value;

static void device_write(const uint8_t *data) { device_value = data[0]; }

static void device_read(uint8_t *data) { data[0] = device_value; }

/* Runs the guest to its first exit, a write to a port, and takes what it wrote. */
static void run_once(struct machine *machine)
{
    struct kvm_run *run = machine->run;
    uint32_t reason = machine_run(machine);
    if (reason != KVM_EXIT_IO) {
        printf("error first exit %u\n", reason);
        exit(1);
    }
    device_write((uint8_t *)run + run->io.data_offset);
}

static int64_t run_exits(struct machine *machine)
{
    int64_t start = now();
    for (;;) {
        struct kvm_run *run = machine->run;
        switch (machine_run(machine)) {
            case KVM_EXIT_IO: {
                uint8_t *data = (uint8_t *)run + run->io.data_offset;
                if (run->io.port != DEVICE_PORT)
                    memset(data, 0xFF, run->io.size);
                else if (run->io.direction == KVM_EXIT_IO_OUT)
                    device_write(data);
                else
                    device_read(data);
                break;
            }
            case KVM_EXIT_MMIO:
                if (run->mmio.phys_addr != DEVICE_ADDRESS)
                    memset(run->mmio.data, 0xFF, sizeof run->mmio.data);
                else if (run->mmio.is_write)
                    device_write(run->mmio.data);
                else
                    device_read(run->mmio.data);
                break;
            case KVM_EXIT_HLT:
                return now() - start;
            default:
                printf("error exit %u\n", run->exit_reason);
                exit(1);
        }
    }
}

static void create(int count)
{
    int64_t start = now(), until_exit = 0;
    for (int i = 0; i < count; i++) {
        struct machine machine;
        int64_t begin = now();
        machine_create(&machine, LARGE_RAM, 1);
        machine_load(&machine, code, code_length);
        run_once(&machine);
        until_exit += now() - begin;
        machine_destroy(&machine);
    }
    printf("%ld %ld\n", (long)(now() - start), (long)until_exit);
}

/* Neighbours that differ in protection are not merged. */
static void map(int count)
{
    for (int i = 0; i < count; i++) {
        char *page = mmap(NULL, 4096, i % 2 == 0 ? PROT_READ : PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED)
            fail("mmap");
        /* A written page gives the mapping a reverse map of its own, as most have in a real process. */
        if (i % 2 != 0)
            *page = 1;
    }
}

/* The two threads of a doorbell on processors of their own, as the benchmark does: where the scheduler puts them decides the time. */
static void pin(int processor)
{
    cpu_set_t set;
    if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
        return;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    if (sched_setaffinity(0, sizeof set, &set) < 0)
        fail("sched_setaffinity");
}

static int bell;
static int bell_polls;
static _Atomic int64_t rung_at;
static _Atomic int rings;

static void *wait_for_rings(void *unused)
{
    pin(1);
    for (;;) {
        uint64_t count;
        struct pollfd wait = { .fd = bell, .events = POLLIN };
        if (bell_polls && poll(&wait, 1, -1) < 0)
            continue;
        if (read(bell, &count, sizeof count) != sizeof count)
            continue;
        atomic_store(&rung_at, now());
        atomic_fetch_add(&rings, 1);
    }
    return unused;
}

static int64_t ring(struct machine *machine)
{
    static int64_t samples[MAX_RINGS];
    int taken = 0, before = 0;
    int64_t armed_at = 0;
    for (;;) {
        uint32_t reason = machine_run(machine);
        if (reason == KVM_EXIT_HLT)
            break;
        if (reason != KVM_EXIT_IO) {
            printf("error exit %u\n", reason);
            exit(1);
        }
        if (machine->run->io.port == ARM_PORT) {
            before = atomic_load(&rings);
            armed_at = now();
        } else if (machine->run->io.port == SYNC_PORT) {
            while (atomic_load(&rings) == before)
                sched_yield();
            if (taken < MAX_RINGS)
                samples[taken++] = atomic_load(&rung_at) - armed_at;
        }
    }
    sort_times(samples, taken);
    return samples[taken / 2];
}

/* The process's Rss and Pss in KiB. */
static void read_memory(long *rss, long *pss)
{
    char line[256];
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    if (file == NULL)
        fail("/proc/self/smaps_rollup");
    while (fgets(line, sizeof line, file) != NULL) {
        sscanf(line, "Rss: %ld kB", rss);
        sscanf(line, "Pss: %ld kB", pss);
    }
    fclose(file);
}

static void idle(int count)
{
    long rss[2] = { 0 }, pss[2] = { 0 };
    struct machine *machines = calloc(count, sizeof *machines);
    read_memory(&rss[0], &pss[0]);
    for (int i = 0; i < count; i++) {
        machine_create(&machines[i], IDLE_RAM, 1);
        machine_load(&machines[i], code, code_length);
        run_once(&machines[i]);
    }
    read_memory(&rss[1], &pss[1]);
    for (int i = 0; i < count; i++)
        machine_destroy(&machines[i]);
    free(machines);
    printf("%ld %ld\n", rss[1] - rss[0], pss[1] - pss[0]);
}

static int64_t fail_calls(int count)
{
    int64_t start = now();
    for (int i = 0; i < count; i++) {
        if (ioctl(-1, KVM_RUN, 0) == 0)
            exit(1);
    }
    return now() - start;
}

int main(void)
{
    static char line[2 * sizeof code + 256];
    static char hex[2 * sizeof code + 1];
    struct machine exits, ringer;
    char word[16];
    int count;

    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    host_open();
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (sscanf(line, "exits %8192s", hex) == 1) {
            read_code(hex);
            machine_create(&exits, SMALL_RAM, 0);
            machine_load(&exits, code, code_length);
            printf("0\n");
        } else if (strcmp(line, "run\n") == 0) {
            printf("%ld\n", (long)run_exits(&exits));
        } else if (strcmp(line, "end\n") == 0) {
            machine_destroy(&exits);
            printf("0\n");
        } else if (sscanf(line, "create %d %8192s", &count, hex) == 2) {
            read_code(hex);
            create(count);
        } else if (sscanf(line, "map %d", &count) == 1) {
            map(count);
            printf("0\n");
        } else if (sscanf(line, "doorbell %15s %8192s", word, hex) == 2) {
            pthread_t thread;
            read_code(hex);
            machine_create(&ringer, SMALL_RAM, 0);
            machine_load(&ringer, code, code_length);
            pin(0);
            bell_polls = strcmp(word, "poll") == 0;
            bell = machine_doorbell(&ringer, BELL_PORT, bell_polls ? EFD_NONBLOCK : 0);
            if (pthread_create(&thread, NULL, wait_for_rings, NULL) != 0)
                fail("pthread_create");
            printf("0\n");
        } else if (strcmp(line, "ring\n") == 0) {
            printf("%ld\n", (long)ring(&ringer));
        } else if (sscanf(line, "kick %d %8192s", &count, hex) == 2) {
            read_code(hex);
            kick(count, code, code_length);
        } else if (sscanf(line, "idle %d %8192s", &count, hex) == 2) {
            read_code(hex);
            idle(count);
        } else if (sscanf(line, "fail %d", &count) == 1) {
            printf("%ld\n", (long)fail_calls(count));
        } else {
            printf("error unknown command\n");
        }
        fflush(stdout);
    }
    return 0;
}
