/*
 * Numbered records that are safe once they are told of: what a loss of power must not take away.
 *
 *   records write FOLDER   goes on behind the last record, and prints 'HVSDK record=N' as soon as record N is on the disk; never ends by itself
 *   records check FOLDER   prints how many there are, from 1 on without a gap: 'HVSDK records=N'; of the files that belong to the last of them
 *                          'HVSDK records_files_missing=N' and, of the very last record's file, 'HVSDK records_last_file=0|1'
 *
 * Record N is appended to the file log. Every FILE_STRIDE-th is written to a file of its own too, under another name first, and the file of KEPT records
 * before is removed: so blocks, inodes and directories change all the time.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_STRIDE = 4, KEPT = 40, MAX_PAYLOAD = 5000 };

struct record {
    uint32_t magic, number, length, sum;
    unsigned char payload[MAX_PAYLOAD];
};

static const uint32_t MAGIC = 0x44524352;

static void fail(const char *what)
{
    printf("HVSDK records_failed=%s: %s\n", what, strerror(errno));
    exit(1);
}

/* The one content that record N can have; its bytes in the file. */
static size_t make(struct record *record, uint32_t number)
{
    record->magic = MAGIC;
    record->number = number;
    record->length = 64 + number * 733 % (MAX_PAYLOAD - 64);
    record->sum = 0;
    for (uint32_t i = 0; i < record->length; i++) {
        record->payload[i] = (unsigned char)(number * 31 + i * 7);
        record->sum = record->sum * 31 + record->payload[i];
    }
    return offsetof(struct record, payload) + record->length;
}

static int holds(int file, off_t offset, uint32_t number)
{
    static struct record wanted, found;
    size_t length = make(&wanted, number);
    return pread(file, &found, length, offset) == (ssize_t)length && memcmp(&wanted, &found, length) == 0;
}

/* Goes through the log; where the record behind the last one begins. */
static off_t find_end(int log, uint32_t *last)
{
    static struct record record;
    off_t end = 0;
    for (*last = 0; holds(log, end, *last + 1); ++*last)
        end += make(&record, *last + 1);
    return end;
}

static void write_whole(int file, off_t offset, uint32_t number)
{
    static struct record record;
    size_t length = make(&record, number);
    if (pwrite(file, &record, length, offset) != (ssize_t)length)
        fail("write");
}

static void write_file(int folder, uint32_t number)
{
    char name[32], old[32];
    snprintf(name, sizeof name, "%u", number);
    int file = openat(folder, "new", O_CREAT | O_TRUNC | O_WRONLY, 0644);
    if (file < 0)
        fail("open");
    write_whole(file, 0, number);
    if (fsync(file) != 0)
        fail("fsync of a file");
    close(file);
    if (renameat(folder, "new", folder, name) != 0)
        fail("rename");
    if (number > KEPT) {
        snprintf(old, sizeof old, "%u", number - KEPT);
        unlinkat(folder, old, 0);
    }
    if (fsync(folder) != 0)
        fail("fsync of the folder");
}

static int has_file(int folder, uint32_t number)
{
    char name[32];
    snprintf(name, sizeof name, "%u", number);
    int file = openat(folder, name, O_RDONLY);
    int found = file >= 0 && holds(file, 0, number);
    if (file >= 0)
        close(file);
    return found;
}

int main(int count, char **arguments)
{
    if (count != 3 || (strcmp(arguments[1], "write") != 0 && strcmp(arguments[1], "check") != 0)) {
        fprintf(stderr, "records write|check FOLDER\n");
        return 2;
    }

    setvbuf(stdout, NULL, _IOLBF, 0);
    int folder = open(arguments[2], O_RDONLY | O_DIRECTORY);
    int log = folder < 0 ? -1 : openat(folder, "log", O_CREAT | O_RDWR, 0644);
    if (log < 0)
        fail("open");
    uint32_t last;
    off_t end = find_end(log, &last);
    if (strcmp(arguments[1], "check") == 0) {
        /* The record after the last may have been under way, and its old file gone already. */
        uint32_t missing = 0;
        for (uint32_t i = last > KEPT - FILE_STRIDE ? last - KEPT + FILE_STRIDE + 1 : 1; i < last; i++)
            missing += i % FILE_STRIDE == 0 && !has_file(folder, i);
        printf("HVSDK records_files_missing=%u\n", missing);
        printf("HVSDK records_last_file=%d\n", last % FILE_STRIDE != 0 || has_file(folder, last));
        printf("HVSDK records=%u\n", last);
        return 0;
    }

    for (;;) {
        static struct record record;
        write_whole(log, end, ++last);
        end += make(&record, last);
        if ((last % 2 == 0 ? fsync(log) : fdatasync(log)) != 0)
            fail("fsync of the log");
        if (last % FILE_STRIDE == 0)
            write_file(folder, last);
        printf("HVSDK record=%u\n", last);
    }
}
