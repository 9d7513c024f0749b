/* R-PROP: properties of a partition, and when they may be set. */
#include "standin.h"
#include <stdlib.h>
#include <string.h>

/* R-PROP-01: after set-up only these change; the exception exits only while nothing runs. */
static bool may_change_after_setup(WHV_PARTITION_PROPERTY_CODE code)
{
    return code == WHvPartitionPropertyCodeExtendedVmExits || code == WHvPartitionPropertyCodeExceptionExitBitmap ||
           code == WHvPartitionPropertyCodeX64MsrExitBitmap || code == WHvPartitionPropertyCodeCpuidExitList;
}

static unsigned version_of(WHV_PARTITION_PROPERTY_CODE code)
{
    switch (code)
    {
        case WHvPartitionPropertyCodeX64MsrExitBitmap:
        case WHvPartitionPropertyCodeLocalApicEmulationMode:
        case WHvPartitionPropertyCodeProcessorXsaveFeatures:
        case WHvPartitionPropertyCodeSeparateSecurityDomain:
            return WINDOWS_1809;
        case WHvPartitionPropertyCodeProcessorClockFrequency:
        case WHvPartitionPropertyCodeInterruptClockFrequency:
            return WINDOWS_2004;
        case WHvPartitionPropertyCodeCpuidResultList2:
        case WHvPartitionPropertyCodeProcessorFeaturesBanks:
        case WHvPartitionPropertyCodeSyntheticProcessorFeaturesBanks:
        case WHvPartitionPropertyCodeReferenceTime:
            return WINDOWS_20H2;
        default:
            return WINDOWS_1803;
    }
}

/* A list of any length: the size of the buffer says how many. */
static HRESULT set_cpuid_results(struct partition *partition, WHV_PARTITION_PROPERTY_CODE code, const void *buffer, uint32_t size)
{
    bool is_first_form = code == WHvPartitionPropertyCodeCpuidResultList;
    uint32_t item = is_first_form ? sizeof(WHV_X64_CPUID_RESULT) : sizeof(WHV_X64_CPUID_RESULT2);
    if (size % item != 0 || size / item > MAX_CPUID)
    {
        return E_INVALIDARG;
    }
    uint32_t count = size / item;
    WHV_X64_CPUID_RESULT2 *results = calloc(count + 1, sizeof *results);
    if (results == NULL)
    {
        return E_OUTOFMEMORY;
    }
    for (uint32_t i = 0; i < count; i++)
    {
        if (is_first_form) /* R-PROP-05: the whole function, in all subleaves */
        {
            const WHV_X64_CPUID_RESULT *from = (const WHV_X64_CPUID_RESULT *)buffer + i;
            results[i].Function = from->Function;
            results[i].Output = (WHV_CPUID_OUTPUT){from->Eax, from->Ebx, from->Ecx, from->Edx};
            results[i].Mask = (WHV_CPUID_OUTPUT){~0u, ~0u, ~0u, ~0u};
        }
        else /* R-PROP-06: by subleaf and processor where flagged; only the bits of the mask */
        {
            results[i] = ((const WHV_X64_CPUID_RESULT2 *)buffer)[i];
        }
    }
    free(partition->cpuid_results);
    partition->cpuid_results = results;
    partition->cpuid_result_count = count;
    return S_OK;
}

static bool is_any_running(const struct partition *partition)
{
    for (int i = 0; i < MAX_VPS; i++)
    {
        if (partition->vps[i] != NULL && atomic_load(&partition->vps[i]->running))
        {
            return true;
        }
    }
    return false;
}

/* The size a property must have; 0 for lists and for unknown ones. */
static uint32_t size_of(WHV_PARTITION_PROPERTY_CODE code)
{
    switch (code)
    {
        case WHvPartitionPropertyCodeCpuidExitList:
        case WHvPartitionPropertyCodeCpuidResultList:
        case WHvPartitionPropertyCodeCpuidResultList2:
            return 0;
        case WHvPartitionPropertyCodeProcessorCount:
        case WHvPartitionPropertyCodeLocalApicEmulationMode:
        case WHvPartitionPropertyCodeSeparateSecurityDomain:
            return sizeof(uint32_t);
        case WHvPartitionPropertyCodeProcessorClFlushSize:
            return sizeof(uint8_t);
        case WHvPartitionPropertyCodeProcessorFeaturesBanks:
            return sizeof(WHV_PROCESSOR_FEATURES_BANKS);
        case WHvPartitionPropertyCodeSyntheticProcessorFeaturesBanks:
            return sizeof(WHV_SYNTHETIC_PROCESSOR_FEATURES_BANKS);
        case WHvPartitionPropertyCodeExtendedVmExits:
        case WHvPartitionPropertyCodeExceptionExitBitmap:
        case WHvPartitionPropertyCodeX64MsrExitBitmap:
        case WHvPartitionPropertyCodeProcessorFeatures:
        case WHvPartitionPropertyCodeProcessorXsaveFeatures:
        case WHvPartitionPropertyCodeProcessorClockFrequency:
        case WHvPartitionPropertyCodeInterruptClockFrequency:
        case WHvPartitionPropertyCodeReferenceTime:
            return sizeof(UINT64);
        default:
            return 0;
    }
}

HRESULT WINAPI WHvSetPartitionProperty(WHV_PARTITION_HANDLE handle, WHV_PARTITION_PROPERTY_CODE code, const VOID *buffer, UINT32 size)
{
    struct partition *partition = partition_find(handle);
    if (partition == NULL || buffer == NULL)
    {
        return E_INVALIDARG;
    }
    if (windows_version < version_of(code))
    {
        return WHV_E_UNKNOWN_PROPERTY; /* R-PROP-02 */
    }
    bool needs_rest = code == WHvPartitionPropertyCodeExceptionExitBitmap;
    if (partition->is_set_up && (!may_change_after_setup(code) || (needs_rest && is_any_running(partition))))
    {
        return HV_E_INVALID_PARTITION_STATE; /* R-PROP-01 */
    }
    if (size < size_of(code))
    {
        return E_INVALIDARG; /* R-PROP-03 */
    }
    WHV_PARTITION_PROPERTY value;
    memset(&value, 0, sizeof value);
    memcpy(&value, buffer, size < sizeof value ? size : sizeof value);

    WHV_CAPABILITY capability;
    switch (code)
    {
        case WHvPartitionPropertyCodeProcessorCount:
            if (value.ProcessorCount == 0 || value.ProcessorCount > MAX_VPS)
            {
                return E_INVALIDARG; /* R-PROP-04 */
            }
            partition->processor_count = value.ProcessorCount;
            return S_OK;
        case WHvPartitionPropertyCodeExtendedVmExits:
            WHvGetCapability(WHvCapabilityCodeExtendedVmExits, &capability, sizeof capability, NULL);
            if (value.ExtendedVmExits.AsUINT64 & ~capability.ExtendedVmExits.AsUINT64)
            {
                return E_INVALIDARG; /* R-PROP-07: an exit that the capability does not offer */
            }
            partition->extended_exits = value.ExtendedVmExits.AsUINT64;
            return partition->is_set_up ? msr_exits_apply(partition) : S_OK;
        case WHvPartitionPropertyCodeExceptionExitBitmap:
            WHvGetCapability(WHvCapabilityCodeExceptionExitBitmap, &capability, sizeof capability, NULL);
            if (value.ExceptionExitBitmap & ~capability.ExceptionExitBitmap)
            {
                return E_INVALIDARG; /* R-PROP-07 */
            }
            partition->exception_exits = value.ExceptionExitBitmap;
            return S_OK;
        case WHvPartitionPropertyCodeX64MsrExitBitmap:
            WHvGetCapability(WHvCapabilityCodeX64MsrExitBitmap, &capability, sizeof capability, NULL);
            if (value.X64MsrExitBitmap.AsUINT64 & ~capability.X64MsrExitBitmap.AsUINT64)
            {
                return E_INVALIDARG; /* R-PROP-07 */
            }
            partition->msr_exits = value.X64MsrExitBitmap.AsUINT64;
            return partition->is_set_up ? msr_exits_apply(partition) : S_OK;
        case WHvPartitionPropertyCodeLocalApicEmulationMode:
            if ((uint32_t)value.LocalApicEmulationMode > WHvX64LocalApicEmulationModeX2Apic)
            {
                return E_INVALIDARG;
            }
            partition->apic_mode = value.LocalApicEmulationMode;
            return S_OK;
        case WHvPartitionPropertyCodeCpuidResultList:
        case WHvPartitionPropertyCodeCpuidResultList2:
            return set_cpuid_results(partition, code, buffer, size);
        case WHvPartitionPropertyCodeCpuidExitList:
            return size == 0 ? S_OK : E_INVALIDARG; /* R-PROP-07: KVM has no CPUID exit */
        case WHvPartitionPropertyCodeProcessorClockFrequency:
            partition->processor_clock = value.ProcessorClockFrequency;
            return S_OK;
        case WHvPartitionPropertyCodeInterruptClockFrequency:
            partition->apic_clock = value.InterruptClockFrequency;
            return S_OK;
        case WHvPartitionPropertyCodeSeparateSecurityDomain:
        case WHvPartitionPropertyCodeProcessorFeatures: /* R-PROP-08: accepted; CPUID stays KVM's and the result lists' */
        case WHvPartitionPropertyCodeProcessorClFlushSize:
        case WHvPartitionPropertyCodeProcessorXsaveFeatures:
        case WHvPartitionPropertyCodeProcessorFeaturesBanks:
        case WHvPartitionPropertyCodeSyntheticProcessorFeaturesBanks:
            return S_OK;
        default:
            return WHV_E_UNKNOWN_PROPERTY; /* R-PROP-02 */
    }
}

HRESULT WINAPI WHvGetPartitionProperty(WHV_PARTITION_HANDLE handle, WHV_PARTITION_PROPERTY_CODE code, VOID *buffer, UINT32 size, UINT32 *written)
{
    struct partition *partition = partition_find(handle);
    if (partition == NULL)
    {
        return E_INVALIDARG;
    }
    if (windows_version < version_of(code))
    {
        return WHV_E_UNKNOWN_PROPERTY;
    }
    WHV_CAPABILITY capability;
    UINT64 value;
    switch (code)
    {
        case WHvPartitionPropertyCodeProcessorCount:
            value = partition->processor_count;
            break;
        case WHvPartitionPropertyCodeExtendedVmExits:
            value = partition->extended_exits;
            break;
        case WHvPartitionPropertyCodeExceptionExitBitmap:
            value = partition->exception_exits;
            break;
        case WHvPartitionPropertyCodeX64MsrExitBitmap:
            value = partition->msr_exits;
            break;
        case WHvPartitionPropertyCodeLocalApicEmulationMode:
            value = partition->apic_mode;
            break;
        case WHvPartitionPropertyCodeProcessorClockFrequency:
            WHvGetCapability(WHvCapabilityCodeProcessorClockFrequency, &capability, sizeof capability, NULL);
            value = partition->processor_clock != 0 ? partition->processor_clock : capability.ProcessorClockFrequency;
            break;
        case WHvPartitionPropertyCodeInterruptClockFrequency:
            WHvGetCapability(WHvCapabilityCodeInterruptClockFrequency, &capability, sizeof capability, NULL);
            value = partition->apic_clock != 0 ? partition->apic_clock : capability.InterruptClockFrequency;
            break;
        case WHvPartitionPropertyCodeReferenceTime:
            value = host_nanoseconds() / 100; /* R-PROP-09: in units of 100 ns */
            break;
        default:
            return WHV_E_UNKNOWN_PROPERTY;
    }
    return copy_out(buffer, size, written, &value, size_of(code));
}
