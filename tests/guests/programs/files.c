/*
 * Many small files, by one process: what a file system takes for each, not what starting programs takes.
 *
 *   files write DIR COUNT BYTES   makes them
 *   files read DIR COUNT          opens, reads and closes them
 *
 * Prints files per second.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    static char buffer[1 << 16];
    char name[256];
    if (argc < 4) {
        fprintf(stderr, "files write DIR COUNT BYTES | files read DIR COUNT\n");
        return 2;
    }
    int writes = !strcmp(argv[1], "write"), count = atoi(argv[3]);
    size_t bytes = argc > 4 ? strtoul(argv[4], NULL, 10) : sizeof buffer;
    double start = now();
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "%s/file%d", argv[2], i);
        int file = open(name, writes ? O_WRONLY | O_CREAT | O_EXCL : O_RDONLY, 0644);
        if (file < 0)
            fail(name);
        if ((writes ? write(file, buffer, bytes) : read(file, buffer, sizeof buffer)) <= 0)
            fail(name);
        close(file);
    }
    printf("%.1f\n", count / (now() - start));
    return 0;
}
