/* Which parts of the machine's RAM are free for pages of guests: the first that is large enough is taken. */
#include "extents.h"
#include <stdlib.h>
#include <string.h>

static struct
{
    uint64_t start, size;
} *extents;
static size_t count, capacity;

void extents_reset(uint64_t start, uint64_t end)
{
    count = 0;
    extents_free(start, end - start);
}

bool extents_take(uint64_t size, uint64_t *start)
{
    for (size_t i = 0; i < count; i++)
    {
        if (extents[i].size >= size)
        {
            *start = extents[i].start;
            extents[i].start += size;
            extents[i].size -= size;
            if (extents[i].size == 0)
            {
                memmove(&extents[i], &extents[i + 1], (--count - i) * sizeof extents[0]);
            }
            return true;
        }
    }
    return false;
}

void extents_free(uint64_t start, uint64_t size)
{
    size_t i = 0;
    while (i < count && extents[i].start < start)
    {
        i++;
    }
    bool joins_before = i > 0 && extents[i - 1].start + extents[i - 1].size == start;
    bool joins_after = i < count && start + size == extents[i].start;
    if (joins_before)
    {
        extents[i - 1].size += size;
        if (joins_after)
        {
            extents[i - 1].size += extents[i].size;
            memmove(&extents[i], &extents[i + 1], (--count - i) * sizeof extents[0]);
        }
        return;
    }
    if (joins_after)
    {
        extents[i].start = start;
        extents[i].size += size;
        return;
    }
    if (count == capacity)
    {
        capacity = capacity == 0 ? 64 : capacity * 2;
        extents = realloc(extents, capacity * sizeof extents[0]);
        if (extents == NULL)
        {
            abort();
        }
    }
    memmove(&extents[i + 1], &extents[i], (count++ - i) * sizeof extents[0]);
    extents[i].start = start;
    extents[i].size = size;
}
