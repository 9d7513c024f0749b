/* Kicks a guest that never leaves by itself, while another thread allocates. */
#define _GNU_SOURCE
#include "machine.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static struct machine kicked;
static _Atomic pid_t kicked_thread;
static _Atomic int64_t returned_at;
static _Atomic int kicks_end;
static sem_t returned;

static void ignore_signal(int unused) { (void)unused; }

static void *run_kicked(void *count)
{
    atomic_store(&kicked_thread, gettid());
    for (int i = 0; i < *(int *)count; i++) {
        /* A signal that came late interrupts the run too. */
        while (ioctl(kicked.vcpu, KVM_RUN, 0) == 0 || !kicked.run->immediate_exit)
            continue;
        atomic_store(&returned_at, now());
        kicked.run->immediate_exit = 0;
        sem_post(&returned);
    }
    return NULL;
}

static void *allocate(void *unused)
{
    static void *alive[100];
    for (unsigned i = 1; !atomic_load(&kicks_end); i = i * 1103515245 + 12345) {
        size_t size = 16 + (i >> 8) % 1008, at = (i >> 4) % 100;
        free(alive[at]);
        alive[at] = malloc(size);
        memset(alive[at], 1, size);
    }
    return unused;
}

void kick(int count, const uint8_t *code, size_t length)
{
    pthread_t runner, allocator;
    int64_t *samples = calloc(count, sizeof *samples);
    struct sigaction action = { .sa_handler = ignore_signal };
    sigaction(SIGUSR1, &action, NULL);
    sem_init(&returned, 0, 0);
    machine_create(&kicked, SMALL_RAM, 0);
    machine_load(&kicked, code, length);
    if (pthread_create(&runner, NULL, run_kicked, &count) != 0 || pthread_create(&allocator, NULL, allocate, NULL) != 0)
        fail("pthread_create");
    while (atomic_load(&kicked_thread) == 0)
        sched_yield();
    for (int i = 0; i < count; i++) {
        int64_t start = now();
        __atomic_store_n(&kicked.run->immediate_exit, 1, __ATOMIC_SEQ_CST);
        tgkill(getpid(), kicked_thread, SIGUSR1);
        while (sem_wait(&returned) < 0)
            continue;
        samples[i] = atomic_load(&returned_at) - start;
    }
    atomic_store(&kicks_end, 1);
    pthread_join(runner, NULL);
    pthread_join(allocator, NULL);
    machine_destroy(&kicked);
    sort_times(samples, count);
    printf("%ld %ld\n", (long)samples[count / 2], (long)samples[(long)count * 99 / 100]);
    free(samples);
}
