/* R-VM: the one VM of the process. */
#include "standin.h"
#include <stdlib.h>
#include <string.h>

struct vm vm;
pthread_mutex_t vm_lock = PTHREAD_MUTEX_INITIALIZER;

/* VTCR_EL2 (Arm ARM D19.2.161): 4 KiB pages, tables from level 1, cacheable walks, 40 bits out. */
static uint64_t vtcr_of(uint32_t ipa_bits) { return (64 - ipa_bits) | 1 << 6 | 1 << 8 | 1 << 10 | 3 << 12 | 2 << 16 | 1ull << 31; }

void service(enum command command)
{
    mailbox_post(SERVICE_CPU, command);
    mailbox_wait(SERVICE_CPU);
}

hv_return_t hv_vm_get_max_vcpu_count(uint32_t *count)
{
    switches_load();
    if (count == NULL)
    {
        return HV_BAD_ARGUMENT;
    }
    *count = (uint32_t)switches.max_vcpus;
    return HV_SUCCESS;
}

static hv_return_t create(hv_vm_config_t config)
{
    if (vm.exists)
    {
        return HV_BUSY; /* R-VM-01 */
    }
    if (!machine_ensure())
    {
        return HV_NO_RESOURCES;
    }
    vm.exists = true;
    vm.ipa_bits = 36;
    vm.granule = 16384;
    if (config != NULL)
    {
        vm.ipa_bits = config->vm.ipa_bits;
        vm.granule = config->vm.granule == HV_IPA_GRANULE_4KB ? 4096 : 16384;
    }
    stage2_reset();
    for (unsigned cpu = 0; cpu < machine.cpu_count; cpu++)
    {
        mailbox_of(cpu)->vttbr = RAM_BASE + TABLES_OFFSET;
        mailbox_of(cpu)->vtcr = vtcr_of(vm.ipa_bits);
        mailbox_of(cpu)->hcr = HCR_VM | HCR_RW;
    }
    service(COMMAND_FLUSH);
    return HV_SUCCESS;
}

hv_return_t hv_vm_create(hv_vm_config_t config)
{
    switches_load();
    if (switches.no_hypervisor)
    {
        return HV_UNSUPPORTED; /* R-VM-05 */
    }
    if (switches.no_entitlement)
    {
        return HV_DENIED; /* R-VM-06 */
    }
    if (config != NULL && (macos_version < MACOS_13 || !object_is(config, OBJECT_VM_CONFIG)))
    {
        return HV_BAD_ARGUMENT;
    }
    pthread_mutex_lock(&vm_lock);
    hv_return_t result = create(config);
    pthread_mutex_unlock(&vm_lock);
    return result;
}

static bool has_vcpus(void)
{
    for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++)
    {
        if (vm.vcpus[cpu] != NULL)
        {
            return true;
        }
    }
    return false;
}

hv_return_t hv_vm_destroy(void)
{
    pthread_mutex_lock(&vm_lock);
    hv_return_t result = !vm.exists ? HV_NO_DEVICE : has_vcpus() ? HV_BUSY : HV_SUCCESS; /* R-VM-02, R-VM-03 */
    if (result == HV_SUCCESS)
    {
        memory_unmap_all();
        pages_collect();
        gic_destroy();
        vm.exists = false;
        if (!switches.keep_machine)
        {
            machine_stop();
        }
    }
    pthread_mutex_unlock(&vm_lock);
    return result;
}
