/* R-MEM-08: the caller's memory becomes the machine's: parts of the machine's file are mapped over it, with what it holds. There they
   stay, in use or not, until the caller is found to have unmapped them; only where memory was shared with another mapping, that one
   comes back after the last use. */
#define _GNU_SOURCE
#include "standin.h"
#include "areas.h"
#include "extents.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A part of this process' memory that is the machine's. */
struct span
{
    uint8_t *host;
    uint64_t size;
    uint64_t page;     /* offset in the file */
    int protection;
    uint8_t *original; /* where the caller's was shared with somebody: its second mapping, to be put back */
};

static struct span *spans; /* by address */
static size_t span_count, span_capacity;
static uint16_t *uses; /* of each page of the file, by maps */
static uint64_t page_count;

static void prepare(void)
{
    if (uses == NULL)
    {
        page_count = machine.size / PAGE_SIZE_4K;
        uses = calloc(page_count, sizeof uses[0]);
        if (uses == NULL)
        {
            abort();
        }
        extents_reset(PAGES_OFFSET, machine.size);
    }
}

void pages_reset(void)
{
    free(uses);
    uses = NULL;
    span_count = 0;
}

/* The first span that ends after this address. */
static size_t span_at(const uint8_t *host)
{
    size_t i = 0;
    while (i < span_count && spans[i].host + spans[i].size <= host)
    {
        i++;
    }
    return i;
}

static void insert_span(size_t at, struct span span)
{
    if (span_count == span_capacity)
    {
        span_capacity = span_capacity == 0 ? 64 : span_capacity * 2;
        spans = realloc(spans, span_capacity * sizeof spans[0]);
        if (spans == NULL)
        {
            abort();
        }
    }
    memmove(&spans[at + 1], &spans[at], (span_count++ - at) * sizeof spans[0]);
    spans[at] = span;
}

static bool is_zero(const uint8_t *page)
{
    const uint64_t *words = (const uint64_t *)page;
    for (size_t i = 0; i < PAGE_SIZE_4K / 8; i++)
    {
        if (words[i] != 0)
        {
            return false;
        }
    }
    return true;
}

/* To memory that is all zero. Pages that were never touched stay so. */
static void copy_in(uint8_t *to, const uint8_t *from, uint64_t size, const struct area *area)
{
    uint64_t entries[512];
    for (uint64_t done = 0; done < size; done += sizeof entries / sizeof entries[0] * PAGE_SIZE_4K)
    {
        uint64_t part = size - done < 512 * PAGE_SIZE_4K ? size - done : 512 * PAGE_SIZE_4K;
        bool knows = !area->is_shared && area->inode == 0 && area_page_entries(from + done, part / PAGE_SIZE_4K, entries);
        for (uint64_t at = 0; at < part; at += PAGE_SIZE_4K)
        {
            bool is_untouched = knows && (entries[at / PAGE_SIZE_4K] & (AREA_PAGE_PRESENT | AREA_PAGE_SWAPPED)) == 0;
            if (!is_untouched && !is_zero(from + done + at))
            {
                memcpy(to + done + at, from + done + at, PAGE_SIZE_4K);
            }
        }
    }
}

/* From the file, whose holes are skipped, to memory that is zero there or is to be. */
static void copy_out(uint8_t *to, uint64_t page, uint64_t size, bool is_zeroed)
{
    uint64_t end = page + size;
    for (uint64_t at = page; at < end;)
    {
        off_t data = lseek(machine.fd, (off_t)at, SEEK_DATA);
        uint64_t from = data < 0 || (uint64_t)data > end ? end : (uint64_t)data;
        if (!is_zeroed)
        {
            memset(to + (at - page), 0, from - at);
        }
        if (from == end)
        {
            return;
        }
        off_t hole = lseek(machine.fd, (off_t)from, SEEK_HOLE);
        uint64_t until = hole < 0 || (uint64_t)hole > end ? end : (uint64_t)hole;
        memcpy(to + (from - page), machine.ram + from, until - from);
        at = until;
    }
}

/* Whether what is mapped there is this span's. */
static bool is_of_span(const struct area *area, const struct span *span)
{
    return area_is_of_file(area, machine.fd) && area->offset - span->page == (uint64_t)(area->start - span->host);
}

static bool take_new(uint8_t *host, uint64_t size, size_t at, size_t *part)
{
    struct area area;
    if (!area_find(host, &area) || !(area.protection & PROT_READ))
    {
        return false;
    }
    uint64_t available = (uint64_t)(area.end - host);
    size = size < available ? size : available;
    if (at < span_count && spans[at].host < host + size)
    {
        size = (uint64_t)(spans[at].host - host);
    }
    struct span span = {.host = host, .size = size, .protection = area.protection};
    if (!extents_take(size, &span.page))
    {
        return false;
    }
    copy_in(machine.ram + span.page, host, size, &area);
    if (area.is_shared)
    {
        span.original = mremap(host, 0, size, MREMAP_MAYMOVE); /* a second mapping of the same */
        span.original = span.original == MAP_FAILED ? NULL : span.original;
    }
    if (mmap(host, size, area.protection, MAP_SHARED | MAP_FIXED | MAP_NORESERVE, machine.fd, (off_t)span.page) == MAP_FAILED)
    {
        extents_free(span.page, size);
        return false;
    }
    insert_span(at, span);
    *part = size;
    return true;
}

bool pages_take(uint8_t *host, size_t size, uint64_t *page, size_t *part)
{
    prepare();
    size_t at = span_at(host);
    bool is_known = at < span_count && spans[at].host <= host;
    struct area area;
    if (is_known && !(area_find(host, &area) && is_of_span(&area, &spans[at])))
    {
        return false; /* the caller has unmapped what a guest has still */
    }
    if (is_known)
    {
        uint64_t left = (uint64_t)(spans[at].host + spans[at].size - host);
        *part = size < left ? size : left;
    }
    else if (!take_new(host, size, at, part))
    {
        return false;
    }
    *page = spans[at].page + (uint64_t)(host - spans[at].host);
    return true;
}

void pages_use(uint64_t page) { uses[page / PAGE_SIZE_4K]++; }

bool pages_drop(uint64_t page, uint8_t **host)
{
    if (--uses[page / PAGE_SIZE_4K] != 0)
    {
        return false;
    }
    for (size_t i = 0; i < span_count; i++)
    {
        if (page >= spans[i].page && page < spans[i].page + spans[i].size)
        {
            *host = spans[i].host + (page - spans[i].page);
            return true;
        }
    }
    return false;
}

static void put_back_part(const struct span *span, uint8_t *host, uint64_t size)
{
    uint64_t page = span->page + (uint64_t)(host - span->host);
    uint8_t *fresh = span->original != NULL ? span->original + (host - span->host)
                                            : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (fresh == MAP_FAILED)
    {
        abort();
    }
    if (span->original == NULL || (span->protection & PROT_WRITE))
    {
        copy_out(fresh, page, size, span->original == NULL);
    }
    mprotect(fresh, size, span->protection);
    if (mremap(fresh, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, host) == MAP_FAILED)
    {
        abort();
    }
}

static void put_back(const struct span *span, uint8_t *host, uint64_t size)
{
    struct area area;
    for (uint8_t *end = host + size; host < end && area_find_next(host, &area) && area.start < end; host = area.end)
    {
        uint8_t *from = area.start > host ? area.start : host, *until = area.end < end ? area.end : end;
        if (is_of_span(&area, span)) /* R-MEM-10: only where the caller has not unmapped it meanwhile */
        {
            put_back_part(span, from, (uint64_t)(until - from));
        }
    }
}

/* Makes a part of a span free for others. */
static void release(uint8_t *host, uint64_t size)
{
    size_t at = span_at(host);
    struct span span = spans[at];
    uint64_t before = (uint64_t)(host - span.host), page = span.page + before;
    for (uint64_t i = 0; i < size; i += PAGE_SIZE_4K)
    {
        code_forget(page + i);
    }
    fallocate(machine.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)page, (off_t)size);
    extents_free(page, size);
    memmove(&spans[at], &spans[at + 1], (--span_count - at) * sizeof spans[0]);
    if (before + size < span.size)
    {
        uint64_t skipped = before + size;
        insert_span(at, (struct span){span.host + skipped, span.size - skipped, span.page + skipped, span.protection,
                                      span.original == NULL ? NULL : span.original + skipped});
    }
    if (before != 0)
    {
        insert_span(at, (struct span){span.host, before, span.page, span.protection, span.original});
    }
}

void pages_give_back(uint8_t *host, size_t size)
{
    while (size != 0)
    {
        size_t at = span_at(host);
        uint64_t left = (uint64_t)(spans[at].host + spans[at].size - host);
        uint64_t part = size < left ? size : left;
        if (spans[at].original != NULL)
        {
            put_back(&spans[at], host, part);
            release(host, part);
        }
        host += part;
        size -= part;
    }
}

static void release_unused(const struct span *span, uint8_t *from, uint8_t *until)
{
    while (from < until)
    {
        uint8_t *end = from;
        while (end < until && uses[(span->page + (uint64_t)(end - span->host)) / PAGE_SIZE_4K] == 0)
        {
            end += PAGE_SIZE_4K;
        }
        if (end != from)
        {
            release(from, (uint64_t)(end - from));
        }
        from = end + PAGE_SIZE_4K; /* one that is in use, or the end */
    }
}

/* What the caller has unmapped, and no guest has, is free. */
void pages_collect(void)
{
    for (size_t i = span_count; i-- > 0;)
    {
        struct span span = spans[i];
        for (uint8_t *at = span.host, *end = span.host + span.size; at < end;)
        {
            struct area area;
            bool is_any = area_find_next(at, &area);
            bool is_there = is_any && area.start <= at;
            uint8_t *until = !is_any ? end : is_there ? area.end : area.start;
            until = until < end ? until : end;
            if (!is_there || !is_of_span(&area, &span))
            {
                release_unused(&span, at, until);
            }
            at = until;
        }
    }
}
