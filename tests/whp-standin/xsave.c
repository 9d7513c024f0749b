/* R-XSAVE: extended processor state. The platform's area is compacted (Intel SDM vol. 1, 13.4.3), KVM's is not. */
#include "standin.h"
#include <stdlib.h>
#include <string.h>

enum { LEGACY = 512, HEADER_END = 576, STATE = 512, FORMAT = 520, RESERVED = 528, LEAF_XSAVE = 0xD, SMALLEST_KVM_AREA = 4096 };
enum { X87_END = 24, MXCSR = 24, X87_REGISTERS = 32, XMM = 160, XMM_END = 416 };
#define COMPACTED (1ull << 63)
#define X87_AND_SSE 3ull

/* Where a component lies in both forms; size 0 where there is none. */
struct component
{
    uint32_t size, standard, compacted;
};

static UINT64 number_at(const uint8_t *area, uint32_t offset)
{
    UINT64 number;
    memcpy(&number, area + offset, sizeof number);
    return number;
}

static const struct kvm_cpuid_entry2 *leaf(const struct vp *vp, uint32_t subleaf)
{
    const struct kvm_cpuid2 *cpuid = vp->partition->cpuid;
    for (uint32_t i = 0; i < cpuid->nent; i++)
    {
        if (cpuid->entries[i].function == LEAF_XSAVE && cpuid->entries[i].index == subleaf)
        {
            return &cpuid->entries[i];
        }
    }
    return NULL;
}

/* R-XSAVE-02: all components that guests may switch on. */
static UINT64 supported(const struct vp *vp)
{
    const struct kvm_cpuid_entry2 *entry = leaf(vp, 0);
    return entry == NULL ? X87_AND_SSE : entry->eax | (UINT64)entry->edx << 32;
}

/* Places the extended components of a format; returns the area's size. */
static uint32_t place(const struct vp *vp, UINT64 format, struct component components[64])
{
    const uint32_t is_aligned = 2;
    uint32_t end = HEADER_END;
    memset(components, 0, 64 * sizeof components[0]);
    for (uint32_t i = 2; i < 63; i++)
    {
        const struct kvm_cpuid_entry2 *entry = format >> i & 1 ? leaf(vp, i) : NULL;
        if (entry != NULL)
        {
            end = entry->ecx & is_aligned ? (end + 63) & ~63u : end;
            components[i] = (struct component){.size = entry->eax, .standard = entry->ebx, .compacted = end};
            end += entry->eax;
        }
    }
    return end;
}

static uint32_t kvm_area_size(const struct vp *vp)
{
    int64_t size = host_ioctl_value(vp->partition->fd, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE2);
    return size > SMALLEST_KVM_AREA ? (uint32_t)size : SMALLEST_KVM_AREA;
}

HRESULT xsave_get(struct vp *vp, uint8_t **area)
{
    uint32_t size = kvm_area_size(vp);
    *area = calloc(1, size);
    if (*area == NULL)
    {
        return E_OUTOFMEMORY;
    }
    HRESULT result = kvm_result(host_ioctl(vp->fd, size > SMALLEST_KVM_AREA ? KVM_GET_XSAVE2 : KVM_GET_XSAVE, *area), "KVM_GET_XSAVE");
    if (result != S_OK)
    {
        free(*area);
        *area = NULL;
    }
    return result;
}

/* R-XSAVE-04: a component in its initial state is not written. */
static void spoil(uint8_t *area, uint32_t first, uint32_t end)
{
    if (switches.poison)
    {
        memset(area + first, 0xCC, end - first);
    }
}

static void compact(const struct vp *vp, const uint8_t *standard, uint8_t *area, UINT64 format)
{
    struct component components[64];
    uint32_t size = place(vp, format, components);
    UINT64 state = number_at(standard, STATE) & format, compaction = COMPACTED | format;
    memset(area, 0, size);
    memcpy(area, standard, LEGACY);
    memcpy(area + STATE, &state, sizeof state);
    memcpy(area + FORMAT, &compaction, sizeof compaction);
    if (!(state & 1))
    {
        spoil(area, 0, X87_END);
        spoil(area, X87_REGISTERS, XMM);
    }
    if (!(state & 2))
    {
        spoil(area, XMM, XMM_END);
    }
    for (int i = 2; i < 63; i++)
    {
        const struct component *component = &components[i];
        if (component->size == 0)
        {
            continue;
        }
        if (state >> i & 1)
        {
            memcpy(area + component->compacted, standard + component->standard, component->size);
        }
        else
        {
            spoil(area, component->compacted, component->compacted + component->size);
        }
    }
}

/* R-XSAVE-05: the header must be one that XRSTOR takes. */
static bool is_header_valid(const struct vp *vp, const uint8_t *area)
{
    UINT64 state = number_at(area, STATE), format = number_at(area, FORMAT);
    bool is_zero = true;
    for (int i = RESERVED; i < HEADER_END; i++)
    {
        is_zero = is_zero && area[i] == 0;
    }
    return is_zero && (format & COMPACTED) && !(format & ~(COMPACTED | supported(vp))) && !(state & ~format);
}

/* Components that are absent from the state get their initial values; KVM is told all of x87 and SSE, lest it keep MXCSR. */
static void expand(const struct vp *vp, const uint8_t *area, uint8_t *standard)
{
    const uint16_t initial_control = 0x37F;
    struct component components[64];
    UINT64 state = number_at(area, STATE), kept = state | X87_AND_SSE;
    place(vp, number_at(area, FORMAT) & ~COMPACTED, components);
    memcpy(standard, area, LEGACY);
    if (!(state & 1))
    {
        memset(standard, 0, X87_END);
        memset(standard + X87_REGISTERS, 0, XMM - X87_REGISTERS);
        memcpy(standard, &initial_control, sizeof initial_control);
    }
    if (!(state & 2))
    {
        memset(standard + XMM, 0, XMM_END - XMM);
    }
    memcpy(standard + STATE, &kept, sizeof kept);
    for (int i = 2; i < 63; i++)
    {
        if (components[i].size != 0 && (state >> i & 1))
        {
            memcpy(standard + components[i].standard, area + components[i].compacted, components[i].size);
        }
    }
}

static HRESULT begin(WHV_PARTITION_HANDLE handle, uint32_t index, struct vp **vp)
{
    HRESULT result = vp_find(handle, index, vp);
    return result != S_OK ? result : atomic_load(&(*vp)->running) ? WHV_E_INVALID_VP_STATE : S_OK; /* R-VP-05 */
}

/* R-XSAVE-01: with too small a buffer, even none, the size is told. */
HRESULT WINAPI WHvGetVirtualProcessorXsaveState(WHV_PARTITION_HANDLE handle, UINT32 index, VOID *buffer, UINT32 size, UINT32 *written)
{
    struct vp *vp;
    uint8_t *standard;
    HRESULT result = begin(handle, index, &vp);
    result = result == S_OK ? xsave_get(vp, &standard) : result;
    if (result != S_OK)
    {
        return result;
    }
    struct component components[64];
    uint32_t needed = place(vp, supported(vp), components);
    uint8_t *area = calloc(1, needed);
    result = area == NULL ? E_OUTOFMEMORY : S_OK;
    if (result == S_OK)
    {
        compact(vp, standard, area, supported(vp));
        result = copy_out(buffer, size, written, area, needed);
    }
    free(area);
    free(standard);
    return result;
}

/* R-XSAVE-03 */
HRESULT WINAPI WHvSetVirtualProcessorXsaveState(WHV_PARTITION_HANDLE handle, UINT32 index, const VOID *buffer, UINT32 size)
{
    struct vp *vp;
    HRESULT result = begin(handle, index, &vp);
    if (result != S_OK)
    {
        return result;
    }
    struct component components[64];
    bool is_valid = buffer != NULL && size >= HEADER_END && is_header_valid(vp, buffer) &&
                    size >= place(vp, number_at(buffer, FORMAT) & ~COMPACTED, components);
    uint8_t *standard = is_valid ? calloc(1, kvm_area_size(vp)) : NULL;
    if (standard == NULL)
    {
        return is_valid ? E_OUTOFMEMORY : E_INVALIDARG;
    }
    expand(vp, buffer, standard);
    int64_t set = host_ioctl(vp->fd, KVM_SET_XSAVE, standard);
    free(standard);
    return set == -HOST_EINVAL ? HV_E_INVALID_REGISTER_VALUE : kvm_result(set, "KVM_SET_XSAVE");
}

/* R-STATE-01: the general calls for the same two kinds of state. */
HRESULT WINAPI WHvGetVirtualProcessorState(WHV_PARTITION_HANDLE handle, UINT32 index, WHV_VIRTUAL_PROCESSOR_STATE_TYPE type, VOID *buffer, UINT32 size,
                                           UINT32 *written)
{
    switch (type)
    {
        case WHvVirtualProcessorStateTypeInterruptControllerState2:
            return WHvGetVirtualProcessorInterruptControllerState2(handle, index, buffer, size, written);
        case WHvVirtualProcessorStateTypeXsaveState:
            return WHvGetVirtualProcessorXsaveState(handle, index, buffer, size, written);
        default:
            return E_INVALIDARG;
    }
}

HRESULT WINAPI WHvSetVirtualProcessorState(WHV_PARTITION_HANDLE handle, UINT32 index, WHV_VIRTUAL_PROCESSOR_STATE_TYPE type, const VOID *buffer, UINT32 size)
{
    switch (type)
    {
        case WHvVirtualProcessorStateTypeInterruptControllerState2:
            return WHvSetVirtualProcessorInterruptControllerState2(handle, index, buffer, size);
        case WHvVirtualProcessorStateTypeXsaveState:
            return WHvSetVirtualProcessorXsaveState(handle, index, buffer, size);
        default:
            return E_INVALIDARG;
    }
}
