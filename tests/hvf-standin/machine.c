/* The machine: QEMU as a child, whose RAM is a file that this process maps as well, with one processor for the VM and one per vCPU. */
#define _GNU_SOURCE
#include "standin.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <linux/close_range.h>
#include <unistd.h>

extern const char el2_program[], el2_program_end[];

struct machine machine = {.fd = -1};
static pthread_t keeper;
static int far_ends[MAX_CPUS]; /* of the doorbells: QEMU's */

enum { ARGUMENT_MAX = 40 + 4 * MAX_CPUS, START_LIMIT_SECONDS = 60 };

/* QEMU's arguments. Text that is made here lives in storage. */
static void make_arguments(const char **arguments, char storage[][96])
{
    int n = 0, text = 0;
    const char *fixed[] = {"qemu-system-aarch64", "-nodefaults", "-display", "none", "-accel", "tcg,thread=multi", "-cpu", "neoverse-n1"};
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
    {
        arguments[n++] = fixed[i];
    }
    arguments[n++] = "-M";
    arguments[n++] = "virt,virtualization=on,gic-version=3,memory-backend=ram";
#define MADE(...) (snprintf(storage[text], sizeof storage[text], __VA_ARGS__), arguments[n++] = storage[text++])
    arguments[n++] = "-smp";
    MADE("%u", machine.cpu_count);
    arguments[n++] = "-m";
    MADE("%lluM", (unsigned long long)(machine.size >> 20));
    arguments[n++] = "-object";
    MADE("memory-backend-file,id=ram,share=on,size=%lluM,mem-path=/proc/self/fd/%d", (unsigned long long)(machine.size >> 20), machine.fd);
    arguments[n++] = "-device";
    MADE("loader,addr=0x%llx,cpu-num=0", RAM_BASE + PROGRAM_OFFSET);
    for (unsigned cpu = 0; cpu < machine.cpu_count; cpu++)
    {
        arguments[n++] = "-chardev";
        MADE("socket,id=bell%u,fd=%d", cpu, far_ends[cpu]);
        arguments[n++] = "-device";
        MADE("pci-serial,chardev=bell%u,addr=0x%x", cpu, cpu + 1);
    }
#undef MADE
    arguments[n] = NULL;
}

static void close_far_ends(void)
{
    for (unsigned cpu = 0; cpu < machine.cpu_count; cpu++)
    {
        close(far_ends[cpu]);
    }
}

static void become_qemu(const char **arguments, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
    {
        _exit(1);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    close_range(3, ~0u, CLOSE_RANGE_CLOEXEC); /* it shall keep nothing of this process open but what is its own */
    fcntl(machine.fd, F_SETFD, 0);
    for (unsigned cpu = 0; cpu < machine.cpu_count; cpu++)
    {
        fcntl(far_ends[cpu], F_SETFD, 0);
    }
    int nothing = open("/dev/null", O_RDWR);
    dup2(nothing, 0);
    dup2(nothing, 1);
    const char *program = getenv("HVSDK_HVF_STANDIN_QEMU");
    execvp(program != NULL ? program : arguments[0], (char **)arguments);
    _exit(127);
}

/* A child is told of its parent's death when the thread that made it ends, not the process. So this thread makes it, and stays. */
static void *keep(void *started)
{
    const char *arguments[ARGUMENT_MAX];
    static char storage[ARGUMENT_MAX][96];
    make_arguments(arguments, storage);
    pid_t parent = getpid();
    machine.process = fork();
    if (machine.process == 0)
    {
        become_qemu(arguments, parent);
    }
    close_far_ends();
    atomic_store((atomic_int *)started, 1);
    int status = 0;
    while (machine.process > 0 && waitpid(machine.process, &status, 0) < 0 && errno == EINTR)
    {
    }
    atomic_store(&machine.is_dead, 1);
    trace("QEMU ended with status 0x%x", status);
    return NULL;
}

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static bool await_program(void)
{
    uint64_t limit = now() + START_LIMIT_SECONDS * 1000000000ull;
    while (__atomic_load_n(&board()->ready_count, __ATOMIC_ACQUIRE) != machine.cpu_count)
    {
        struct pollfd bell = {.fd = machine.doorbells[SERVICE_CPU], .events = POLLIN};
        poll(&bell, 1, 20);
        if (atomic_load(&machine.is_dead) || now() > limit)
        {
            bool is_dead = atomic_load(&machine.is_dead) != 0;
            fprintf(stderr, "hvf-standin: QEMU %s\n", is_dead ? "ended at its start (is qemu-system-arm installed?)" : "does not start");
            return false;
        }
    }
    return true;
}

/* R-TIME-01: the counters of guests and mach_absolute_time() are one. The exchange that takes the shortest tells best how far QEMU's is behind. */
static void compare_counters(void)
{
    uint64_t shortest = UINT64_MAX;
    for (int i = 0; i < 8; i++)
    {
        uint64_t before = mach_absolute_time();
        mailbox_post(SERVICE_CPU, COMMAND_FLUSH);
        mailbox_wait(SERVICE_CPU);
        uint64_t after = mach_absolute_time();
        if (after - before < shortest)
        {
            shortest = after - before;
            machine.counter_lead = (int64_t)(before + (after - before) / 2 - board()->ticks);
        }
    }
}

static bool machine_start(void)
{
    machine.cpu_count = (unsigned)switches.max_vcpus + FIRST_VCPU_CPU;
    machine.size = switches.memory << 20;
    machine.fd = memfd_create("hvf-standin", MFD_CLOEXEC);
    if (machine.cpu_count > MAX_CPUS || machine.size <= PAGES_OFFSET || machine.fd < 0 || ftruncate(machine.fd, (off_t)machine.size) != 0)
    {
        return false;
    }
    void *ram = mmap(NULL, machine.size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, machine.fd, 0);
    if (ram == MAP_FAILED)
    {
        close(machine.fd);
        return false;
    }
    machine.ram = ram;
    memcpy(machine.ram + PROGRAM_OFFSET, el2_program, (size_t)(el2_program_end - el2_program));
    board()->cpu_count = machine.cpu_count;
    for (unsigned cpu = 0; cpu < machine.cpu_count; cpu++)
    {
        int ends[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        {
            return false;
        }
        machine.doorbells[cpu] = ends[0];
        far_ends[cpu] = ends[1];
        mailbox_of(cpu)->spin = (uint32_t)switches.cpu_spin;
    }
    atomic_store(&machine.is_dead, 0);
    atomic_store(&machine.is_lost, 0);
    atomic_int started = 0;
    if (pthread_create(&keeper, NULL, keep, &started) != 0)
    {
        return false;
    }
    while (!atomic_load(&started))
    {
        usleep(100);
    }
    if (!await_program())
    {
        machine_stop();
        return false;
    }
    compare_counters();
    return true;
}

bool machine_ensure(void)
{
    switches_load();
    bool runs = machine.ram != NULL && !atomic_load(&machine.is_dead) && !atomic_load(&machine.is_lost);
    if (runs && machine.cpu_count == switches.max_vcpus + FIRST_VCPU_CPU && machine.size == switches.memory << 20)
    {
        return true;
    }
    machine_stop();
    return machine_start();
}

void machine_stop(void)
{
    if (machine.ram == NULL)
    {
        return;
    }
    if (machine.process > 0 && !atomic_load(&machine.is_dead))
    {
        kill(machine.process, SIGKILL);
    }
    pthread_join(keeper, NULL);
    code_reset();
    pages_reset();
    for (unsigned cpu = 0; cpu < machine.cpu_count; cpu++)
    {
        close(machine.doorbells[cpu]);
    }
    munmap(machine.ram, machine.size);
    close(machine.fd);
    machine.ram = NULL;
    machine.fd = -1;
}

__attribute__((destructor)) static void at_exit(void)
{
    if (machine.ram != NULL && machine.process > 0 && !atomic_load(&machine.is_dead))
    {
        kill(machine.process, SIGKILL);
    }
}
