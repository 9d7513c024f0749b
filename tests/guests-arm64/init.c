// The first and only process of the arm64 guest: tells what it found on the console, waits for the timer, and does what the kernel command line asks for.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
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

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    mount("proc", "/proc", "proc", 0, NULL);
    mount("sysfs", "/sys", "sysfs", 0, NULL);
    printf("INIT hello from userspace\n");
    show("/proc/cmdline", NULL);
    show("/proc/cpuinfo", "processor");
    visit_processors();

    long long before = now(CLOCK_MONOTONIC);
    usleep(200000);
    long long slept = now(CLOCK_MONOTONIC) - before;
    printf("INIT slept %s\n", slept >= 200000000 ? "long enough" : "too short");
    printf("INIT the year is %lld\n", 1970 + now(CLOCK_REALTIME) / 1000000000 / 31556952);
    show("/proc/interrupts", "");

    char line[64] = "";
    printf("INIT say something\n");
    if (fgets(line, sizeof line, stdin) != NULL)
        printf("INIT heard %s", line);
    fflush(stdout);
    reboot(strncmp(line, "reboot", 6) == 0 ? RB_AUTOBOOT : RB_POWER_OFF);
    return 1;
}
