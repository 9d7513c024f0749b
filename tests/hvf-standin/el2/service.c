/* Processor 0: what concerns all vCPUs, while they may be in the guest. */
#include "el2.h"

void service_flush(const struct mailbox *mailbox)
{
    WRITE_REGISTER(vtcr_el2, mailbox->vtcr);
    WRITE_REGISTER(vttbr_el2, mailbox->vttbr);
    WRITE_REGISTER(hcr_el2, mailbox->hcr);
    ISB();
    DSB();
    __asm__ volatile("tlbi vmalls12e1is");
    DSB();
    ISB();
    board()->ticks = READ_REGISTER(cntpct_el0);
}

/* QEMU forgets its translation of an instruction when a processor writes to it, and sees nothing of what the library writes. So each word is
   written with what it holds, by an addition that cannot lose what a guest writes at the same time. */
void service_retranslate(const struct mailbox *mailbox)
{
    uint64_t line = RAM_BASE + mailbox->page;
    for (uint64_t lines = mailbox->lines; lines != 0; lines >>= 1, line += 64)
    {
        for (uint64_t word = line; (lines & 1) != 0 && word < line + 64; word += 8)
        {
            __asm__ volatile("stadd xzr, [%0]" ::"r"(word) : "memory");
        }
    }
    DSB();
}
