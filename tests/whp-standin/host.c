#include "host.h"
#include <asm/unistd_64.h>

/* A real-time signal that neither the C library, nor .NET (34), nor Wine, nor the project's KVM backend (from 64 down) takes. */
#define KICK_SIGNAL 46
#define KICK_MASK (1ull << (KICK_SIGNAL - 1))

static int64_t system_call(int64_t number, int64_t a, int64_t b, int64_t c, int64_t d, int64_t e, int64_t f)
{
    int64_t result;
    register int64_t r10 __asm__("r10") = d;
    register int64_t r8 __asm__("r8") = e;
    register int64_t r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

int host_open(const char *path)
{
    const int open_read_write = 2, open_close_on_exec = 02000000;
    return (int)system_call(__NR_open, (intptr_t)path, open_read_write | open_close_on_exec, 0, 0, 0, 0);
}

int64_t host_close(int fd) { return system_call(__NR_close, fd, 0, 0, 0, 0, 0); }

int64_t host_ioctl(int fd, uint64_t request, void *argument)
{
    return host_ioctl_value(fd, request, (uint64_t)(uintptr_t)argument);
}

int64_t host_ioctl_value(int fd, uint64_t request, uint64_t argument)
{
    return system_call(__NR_ioctl, fd, (int64_t)request, (int64_t)argument, 0, 0, 0);
}

void *host_map(int fd, uint64_t size)
{
    const int read_write = 3, shared = 1;
    int64_t address = system_call(__NR_mmap, 0, (int64_t)size, read_write, shared, fd, 0);
    return address < 0 && address > -4096 ? 0 : (void *)(intptr_t)address;
}

void host_unmap(void *address, uint64_t size) { system_call(__NR_munmap, (intptr_t)address, (int64_t)size, 0, 0, 0, 0); }

int host_process_id(void) { return (int)system_call(__NR_getpid, 0, 0, 0, 0, 0, 0); }

int host_thread_id(void) { return (int)system_call(__NR_gettid, 0, 0, 0, 0, 0, 0); }

uint64_t host_nanoseconds(void)
{
    const int monotonic = 1;
    int64_t time[2] = {0, 0};
    system_call(__NR_clock_gettime, monotonic, (intptr_t)time, 0, 0, 0, 0);
    return (uint64_t)time[0] * 1000000000u + (uint64_t)time[1];
}

int host_eventfd(void)
{
    const int close_on_exec = 02000000;
    return (int)system_call(__NR_eventfd2, 0, close_on_exec, 0, 0, 0, 0);
}

void host_event_signal(int fd)
{
    uint64_t one = 1;
    system_call(__NR_write, fd, (intptr_t)&one, sizeof one, 0, 0, 0);
}

void host_event_wait(int fd)
{
    uint64_t count;
    system_call(__NR_read, fd, (intptr_t)&count, sizeof count, 0, 0, 0);
}

void host_yield(void) { system_call(__NR_sched_yield, 0, 0, 0, 0, 0, 0); }

uint64_t host_block_kick(void)
{
    const int block = 0;
    uint64_t kick = KICK_MASK, before = 0;
    system_call(__NR_rt_sigprocmask, block, (intptr_t)&kick, (intptr_t)&before, sizeof kick, 0, 0);
    return before & ~KICK_MASK;
}

void host_send_kick(int thread_id)
{
    /* ESRCH: the thread has ended, and runs nothing. */
    system_call(__NR_tgkill, host_process_id(), thread_id, KICK_SIGNAL, 0, 0, 0);
}

void host_drain_kicks(void)
{
    uint64_t kick = KICK_MASK;
    int64_t no_time[2] = {0, 0};
    while (system_call(__NR_rt_sigtimedwait, (intptr_t)&kick, 0, (intptr_t)no_time, sizeof kick, 0, 0) > 0)
    {
    }
}

static void *current_thread(void)
{
    void *self;
#ifdef _WIN32
    __asm__("movq %%gs:0x30, %0" : "=r"(self)); /* the thread's environment block */
#else
    __asm__("movq %%fs:0, %0" : "=r"(self)); /* the thread's control block */
#endif
    return self;
}

void host_acquire(host_lock *lock)
{
    void *self = current_thread(), *nobody = 0;
    if (__atomic_load_n(&lock->owner, __ATOMIC_RELAXED) != self)
    {
        while (!__atomic_compare_exchange_n(&lock->owner, &nobody, self, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        {
            nobody = 0;
            host_yield();
        }
    }
    lock->depth++;
}

void host_release(host_lock *lock)
{
    if (--lock->depth == 0)
    {
        __atomic_store_n(&lock->owner, 0, __ATOMIC_RELEASE);
    }
}
