/* What is mapped where in this process: /proc/self/maps and pagemap. */
#define _GNU_SOURCE
#include "areas.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

bool area_find_next(const uint8_t *address, struct area *area)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[512];
    bool is_found = false;
    while (maps != NULL && !is_found && fgets(line, sizeof line, maps) != NULL)
    {
        unsigned long start, end, offset, inode;
        char access[5];
        if (sscanf(line, "%lx-%lx %4s %lx %*s %lu", &start, &end, access, &offset, &inode) == 5 && (uintptr_t)address < end)
        {
            area->start = (uint8_t *)start;
            area->end = (uint8_t *)end;
            area->offset = offset;
            area->protection = (access[0] == 'r' ? PROT_READ : 0) | (access[1] == 'w' ? PROT_WRITE : 0);
            area->protection |= access[2] == 'x' ? PROT_EXEC : 0;
            area->is_shared = access[3] == 's';
            area->inode = inode;
            is_found = true;
        }
    }
    if (maps != NULL)
    {
        fclose(maps);
    }
    return is_found;
}

bool area_find(const uint8_t *address, struct area *area) { return area_find_next(address, area) && area->start <= address; }

bool area_is_of_file(const struct area *area, int fd)
{
    struct stat file;
    return area->is_shared && fstat(fd, &file) == 0 && area->inode == file.st_ino;
}

bool area_page_entries(const uint8_t *address, uint64_t count, uint64_t *entries)
{
    int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : pread(fd, entries, count * 8, (off_t)((uintptr_t)address / 4096 * 8));
    if (fd >= 0)
    {
        close(fd);
    }
    return size == (ssize_t)(count * 8);
}
