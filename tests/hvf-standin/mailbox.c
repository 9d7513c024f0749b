/* Commands to the EL2 program. Both sides look for a while and then sleep; who finds the other asleep rings. */
#include "standin.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

void mailbox_ring(unsigned cpu)
{
    char any = 1;
    /* A full buffer means that it has been rung enough. */
    (void)!send(machine.doorbells[cpu], &any, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void mailbox_post(unsigned cpu, enum command command)
{
    struct mailbox *mailbox = mailbox_of(cpu);
    __atomic_store_n(&mailbox->command, command, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&mailbox->cpu_sleeps, __ATOMIC_SEQ_CST))
    {
        mailbox_ring(cpu);
    }
}

static bool is_done(struct mailbox *mailbox) { return __atomic_load_n(&mailbox->command, __ATOMIC_ACQUIRE) == COMMAND_NONE; }

static bool has_failed(void)
{
    struct board *b = board();
    if (__atomic_load_n(&b->is_faulted, __ATOMIC_ACQUIRE))
    {
        fprintf(stderr, "hvf-standin: the EL2 program is wrong: processor %u, ESR 0x%llx, ELR 0x%llx, FAR 0x%llx\n", b->faulted_cpu,
                (unsigned long long)b->fault_esr, (unsigned long long)b->fault_elr, (unsigned long long)b->fault_far);
        return true;
    }
    return atomic_load(&machine.is_dead) != 0;
}

bool mailbox_wait(unsigned cpu)
{
    struct mailbox *mailbox = mailbox_of(cpu);
    for (uint64_t i = 0; i < switches.host_spin; i++)
    {
        if (is_done(mailbox))
        {
            return true;
        }
        __builtin_ia32_pause();
    }
    bool is_alive = true;
    __atomic_store_n(&mailbox->host_sleeps, 1, __ATOMIC_SEQ_CST);
    while (!is_done(mailbox) && is_alive)
    {
        char bytes[64];
        ssize_t size = read(machine.doorbells[cpu], bytes, sizeof bytes);
        is_alive = (size > 0 || (size < 0 && errno == EINTR)) && !has_failed();
    }
    __atomic_store_n(&mailbox->host_sleeps, 0, __ATOMIC_SEQ_CST);
    if (!is_alive)
    {
        atomic_store(&machine.is_lost, 1);
    }
    return is_alive;
}
