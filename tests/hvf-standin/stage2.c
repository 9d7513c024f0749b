/* Stage-2 tables in the machine's RAM: 4 KiB pages, levels 1 to 3, two tables side by side at level 1 (Arm ARM D8.2). Made here, walked by QEMU. */
#include "standin.h"
#include <string.h>

enum { TOP_SIZE = 2 * PAGE_SIZE_4K, ENTRY_VALID_TABLE = 3 };

static uint64_t next_table = TABLES_OFFSET + TOP_SIZE;

void stage2_reset(void)
{
    memset(machine.ram + TABLES_OFFSET, 0, next_table - TABLES_OFFSET);
    next_table = TABLES_OFFSET + TOP_SIZE;
}

static bool make_table(uint64_t *entry)
{
    if (next_table + PAGE_SIZE_4K > PAGES_OFFSET)
    {
        return false;
    }
    __atomic_store_n(entry, (RAM_BASE + next_table) | ENTRY_VALID_TABLE, __ATOMIC_SEQ_CST);
    next_table += PAGE_SIZE_4K;
    return true;
}

uint64_t *stage2_descriptor(uint64_t ipa, bool make)
{
    uint64_t *entry = (uint64_t *)(machine.ram + TABLES_OFFSET) + (ipa >> 30 & 0x3FF);
    for (int shift = 21; shift >= 12; shift -= 9)
    {
        if (*entry == 0 && !(make && make_table(entry)))
        {
            return NULL;
        }
        uint64_t *table = (uint64_t *)(machine.ram + ((*entry & PTE_ADDRESS) - RAM_BASE));
        entry = table + (ipa >> shift & 0x1FF);
    }
    return entry;
}

uint64_t stage2_make(uint64_t page, uint64_t flags)
{
    uint64_t descriptor = (RAM_BASE + page) | PTE_VALID | PTE_NORMAL_MEMORY | PTE_INNER_SHAREABLE | PTE_ACCESSED | PTE_NEVER_EXECUTE;
    descriptor |= flags & HV_MEMORY_READ ? PTE_READ : 0;
    descriptor |= flags & HV_MEMORY_WRITE ? PTE_WRITE : 0;
    descriptor |= flags & HV_MEMORY_EXEC ? PTE_MAY_EXECUTE : 0;
    return descriptor;
}
