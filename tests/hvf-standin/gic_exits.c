/* A guest's exits that are the GIC's business, and its sleep. */
#define _GNU_SOURCE
#include "gic.h"
#include <time.h>

enum { ISS_VALID = 1 << 24, ISS_S1PTW = 1 << 7, ISS_WRITE = 1 << 6, ISS_64_BITS = 1 << 15, ISS_SIGNED = 1 << 21 };

/* False: the frame is none of the GIC's, or has no such register; then the caller hears of it. */
static bool access_frame(uint64_t ipa, unsigned size, uint64_t *value, bool is_write)
{
    const struct gic *gic = vm.gic;
    if (ipa - gic->distributor < DISTRIBUTOR_SIZE)
    {
        return gic_distributor_access((uint32_t)(ipa - gic->distributor), size, value, is_write);
    }
    if (gic->msi != 0 && ipa - gic->msi < MSI_SIZE)
    {
        return gic_msi_access((uint32_t)(ipa - gic->msi), value, is_write);
    }
    uint64_t index = (ipa - gic->redistributor) / REDISTRIBUTOR_SIZE;
    struct vcpu *owner = ipa >= gic->redistributor && index < MAX_CPUS - FIRST_VCPU_CPU ? vm.vcpus[index + FIRST_VCPU_CPU] : NULL;
    return owner != NULL && gic_redistributor_access(owner, (uint32_t)((ipa - gic->redistributor) % REDISTRIBUTOR_SIZE), size, value, is_write);
}

static bool complete_access(struct vcpu *vcpu)
{
    struct mailbox *mailbox = vcpu->mailbox;
    uint64_t esr = mailbox->esr;
    bool is_write = (esr & ISS_WRITE) != 0;
    unsigned size = 1u << (esr >> 22 & 3), target = esr >> 16 & 0x1F;
    if (!(esr & ISS_VALID) || (esr & ISS_S1PTW))
    {
        return false;
    }
    uint64_t mask = size == 8 ? ~0ull : (1ull << 8 * size) - 1;
    uint64_t value = is_write && target != 31 ? mailbox->x[target] & mask : 0;
    if (!access_frame(fault_ipa(mailbox), size, &value, is_write))
    {
        return false;
    }
    if (!is_write && target != 31)
    {
        value &= mask;
        uint64_t sign = 1ull << (8 * size - 1);
        value = (esr & ISS_SIGNED) && (value & sign) ? value | ~mask : value;
        mailbox->x[target] = esr & ISS_64_BITS ? value : (uint32_t)value;
    }
    if (is_write)
    {
        gic_changed(vcpu);
    }
    mailbox->pc += 4;
    return true;
}

static bool complete_register(struct vcpu *vcpu)
{
    struct mailbox *mailbox = vcpu->mailbox;
    bool is_write = !(mailbox->esr & 1);
    unsigned target = mailbox->esr >> 5 & 0x1F;
    uint64_t value = is_write && target != 31 ? mailbox->x[target] : 0;
    if (!gic_interface_access(vcpu, trapped_register(mailbox->esr), &value, is_write))
    {
        return false;
    }
    if (!is_write && target != 31)
    {
        mailbox->x[target] = value;
    }
    mailbox->pc += 4;
    return true;
}

bool gic_exit(struct vcpu *vcpu)
{
    /* What the guest did to its timers counts for what it is told now. */
    uint64_t lines;
    gic_signals(vcpu, &lines);
    switch (esr_class(vcpu->mailbox->esr))
    {
        case EC_DATA_ABORT: return complete_access(vcpu);
        case EC_SYSTEM_REGISTER: return complete_register(vcpu);
        default: return false;
    }
}

/* Ticks of mach_absolute_time() until a timer expires; UINT64_MAX where it does not. */
static uint64_t ticks_until(uint64_t control, uint64_t value, uint64_t now)
{
    bool is_on = (control & 3) == 1; /* ENABLE without IMASK */
    return !is_on ? UINT64_MAX : value > now ? value - now : 0;
}

static uint64_t ticks_to_timers(const struct vcpu *vcpu)
{
    const uint64_t *live = vcpu->mailbox->live;
    uint64_t now = mach_absolute_time();
    uint64_t v = ticks_until(live[LIVE_CNTV_CTL_EL0], live[LIVE_CNTV_CVAL_EL0], now - vcpu->vtimer_offset);
    uint64_t p = ticks_until(live[LIVE_CNTP_CTL_EL0], live[LIVE_CNTP_CVAL_EL0], now - (uint64_t)machine.counter_lead);
    return v < p ? v : p;
}

/* A timer that expires ends the sleep, and is told when it interrupts the guest: WFI may end for nothing. */
bool gic_wait(struct vcpu *vcpu)
{
    uint64_t lines;
    while (!gic_signals(vcpu, &lines))
    {
        if (atomic_load(&vcpu->cancel))
        {
            return false;
        }
        uint64_t ticks = ticks_to_timers(vcpu);
        if (ticks == UINT64_MAX)
        {
            pthread_cond_wait(&vcpu->wake, &vm_lock);
            continue;
        }
        uint64_t limit = 3600ull * 62500000; /* an hour */
        uint64_t nanoseconds = (mach_absolute_time() + (ticks < limit ? ticks : limit)) * 16;
        struct timespec until = {(time_t)(nanoseconds / 1000000000), (long)(nanoseconds % 1000000000)};
        if (ticks == 0 || pthread_cond_clockwait(&vcpu->wake, &vm_lock, CLOCK_MONOTONIC, &until) != 0)
        {
            return true;
        }
    }
    return true;
}
