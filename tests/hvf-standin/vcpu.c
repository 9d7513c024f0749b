/* R-VCPU: vCPUs, each of which is its thread's and has a processor of the machine. */
#include "standin.h"
#include <stdlib.h>
#include <string.h>

enum { EXIT_SIZE = 4096, PSTATE_EL1H_MASKED = 0x3C5, POISON_BYTE = 0xCC };
#define MPIDR_RESET 0x80000000ull

uint64_t thread_number(void)
{
    static _Atomic uint64_t last;
    static __thread uint64_t number;
    if (number == 0)
    {
        number = atomic_fetch_add(&last, 1) + 1;
    }
    return number;
}

hv_return_t vcpu_find(hv_vcpu_t number, struct vcpu **vcpu)
{
    *vcpu = number < MAX_CPUS - FIRST_VCPU_CPU ? vm.vcpus[number + FIRST_VCPU_CPU] : NULL;
    /* R-VCPU-03, R-VCPU-04 */
    return *vcpu != NULL && (*vcpu)->owner == thread_number() ? HV_SUCCESS : HV_BAD_ARGUMENT;
}

static void reset(struct vcpu *vcpu)
{
    struct mailbox *mailbox = vcpu->mailbox;
    memset(mailbox->x, switches.poison ? POISON_BYTE : 0, sizeof mailbox->x); /* R-VCPU-05 */
    mailbox->pc = 0;
    mailbox->pstate = PSTATE_EL1H_MASKED;
    memset(mailbox->q, 0, sizeof mailbox->q);
    mailbox->fpcr = mailbox->fpsr = 0;
    mailbox->fp_dirty = 1;
    memcpy(mailbox->live, board()->reset, sizeof mailbox->live);
    mailbox->live[LIVE_MPIDR_EL1] = MPIDR_RESET;
    mailbox->live_dirty = (1ull << LIVE_COUNT) - 1;
    mailbox->attention = 0;
    mailbox->exec_ticks = 0;
    mailbox->code_page_count = 0;
    identity_reset(vcpu);
}

static struct vcpu *make(unsigned cpu)
{
    struct vcpu *vcpu = calloc(1, sizeof *vcpu);
    if (vcpu == NULL)
    {
        return NULL;
    }
    vcpu->cpu = cpu;
    vcpu->owner = thread_number();
    vcpu->mailbox = mailbox_of(cpu);
    vcpu->exit = aligned_alloc(EXIT_SIZE, EXIT_SIZE);
    pthread_cond_init(&vcpu->wake, NULL);
    if (vcpu->exit == NULL || !stored_registers_create(vcpu) || !gic_vcpu_created(vcpu))
    {
        free(vcpu->exit);
        free(vcpu->stored);
        free(vcpu);
        return NULL;
    }
    memset(vcpu->exit, POISON_BYTE, EXIT_SIZE);
    reset(vcpu);
    return vcpu;
}

static hv_return_t create(hv_vcpu_t *number, hv_vcpu_exit_t **exit)
{
    unsigned free_cpu = 0;
    for (unsigned cpu = machine.cpu_count - 1; cpu >= FIRST_VCPU_CPU; cpu--)
    {
        if (vm.vcpus[cpu] != NULL && vm.vcpus[cpu]->owner == thread_number())
        {
            return HV_BUSY; /* R-VCPU-01 */
        }
        free_cpu = vm.vcpus[cpu] == NULL ? cpu : free_cpu;
    }
    struct vcpu *vcpu = free_cpu == 0 ? NULL : make(free_cpu);
    if (vcpu == NULL)
    {
        return HV_NO_RESOURCES; /* R-VCPU-02 */
    }
    vm.vcpus[free_cpu] = vcpu;
    *number = free_cpu - FIRST_VCPU_CPU;
    *exit = vcpu->exit;
    return HV_SUCCESS;
}

hv_return_t hv_vcpu_create(hv_vcpu_t *number, hv_vcpu_exit_t **exit, hv_vcpu_config_t config)
{
    if (number == NULL || exit == NULL || (config != NULL && !object_is(config, OBJECT_VCPU_CONFIG)))
    {
        return HV_BAD_ARGUMENT;
    }
    pthread_mutex_lock(&vm_lock);
    hv_return_t result = vm.exists ? create(number, exit) : HV_NO_DEVICE;
    pthread_mutex_unlock(&vm_lock);
    return result;
}

hv_return_t hv_vcpu_destroy(hv_vcpu_t number)
{
    struct vcpu *vcpu;
    pthread_mutex_lock(&vm_lock);
    hv_return_t result = vcpu_find(number, &vcpu);
    if (result == HV_SUCCESS)
    {
        vm.vcpus[vcpu->cpu] = NULL;
        memset(vcpu->exit, POISON_BYTE, EXIT_SIZE);
        free(vcpu->exit);
        free(vcpu->stored);
        free(vcpu->gic);
        pthread_cond_destroy(&vcpu->wake);
        free(vcpu);
    }
    pthread_mutex_unlock(&vm_lock);
    return result;
}

void vcpu_attention(struct vcpu *vcpu)
{
    __atomic_store_n(&vcpu->mailbox->attention, 1, __ATOMIC_SEQ_CST);
    if (atomic_load(&vcpu->is_running))
    {
        mailbox_ring(vcpu->cpu);
    }
    pthread_cond_signal(&vcpu->wake);
}

/* R-RUN-02, R-RUN-03: of any thread. The lock keeps the vCPUs from going away. */
hv_return_t hv_vcpus_exit(hv_vcpu_t *numbers, uint32_t count)
{
    pthread_mutex_lock(&vm_lock);
    hv_return_t result = numbers == NULL && count != 0 ? HV_BAD_ARGUMENT : HV_SUCCESS;
    for (uint32_t i = 0; i < count && result == HV_SUCCESS; i++)
    {
        bool exists = numbers[i] < MAX_CPUS - FIRST_VCPU_CPU && vm.vcpus[numbers[i] + FIRST_VCPU_CPU] != NULL;
        result = exists ? HV_SUCCESS : HV_BAD_ARGUMENT;
    }
    for (uint32_t i = 0; i < count && result == HV_SUCCESS; i++)
    {
        struct vcpu *vcpu = vm.vcpus[numbers[i] + FIRST_VCPU_CPU];
        atomic_store(&vcpu->cancel, 1);
        vcpu_attention(vcpu);
    }
    pthread_mutex_unlock(&vm_lock);
    return result;
}
