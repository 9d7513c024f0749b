/* R-RUN: a run, and R-EXIT: what the caller hears of its end. */
#include "standin.h"
#include <string.h>

/* R-EXIT-02: what a reason does not define is spoiled. */
static void spoil(hv_vcpu_exit_t *exit) { memset(exit, switches.poison ? 0xCC : 0, sizeof *exit); }

static void prepare(struct vcpu *vcpu)
{
    struct mailbox *mailbox = vcpu->mailbox;
    mailbox->hcr = HCR_VM | HCR_SWIO | HCR_FMO | HCR_IMO | HCR_AMO | HCR_TWI | HCR_TWE | HCR_TID3 | HCR_TSC | HCR_RW | vcpu->pending;
    mailbox->mdcr = MDCR_TPMCR | MDCR_TPM | MDCR_TDOSA | (vcpu->traps_debug_exceptions ? MDCR_TDE : 0) | (vcpu->traps_debug_registers ? MDCR_TDA : 0);
    mailbox->cnthctl = vm.gic == NULL ? 0 : CNTHCTL_EL1PCTEN | CNTHCTL_EL1PCEN; /* R-TIME-05 */
    mailbox->cntvoff = timer_cntvoff(vcpu);
    mailbox->vtimer_masked = vcpu->vtimer_masked;
    mailbox->ptimer_masked = 1;
    pthread_mutex_lock(&vm_lock);
    code_check();
    if (vm.gic != NULL)
    {
        uint64_t lines;
        gic_signals(vcpu, &lines);
        mailbox->hcr |= lines;
    }
    pthread_mutex_unlock(&vm_lock);
}

static bool enter(struct vcpu *vcpu)
{
    atomic_store(&vcpu->is_running, 1);
    mailbox_post(vcpu->cpu, COMMAND_RUN);
    bool is_alive = mailbox_wait(vcpu->cpu);
    atomic_store(&vcpu->is_running, 0);
    if (vcpu->mailbox->code_page_count != 0)
    {
        pthread_mutex_lock(&vm_lock);
        code_admit(vcpu->mailbox);
        pthread_mutex_unlock(&vm_lock);
    }
    return is_alive;
}

/* R-SYS-04: reads of identity registers are answered here. True: the guest goes on. */
static bool complete_inside(struct vcpu *vcpu)
{
    struct mailbox *mailbox = vcpu->mailbox;
    uint64_t value;
    bool is_read = (mailbox->esr & 1) != 0;
    if (esr_class(mailbox->esr) != EC_SYSTEM_REGISTER || !is_read || !identity_read(vcpu, trapped_register(mailbox->esr), &value))
    {
        return false;
    }
    unsigned target = mailbox->esr >> 5 & 0x1F;
    if (target != 31)
    {
        mailbox->x[target] = value;
    }
    mailbox->pc += 4;
    return true;
}

static void tell_exception(struct vcpu *vcpu)
{
    const struct mailbox *mailbox = vcpu->mailbox;
    hv_vcpu_exit_t *exit = vcpu->exit;
    unsigned class = esr_class(mailbox->esr);
    exit->reason = HV_EXIT_REASON_EXCEPTION;
    exit->exception.syndrome = mailbox->esr;
    if (class == EC_DATA_ABORT || class == EC_INSTRUCTION_ABORT)
    {
        exit->exception.virtual_address = mailbox->far;
        exit->exception.physical_address = fault_ipa(mailbox); /* R-EXIT-03 */
    }
    else if (class == EC_WATCHPOINT)
    {
        exit->exception.virtual_address = mailbox->far;
    }
}

/* R-GIC-07: accesses to the platform's GIC, and sleep. True: the guest goes on. */
static bool complete_by_gic(struct vcpu *vcpu)
{
    if (vm.gic == NULL)
    {
        return false;
    }
    pthread_mutex_lock(&vm_lock);
    bool is_sleep = esr_class(vcpu->mailbox->esr) == EC_WFX;
    bool goes_on = is_sleep || gic_exit(vcpu);
    if (is_sleep && gic_wait(vcpu))
    {
        vcpu->mailbox->pc += 4;
    }
    pthread_mutex_unlock(&vm_lock);
    return goes_on;
}

/* True: the run is over. */
static bool tell(struct vcpu *vcpu)
{
    switch (vcpu->mailbox->exit)
    {
        case EXIT_EXCEPTION:
            if (complete_inside(vcpu) || complete_by_gic(vcpu))
            {
                return false;
            }
            tell_exception(vcpu);
            return true;
        case EXIT_VTIMER:
            if (vm.gic != NULL)
            {
                return false; /* R-GIC-08 */
            }
            vcpu->vtimer_masked = true; /* R-TIME-03 */
            vcpu->exit->reason = HV_EXIT_REASON_VTIMER_ACTIVATED;
            return true;
        case EXIT_ATTENTION:
        case EXIT_PTIMER:
        case EXIT_CODE_PAGES:
            return false;
        default:
            vcpu->exit->reason = HV_EXIT_REASON_UNKNOWN;
            return true;
    }
}

static bool is_nth(uint64_t runs, uint64_t n) { return n != 0 && runs % n == 0; }

/* R-RUN-08: EL0t, EL1t, EL1h, and AArch32's user mode, which only a guest can come to. With any other it would not be a guest that runs. */
static bool is_mode_valid(uint64_t pstate)
{
    unsigned mode = pstate & 0x1F;
    return mode == 0x0 || mode == 0x4 || mode == 0x5 || mode == 0x10;
}

static hv_return_t run(struct vcpu *vcpu)
{
    spoil(vcpu->exit);
    if (!is_mode_valid(vcpu->mailbox->pstate))
    {
        return HV_ILLEGAL_GUEST_STATE;
    }
    vcpu->runs++;
    bool is_canceled = is_nth(vcpu->runs, switches.spurious_cancels);
    if (!is_canceled && is_nth(vcpu->runs, switches.unknown_exits))
    {
        vcpu->exit->reason = HV_EXIT_REASON_UNKNOWN;
        return HV_SUCCESS;
    }
    for (;;)
    {
        if (is_canceled || atomic_exchange(&vcpu->cancel, 0))
        {
            vcpu->exit->reason = HV_EXIT_REASON_CANCELED;
            return HV_SUCCESS;
        }
        prepare(vcpu);
        if (!enter(vcpu))
        {
            return HV_ERROR;
        }
        if (tell(vcpu))
        {
            return HV_SUCCESS;
        }
    }
}

hv_return_t hv_vcpu_run(hv_vcpu_t number)
{
    struct vcpu *vcpu;
    hv_return_t result = vcpu_find(number, &vcpu);
    if (result != HV_SUCCESS)
    {
        return result;
    }
    atomic_store(&vcpu->is_inside, 1);
    result = run(vcpu);
    atomic_store(&vcpu->is_inside, 0);
    vcpu->pending = 0; /* R-INT-02 */
    if (switches.trace)
    {
        trace("vcpu %u: reason %u, ESR 0x%llx, PC 0x%llx", vcpu->cpu - FIRST_VCPU_CPU, vcpu->exit->reason, (unsigned long long)vcpu->mailbox->esr,
              (unsigned long long)vcpu->mailbox->pc);
    }
    return result;
}
