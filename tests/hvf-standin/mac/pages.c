/* R-MEM-13: a Mac's pages have 16 KiB, so what it maps begins at a multiple of that; here files would not. Preloaded into a process that maps files for its guests. */
#define _GNU_SOURCE
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MAC_PAGE = 16384 };

static void *map(void *address, size_t length, int protection, int flags, int file, off_t offset)
{
    return (void *)syscall(SYS_mmap, address, length, protection, flags, file, offset);
}

void *mmap(void *address, size_t length, int protection, int flags, int file, off_t offset)
{
    if (file < 0 || address != NULL || length < MAC_PAGE || (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_32BIT | MAP_GROWSDOWN)) != 0)
    {
        return map(address, length, protection, flags, file, offset);
    }
    /* A place that is long enough in any case; what lies around the aligned part of it goes back. */
    size_t size = (length + MAC_PAGE - 1) / MAC_PAGE * MAC_PAGE;
    uint8_t *place = map(NULL, size + MAC_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (place == MAP_FAILED)
    {
        return MAP_FAILED;
    }
    uint8_t *start = (uint8_t *)(((uintptr_t)place + MAC_PAGE - 1) / MAC_PAGE * MAC_PAGE);
    if (start != place)
    {
        munmap(place, (size_t)(start - place));
    }
    munmap(start + size, (size_t)(place + MAC_PAGE - start));
    void *mapped = map(start, length, protection, flags | MAP_FIXED, file, offset);
    if (mapped == MAP_FAILED)
    {
        munmap(start, size);
    }
    return mapped;
}

void *mmap64(void *address, size_t length, int protection, int flags, int file, off_t offset) __attribute__((alias("mmap")));
