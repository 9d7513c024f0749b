/*
 * The peer of the stand-ins' benchmarks. Its first argument is the library; NAME VALUE behind it turns one of the library's switches. One command per
 * line on standard input, one answer per line on standard output; guest code comes from the benchmark, in hexadecimal, so that both run the same guest.
 *
 *   exits CODE   makes the machine and the guest that "run" runs
 *   run          runs it to the end of its batch: nanoseconds
 */
#define _GNU_SOURCE
#include "standin.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void *library;

_Noreturn void fail(const char *operation, long result)
{
    printf("error %s: 0x%lx\n", operation, (unsigned long)result & 0xFFFFFFFF);
    fflush(stdout);
    exit(1);
}

void check(long result, const char *operation)
{
    if (result != 0)
        fail(operation, result);
}

int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

void *find(const char *name)
{
    void *address = dlsym(library, name);
    if (address == NULL)
        fail(name, 0);
    return address;
}

int main(int count, char **arguments)
{
    static char line[65536], hex[65536];
    static uint8_t code[sizeof hex / 2];
    library = count >= 2 ? dlopen(arguments[1], RTLD_LAZY) : NULL;
    if (library == NULL)
        fail("dlopen", 0);
    if (count == 4) {
        int32_t (*turn)(const char *, uint64_t, uint64_t *) = find("HvSdkStandInSwitch");
        uint64_t before;
        check(turn(arguments[2], strtoull(arguments[3], NULL, 10), &before), "HvSdkStandInSwitch");
    }
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (sscanf(line, "exits %65535s", hex) == 1) {
            unsigned byte;
            size_t length = 0;
            for (const char *next = hex; length < sizeof code && sscanf(next, "%2x", &byte) == 1; next += 2)
                code[length++] = (uint8_t)byte;
            create(code, length);
            printf("0\n");
        } else if (strcmp(line, "run\n") == 0) {
            int64_t start = now();
            run();
            printf("%ld\n", (long)(now() - start));
        } else {
            printf("error unknown command\n");
        }
        fflush(stdout);
    }
    return 0;
}
