// The first and only process of the arm64 guest: tells what it found on the console, waits for the timer, and does what the kernel command line asks for.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void show(const char *path, const char *filter) {
    char line[512];
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        printf("INIT %s: %s\n", path, strerror(errno));
        return;
    }
    while (fgets(line, sizeof line, file) != NULL)
        if (filter == NULL || strstr(line, filter) != NULL)
            printf("INIT %s: %s", path, line);
    fclose(file);
}

// The kernel's own lines about its interrupt controller and processors: printing all of them on the console costs an exit for each character.
static void show_kernel_log(void) {
    enum { READ_ALL = 3, SIZE = 1 << 18 };
    static char log[SIZE];
    int length = klogctl(READ_ALL, log, SIZE - 1);
    log[length < 0 ? 0 : length] = 0;
    for (char *line = strtok(log, "\n"); line != NULL; line = strtok(NULL, "\n"))
        if (strstr(line, "GICv3") != NULL || strstr(line, "SMP:") != NULL || strstr(line, "psci") != NULL || strstr(line, "arch_timer") != NULL)
            printf("INIT log %s\n", line);
}

static long long now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

// Runs on each processor in turn, so that each takes an interrupt of another and one of its timer.
static void visit_processors(void) {
    int visited = 0;
    for (int cpu = 0; cpu < sysconf(_SC_NPROCESSORS_ONLN); cpu++) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        if (sched_setaffinity(0, sizeof set, &set) == 0 && sched_getcpu() == cpu) {
            usleep(10000);
            visited++;
        }
    }
    printf("INIT visited %d processors\n", visited);
}

static void load(const char *module) {
    int file = open(module, O_RDONLY | O_CLOEXEC);
    if (file < 0 || syscall(SYS_finit_module, file, "", 0) != 0)
        printf("INIT %s: %s\n", module, strerror(errno));
    if (file >= 0)
        close(file);
}

// The paravirtual entropy device with the kernel's own drivers, whose bytes come from the host.
static void read_entropy(void) {
    unsigned char bytes[256] = {0};
    unsigned char all = 0;
    load("/modules/virtio.ko");
    load("/modules/virtio_ring.ko");
    load("/modules/virtio_mmio.ko");
    load("/modules/virtio-rng.ko");
    show("/sys/class/misc/hw_random/rng_current", NULL);
    int file = open("/dev/hwrng", O_RDONLY | O_CLOEXEC);
    size_t count = 0;
    while (file >= 0 && count < sizeof bytes) {
        ssize_t got = read(file, bytes + count, sizeof bytes - count);
        if (got <= 0)
            break;
        count += (size_t)got;
    }
    for (size_t i = 0; i < sizeof bytes; i++)
        all |= bytes[i];
    printf("INIT %zu bytes of entropy%s\n", count, all == 0 ? ", all zero" : "");
    if (file >= 0)
        close(file);
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    mount("proc", "/proc", "proc", 0, NULL);
    mount("sysfs", "/sys", "sysfs", 0, NULL);
    mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
    printf("INIT hello from userspace\n");
    show("/proc/cmdline", NULL);
    show_kernel_log();
    show("/proc/cpuinfo", "processor");
    visit_processors();

    long long before = now(CLOCK_MONOTONIC);
    usleep(200000);
    long long slept = now(CLOCK_MONOTONIC) - before;
    printf("INIT slept %s\n", slept >= 200000000 ? "long enough" : "too short");
    printf("INIT the year is %lld\n", 1970 + now(CLOCK_REALTIME) / 1000000000 / 31556952);
    read_entropy();
    show("/proc/interrupts", NULL);

    char line[64] = "";
    printf("INIT say something\n");
    if (fgets(line, sizeof line, stdin) != NULL)
        printf("INIT heard %s", line);
    fflush(stdout);
    reboot(strncmp(line, "reboot", 6) == 0 ? RB_AUTOBOOT : RB_POWER_OFF);
    return 1;
}
