/* Which interrupt a vCPU has, and who hears of it. */
#include "gic.h"
#include <string.h>

struct gic_word *gic_word(struct vcpu *vcpu, uint32_t intid) { return intid < PRIVATE_COUNT ? &vcpu->gic->word : &vm.gic->words[intid / 32]; }

void gic_reset_word(struct gic_word *word, bool is_private)
{
    memset(word, 0, sizeof *word);
    word->edge = is_private ? 0xFFFF : 0; /* SGIs */
}

/* As GICD_IROUTER has it: Aff3 in bits 39 to 32, the others in 23 to 0. */
uint64_t gic_affinity(const struct vcpu *vcpu) { return vcpu->mailbox->live[LIVE_MPIDR_EL1] & 0xFF00FFFFFFull; }

static uint32_t candidates(const struct gic_word *word) { return (word->latch | (word->line & ~word->edge)) & word->enabled & ~word->active; }

/* GICD_IROUTER.Interrupt_Routing_Mode: any will do; the first whose interface takes the group. */
static struct vcpu *any_target(bool is_group1)
{
    struct vcpu *first = NULL;
    for (unsigned cpu = FIRST_VCPU_CPU; cpu < MAX_CPUS; cpu++)
    {
        struct vcpu *vcpu = vm.vcpus[cpu];
        if (vcpu != NULL && vcpu->gic->enabled[is_group1])
        {
            return vcpu;
        }
        first = first == NULL ? vcpu : first;
    }
    return first;
}

static bool is_routed_to(const struct vcpu *vcpu, uint32_t intid, bool is_group1)
{
    uint64_t route = vm.gic->routes[intid];
    return intid < PRIVATE_COUNT || (route >> 31 & 1 ? any_target(is_group1) == vcpu : route == gic_affinity(vcpu));
}

struct gic_candidate gic_highest(struct vcpu *vcpu)
{
    struct gic_candidate best = {.intid = SPURIOUS, .priority = IDLE_PRIORITY};
    for (uint32_t w = 0; w < WORD_COUNT; w++)
    {
        const struct gic_word *word = gic_word(vcpu, w * 32);
        for (uint32_t left = candidates(word); left != 0; left &= left - 1)
        {
            uint32_t bit = (uint32_t)__builtin_ctz(left);
            bool is_group1 = word->group1 >> bit & 1;
            bool is_on = (vm.gic->control >> is_group1 & 1) && vcpu->gic->enabled[is_group1];
            if (is_on && word->priority[bit] < best.priority && is_routed_to(vcpu, w * 32 + bit, is_group1))
            {
                best = (struct gic_candidate){w * 32 + bit, word->priority[bit], is_group1};
            }
        }
    }
    return best;
}

uint32_t gic_running_priority(const struct gic_cpu *cpu)
{
    uint32_t active = cpu->active_priorities[0] | cpu->active_priorities[1];
    return active == 0 ? IDLE_PRIORITY : (uint32_t)__builtin_ctz(active) << 3;
}

/* ICC_CTLR_EL1.CBPR: one binary point for both. Group 1's counts one bit less. */
uint32_t gic_group_priority(const struct gic_cpu *cpu, uint8_t priority, bool is_group1)
{
    bool is_common = !is_group1 || (cpu->control & 1);
    uint32_t shift = is_common ? cpu->binary_point[0] + 1 : cpu->binary_point[1];
    return priority & (0xFFu << shift) & PRIORITY_MASK;
}

bool gic_is_signaled(struct vcpu *vcpu, const struct gic_candidate *candidate)
{
    return candidate->intid != SPURIOUS && candidate->priority < vcpu->gic->priority_mask &&
           gic_group_priority(vcpu->gic, candidate->priority, candidate->is_group1) < gic_running_priority(vcpu->gic);
}

void gic_pend(struct gic_word *word, uint32_t intid) { word->latch |= 1u << intid % 32; }

void gic_changed(struct vcpu *but)
{
    for (unsigned cpu = FIRST_VCPU_CPU; cpu < MAX_CPUS; cpu++)
    {
        struct vcpu *vcpu = vm.vcpus[cpu];
        if (vcpu == NULL || vcpu == but)
        {
            continue;
        }
        struct gic_candidate candidate = gic_highest(vcpu);
        if (gic_is_signaled(vcpu, &candidate))
        {
            vcpu_attention(vcpu);
        }
    }
}

/* ICC_SGI1R_EL1 and ICC_SGI0R_EL1: only interrupts of that group. */
void gic_send_sgi(struct vcpu *sender, uint64_t value, bool is_group1)
{
    uint32_t intid = value >> 24 & 0xF;
    uint64_t cluster = (value >> 48 & 0xFF) << 32 | (value >> 32 & 0xFF) << 16 | (value >> 16 & 0xFF) << 8;
    bool is_for_others = value >> 40 & 1;
    uint64_t first = (value >> 44 & 0xF) * 16; /* of the sixteen that the list names */
    for (unsigned cpu = FIRST_VCPU_CPU; cpu < MAX_CPUS; cpu++)
    {
        struct vcpu *vcpu = vm.vcpus[cpu];
        if (vcpu == NULL)
        {
            continue;
        }
        uint64_t affinity = gic_affinity(vcpu), last = affinity & 0xFF;
        bool is_listed = (affinity & ~0xFFull) == cluster && last >= first && last < first + 16 && (value >> (last - first) & 1);
        if ((is_for_others ? vcpu != sender : is_listed) && (vcpu->gic->word.group1 >> intid & 1) == is_group1)
        {
            gic_pend(&vcpu->gic->word, intid);
        }
    }
}

/* The timers' lines are levels; where one is up its interrupt at EL2 is of no use. */
static bool sample(struct vcpu *vcpu, uint64_t control, uint32_t intid)
{
    bool is_up = (control & 7) == 5; /* ENABLE and ISTATUS without IMASK */
    uint32_t bit = 1u << intid;
    vcpu->gic->word.line = is_up ? vcpu->gic->word.line | bit : vcpu->gic->word.line & ~bit;
    return is_up;
}

bool gic_signals(struct vcpu *vcpu, uint64_t *lines)
{
    struct mailbox *mailbox = vcpu->mailbox;
    mailbox->vtimer_masked = sample(vcpu, mailbox->live[LIVE_CNTV_CTL_EL0], INTID_VIRTUAL_TIMER);
    mailbox->ptimer_masked = sample(vcpu, mailbox->live[LIVE_CNTP_CTL_EL0], INTID_PHYSICAL_TIMER);
    struct gic_candidate candidate = gic_highest(vcpu);
    bool is_signaled = gic_is_signaled(vcpu, &candidate);
    *lines = !is_signaled ? 0 : candidate.is_group1 ? HCR_VI : HCR_VF;
    return is_signaled;
}
