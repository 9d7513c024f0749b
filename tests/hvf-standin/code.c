/* R-MEM-11: QEMU translates a page of code once, and sees the guest's writes to it, but none of this process. So a page can be executed only after
   the EL2 program has noted it; a copy of what it held is kept, and compared before each run. What differs is translated anew. */
#include "standin.h"
#include <stdlib.h>
#include <string.h>

enum { LINE = 64, CHECKED_PER_RUN = 64 };

static struct
{
    uint64_t page;
    uint8_t *copy;
} *pages;
static size_t count, capacity, next_checked;
static uint32_t *places; /* by page of the machine: one more than its index in pages */

void code_reset(void)
{
    for (size_t i = 0; i < count; i++)
    {
        free(pages[i].copy);
    }
    count = 0;
    free(places);
    places = NULL;
}

static void *need(void *memory)
{
    if (memory == NULL)
    {
        abort();
    }
    return memory;
}

static void admit(uint64_t page)
{
    places = places != NULL ? places : need(calloc(machine.size / PAGE_SIZE_4K, sizeof places[0]));
    if (places[page / PAGE_SIZE_4K] != 0)
    {
        return;
    }
    if (count == capacity)
    {
        capacity = capacity == 0 ? 64 : capacity * 2;
        pages = need(realloc(pages, capacity * sizeof pages[0]));
    }
    pages[count].page = page;
    pages[count].copy = need(malloc(PAGE_SIZE_4K));
    memcpy(pages[count].copy, machine.ram + page, PAGE_SIZE_4K);
    places[page / PAGE_SIZE_4K] = (uint32_t)++count;
}

void code_admit(const struct mailbox *mailbox)
{
    for (uint32_t i = 0; i < mailbox->code_page_count; i++)
    {
        admit(mailbox->code_pages[i]);
    }
}

static void retranslate(uint64_t page, uint64_t lines)
{
    struct mailbox *mailbox = mailbox_of(SERVICE_CPU);
    mailbox->page = page;
    mailbox->lines = lines;
    service(COMMAND_RETRANSLATE);
}

static void check(size_t i)
{
    const uint8_t *now = machine.ram + pages[i].page;
    if (memcmp(now, pages[i].copy, PAGE_SIZE_4K) == 0)
    {
        return;
    }
    uint64_t lines = 0;
    for (unsigned line = 0; line < PAGE_SIZE_4K / LINE; line++)
    {
        lines |= memcmp(now + line * LINE, pages[i].copy + line * LINE, LINE) == 0 ? 0 : 1ull << line;
    }
    memcpy(pages[i].copy, now, PAGE_SIZE_4K);
    retranslate(pages[i].page, lines);
}

void code_check(void)
{
    for (size_t n = 0; n < count && n < CHECKED_PER_RUN; n++)
    {
        next_checked = next_checked + 1 < count ? next_checked + 1 : 0;
        check(next_checked);
    }
}

/* The page will hold something else for somebody else. */
void code_forget(uint64_t page)
{
    uint32_t place = places == NULL ? 0 : places[page / PAGE_SIZE_4K];
    if (place == 0)
    {
        return;
    }
    retranslate(page, ~0ull);
    free(pages[place - 1].copy);
    pages[place - 1] = pages[--count];
    places[pages[place - 1].page / PAGE_SIZE_4K] = place;
    places[page / PAGE_SIZE_4K] = 0;
}
