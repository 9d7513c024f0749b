/* R-CPUID: what guests see of the processor. */
#include "standin.h"
#include <stdlib.h>
#include <string.h>

enum { LEAF_FEATURES = 1, LEAF_TOPOLOGY = 0xB, LEAF_TOPOLOGY_2 = 0x1F, LEAF_HYPERVISOR = 0x40000000 };
#define FEATURE_X2APIC (1u << 21)
#define FEATURE_HYPERVISOR (1u << 31)

static bool is_hypervisor_leaf(uint32_t function) { return function >= LEAF_HYPERVISOR && function < LEAF_HYPERVISOR + 0x10000; }

/* Applies one result of the lists: R-PROP-05, R-PROP-06. */
static void apply_result(struct kvm_cpuid2 *cpuid, const WHV_X64_CPUID_RESULT2 *result)
{
    bool by_subleaf = result->Flags & WHvX64CpuidResult2FlagSubleafSpecific, is_found = false;
    for (uint32_t i = 0; i < cpuid->nent; i++)
    {
        struct kvm_cpuid_entry2 *entry = &cpuid->entries[i];
        if (entry->function != result->Function || (by_subleaf && entry->index != result->Index))
        {
            continue;
        }
        is_found = true;
        entry->eax = (entry->eax & ~result->Mask.Eax) | (result->Output.Eax & result->Mask.Eax);
        entry->ebx = (entry->ebx & ~result->Mask.Ebx) | (result->Output.Ebx & result->Mask.Ebx);
        entry->ecx = (entry->ecx & ~result->Mask.Ecx) | (result->Output.Ecx & result->Mask.Ecx);
        entry->edx = (entry->edx & ~result->Mask.Edx) | (result->Output.Edx & result->Mask.Edx);
    }
    if (!is_found && cpuid->nent < MAX_CPUID)
    {
        cpuid->entries[cpuid->nent++] = (struct kvm_cpuid_entry2){
            .function = result->Function,
            .index = by_subleaf ? result->Index : 0,
            .flags = by_subleaf ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
            .eax = result->Output.Eax & result->Mask.Eax,
            .ebx = result->Output.Ebx & result->Mask.Ebx,
            .ecx = result->Output.Ecx & result->Mask.Ecx,
            .edx = result->Output.Edx & result->Mask.Edx,
        };
    }
}

/* The partition's default: KVM's offer without a hypervisor (R-CPUID-01), x2APIC only in its mode (R-CPUID-02). */
HRESULT cpuid_prepare(struct partition *partition)
{
    struct kvm_cpuid2 *cpuid = calloc(1, sizeof *cpuid + MAX_CPUID * sizeof cpuid->entries[0]);
    if (cpuid == NULL)
    {
        return E_OUTOFMEMORY;
    }
    cpuid->nent = MAX_CPUID;
    int64_t result = host_ioctl(kvm_fd(), KVM_GET_SUPPORTED_CPUID, cpuid);
    if (result < 0)
    {
        free(cpuid);
        return kvm_result(result, "KVM_GET_SUPPORTED_CPUID");
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < cpuid->nent; i++)
    {
        struct kvm_cpuid_entry2 entry = cpuid->entries[i];
        if (is_hypervisor_leaf(entry.function))
        {
            continue;
        }
        if (entry.function == LEAF_FEATURES)
        {
            entry.ecx &= ~(FEATURE_HYPERVISOR | FEATURE_X2APIC);
            entry.ecx |= partition->apic_mode == WHvX64LocalApicEmulationModeX2Apic ? FEATURE_X2APIC : 0;
        }
        cpuid->entries[kept++] = entry;
    }
    cpuid->nent = kept;
    free(partition->cpuid);
    partition->cpuid = cpuid;
    return S_OK;
}

/* The answers of one processor: its APIC ID is its index (R-CPUID-03), then come the lists. */
void cpuid_for_vp(const struct partition *partition, uint32_t vp, struct kvm_cpuid2 *cpuid)
{
    memcpy(cpuid, partition->cpuid, sizeof *cpuid + MAX_CPUID * sizeof cpuid->entries[0]);
    for (uint32_t i = 0; i < cpuid->nent; i++)
    {
        struct kvm_cpuid_entry2 *entry = &cpuid->entries[i];
        if (entry->function == LEAF_FEATURES)
        {
            entry->ebx = (entry->ebx & 0x00FFFFFF) | vp << 24;
        }
        else if (entry->function == LEAF_TOPOLOGY || entry->function == LEAF_TOPOLOGY_2)
        {
            entry->edx = vp;
        }
    }
    for (uint32_t i = 0; i < partition->cpuid_result_count; i++)
    {
        const WHV_X64_CPUID_RESULT2 *result = &partition->cpuid_results[i];
        if (!(result->Flags & WHvX64CpuidResult2FlagVpSpecific) || result->VpIndex == vp)
        {
            apply_result(cpuid, result);
        }
    }
}

/* R-CPUID-04: the answer the guest would get. */
HRESULT WINAPI WHvGetVirtualProcessorCpuidOutput(WHV_PARTITION_HANDLE handle, UINT32 index, UINT32 eax, UINT32 ecx, WHV_CPUID_OUTPUT *output)
{
    struct vp *vp;
    HRESULT result = vp_find(handle, index, &vp);
    if (result != S_OK || output == NULL)
    {
        return result != S_OK ? result : E_POINTER;
    }
    struct kvm_cpuid2 *cpuid = calloc(1, sizeof *cpuid + MAX_CPUID * sizeof cpuid->entries[0]);
    if (cpuid == NULL)
    {
        return E_OUTOFMEMORY;
    }
    cpuid_for_vp(vp->partition, index, cpuid);
    memset(output, 0, sizeof *output);
    for (uint32_t i = 0; i < cpuid->nent; i++)
    {
        const struct kvm_cpuid_entry2 *entry = &cpuid->entries[i];
        bool by_subleaf = entry->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
        if (entry->function == eax && (!by_subleaf || entry->index == ecx))
        {
            *output = (WHV_CPUID_OUTPUT){entry->eax, entry->ebx, entry->ecx, entry->edx};
            break;
        }
    }
    free(cpuid);
    return S_OK;
}
