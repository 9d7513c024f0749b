/* Start of each processor, and its wait for commands. */
#include "el2.h"

static void await_command(unsigned cpu, struct mailbox *mailbox)
{
    for (;;)
    {
        for (uint32_t i = 0; i < mailbox->spin; i++)
        {
            if (__atomic_load_n(&mailbox->command, __ATOMIC_ACQUIRE) != COMMAND_NONE)
            {
                return;
            }
        }
        /* The library rings when it finds us asleep after it has written its command. */
        __atomic_store_n(&mailbox->cpu_sleeps, 1, __ATOMIC_SEQ_CST);
        FULL_BARRIER();
        if (__atomic_load_n(&mailbox->command, __ATOMIC_ACQUIRE) == COMMAND_NONE)
        {
            __asm__ volatile("wfi" ::: "memory");
        }
        __atomic_store_n(&mailbox->cpu_sleeps, 0, __ATOMIC_SEQ_CST);
        interrupts_take(cpu);
        if (__atomic_load_n(&mailbox->command, __ATOMIC_ACQUIRE) != COMMAND_NONE)
        {
            return;
        }
    }
}

static void complete(unsigned cpu, struct mailbox *mailbox)
{
    __atomic_store_n(&mailbox->command, COMMAND_NONE, __ATOMIC_RELEASE);
    FULL_BARRIER();
    if (__atomic_load_n(&mailbox->host_sleeps, __ATOMIC_SEQ_CST))
    {
        doorbell_ring(cpu);
    }
}

static void serve(unsigned cpu)
{
    struct mailbox *mailbox = mailbox_of(cpu);
    for (;;)
    {
        await_command(cpu, mailbox);
        switch (mailbox->command)
        {
            case COMMAND_RUN:
                run(cpu, mailbox);
                break;
            case COMMAND_FLUSH:
                service_flush(mailbox);
                break;
            case COMMAND_RETRANSLATE:
                service_retranslate(mailbox);
                break;
        }
        complete(cpu, mailbox);
    }
}

/* Reached through the vectors: the program is wrong. */
void el2_fault(void)
{
    struct board *b = board();
    b->fault_esr = READ_REGISTER(esr_el2);
    b->fault_elr = READ_REGISTER(elr_el2);
    b->fault_far = READ_REGISTER(far_el2);
    b->faulted_cpu = READ_REGISTER(mpidr_el1) & 0xFF;
    __atomic_store_n(&b->is_faulted, 1, __ATOMIC_SEQ_CST);
    doorbell_ring(b->faulted_cpu);
    for (;;)
    {
        __asm__ volatile("wfi");
    }
}

void cpu_main(unsigned cpu)
{
    if (cpu == SERVICE_CPU)
    {
        interrupts_start_distributor();
        doorbells_start();
    }
    interrupts_start_cpu(cpu);
    WRITE_REGISTER(cptr_el2, 0x33FF); /* traps no floating point (Arm ARM D19.2.34) */
    WRITE_REGISTER(hstr_el2, 0);
    WRITE_REGISTER(oslar_el1, 0); /* locked after a reset: no breakpoints, no single step */
    ISB();
    if (cpu == SERVICE_CPU)
    {
        registers_describe();
        for (unsigned other = FIRST_VCPU_CPU; other < board()->cpu_count; other++)
        {
            psci_cpu_on(other, secondary_start);
        }
    }
    if (__atomic_add_fetch(&board()->ready_count, 1, __ATOMIC_SEQ_CST) == board()->cpu_count)
    {
        doorbell_ring(SERVICE_CPU);
    }
    serve(cpu);
}
