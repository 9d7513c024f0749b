/* A run: into the guest, until there is something to tell. */
#include "el2.h"

enum
{
    EC_SHIFT = 26, EC_INSTRUCTION_ABORT_LOWER = 0x20, FAULT_STATUS = 0x3F, PERMISSION_LEVEL_3 = 0x0F, ISS_S1PTW = 1 << 7
};
#define HCR_VIRTUAL_LINES (7ull << 6) /* VF, VI and VSE of HCR_EL2 */

static uint64_t *descriptor_of(const struct mailbox *mailbox, uint64_t ipa)
{
    uint64_t *table = (uint64_t *)(mailbox->vttbr & PTE_ADDRESS);
    uint64_t entry = table[ipa >> 30 & 0x3FF]; /* two tables side by side: 40 bits */
    for (int shift = 21; (entry & 1) != 0; shift -= 9)
    {
        uint64_t *next = (uint64_t *)(entry & PTE_ADDRESS) + (ipa >> shift & 0x1FF);
        if (shift == 12)
        {
            return next;
        }
        entry = *next;
    }
    return NULL;
}

/* A page that may be executed is executed for the first time, or another processor was as fast: the guest goes on. False: it may not be. */
static bool admit_code_page(struct mailbox *mailbox)
{
    uint64_t esr = mailbox->esr;
    if (esr >> EC_SHIFT != EC_INSTRUCTION_ABORT_LOWER || (esr & FAULT_STATUS) != PERMISSION_LEVEL_3 || (esr & ISS_S1PTW) != 0)
    {
        return false;
    }
    uint64_t *descriptor = descriptor_of(mailbox, (mailbox->hpfar & ~0xFull) << 8);
    if (descriptor == NULL)
    {
        return false;
    }
    uint64_t value = __atomic_load_n(descriptor, __ATOMIC_SEQ_CST);
    while ((value & PTE_VALID) == PTE_VALID && (value & PTE_MAY_EXECUTE) != 0 && (value & PTE_NEVER_EXECUTE) != 0)
    {
        if (__atomic_compare_exchange_n(descriptor, &value, value & ~PTE_NEVER_EXECUTE, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        {
            mailbox->code_pages[mailbox->code_page_count++] = (value & PTE_ADDRESS) - RAM_BASE;
            break;
        }
    }
    DSB();
    __asm__ volatile("tlbi vmalls12e1");
    DSB();
    ISB();
    return (value & PTE_VALID) != PTE_VALID || (value & PTE_MAY_EXECUTE) != 0; /* not valid any more: the guest finds that out itself */
}

/* Whether the run ends with this exception; mailbox->exit tells how. */
static bool tell(unsigned cpu, struct mailbox *mailbox, enum vector vector)
{
    if (vector == VECTOR_SYNCHRONOUS)
    {
        if (admit_code_page(mailbox))
        {
            mailbox->exit = EXIT_CODE_PAGES;
            return mailbox->code_page_count == CODE_PAGE_SLOTS;
        }
        mailbox->exit = EXIT_EXCEPTION;
        return true;
    }
    if (vector == VECTOR_SERROR)
    {
        mailbox->exit = EXIT_SERROR;
        return true;
    }
    unsigned timers = interrupts_take(cpu);
    if ((timers & TIMER_VIRTUAL) && !mailbox->vtimer_masked)
    {
        mailbox->vtimer_masked = 1;
        mailbox->exit = EXIT_VTIMER;
        return true;
    }
    if ((timers & TIMER_PHYSICAL) && !mailbox->ptimer_masked)
    {
        mailbox->ptimer_masked = 1;
        mailbox->exit = EXIT_PTIMER;
        return true;
    }
    return false;
}

static void configure(unsigned cpu, const struct mailbox *mailbox)
{
    WRITE_REGISTER(vtcr_el2, mailbox->vtcr);
    if (READ_REGISTER(vttbr_el2) != mailbox->vttbr)
    {
        WRITE_REGISTER(vttbr_el2, mailbox->vttbr);
    }
    WRITE_REGISTER(hcr_el2, mailbox->hcr);
    WRITE_REGISTER(mdcr_el2, mailbox->mdcr | (READ_REGISTER(mdcr_el2) & 0x1F)); /* HPMN stays */
    WRITE_REGISTER(cntvoff_el2, mailbox->cntvoff);
    WRITE_REGISTER(cnthctl_el2, mailbox->cnthctl);
    WRITE_REGISTER(S3_4_C12_C11_0, 1 << 10 | 1 << 11 | 1 << 12 | 1 << 14); /* ICH_HCR_EL2.{TC,TALL0,TALL1,TDIR}: a guest's ICC_* trap */
    timers_enable(cpu, (mailbox->vtimer_masked ? 0 : TIMER_VIRTUAL) | (mailbox->ptimer_masked ? 0 : TIMER_PHYSICAL));
    ISB();
}

void run(unsigned cpu, struct mailbox *mailbox)
{
    mailbox->code_page_count = 0;
    registers_load(mailbox);
    configure(cpu, mailbox);
    enum vector vector;
    do
    {
        if (__atomic_exchange_n(&mailbox->attention, 0, __ATOMIC_SEQ_CST))
        {
            mailbox->exit = EXIT_ATTENTION;
            break;
        }
        uint64_t entered = READ_REGISTER(cntpct_el0);
        vector = guest_enter(mailbox);
        mailbox->exec_ticks += READ_REGISTER(cntpct_el0) - entered;
    } while (!tell(cpu, mailbox, vector));
    registers_save(mailbox);
    WRITE_REGISTER(hcr_el2, mailbox->hcr & ~HCR_VIRTUAL_LINES); /* a virtual line would not let the processor sleep */
    ISB();
}
