/* The guest's EL1 state stays in the processor while its program is at EL2. What the library wrote goes in before a run, all of it
   comes out after. */
#include "el2.h"

/* For the library: what a processor has after its reset, and what it is. */
void registers_describe(void)
{
    struct board *b = board();
#define X(name, register, number) b->reset[LIVE_##name] = READ_REGISTER(register);
    LIVE_REGISTERS(X)
#undef X
#define X(name, register, number) b->identity[IDENTITY_##name] = READ_REGISTER(register);
    IDENTITY_REGISTERS(X)
#undef X
    for (unsigned level = 0; level < 8; level++)
    {
        for (unsigned kind = 0; kind < 2; kind++)
        {
            unsigned type = b->identity[IDENTITY_CLIDR_EL1] >> 3 * level & 7;
            if (type != 0)
            {
                WRITE_REGISTER(csselr_el1, level << 1 | (kind == 1 && (type == 1 || type == 3)));
                ISB();
                b->ccsidr[kind][level] = READ_REGISTER(ccsidr_el1);
            }
        }
    }
    b->ticks_per_second = READ_REGISTER(cntfrq_el0);
    b->ticks = READ_REGISTER(cntpct_el0);
}

void registers_load(struct mailbox *mailbox)
{
    uint64_t dirty = mailbox->live_dirty;
    if (dirty != 0)
    {
#define X(name, register, number)                                 \
    if (dirty >> LIVE_##name & 1)                                 \
    {                                                             \
        WRITE_REGISTER(register, mailbox->live[LIVE_##name]);     \
    }
        LIVE_REGISTERS(X)
#undef X
        mailbox->live_dirty = 0;
    }
    if (mailbox->fp_dirty)
    {
        fp_load(mailbox);
        mailbox->fp_dirty = 0;
    }
}

void registers_save(struct mailbox *mailbox)
{
#define X(name, register, number) mailbox->live[LIVE_##name] = READ_REGISTER(register);
    LIVE_REGISTERS(X)
#undef X
    fp_save(mailbox);
}
