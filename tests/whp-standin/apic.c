/* R-APIC: the state of the platform's local APIC, as a page and register by register. */
#include "standin.h"
#include <string.h>

enum { APIC_STATE_SIZE = 4096, REGISTER_STRIDE = 16 };

static HRESULT apic_read(struct vp *vp, struct kvm_lapic_state *state)
{
    if (vp->partition->apic_mode == WHvX64LocalApicEmulationModeNone)
    {
        return WHV_E_INVALID_VP_STATE; /* R-APIC-01 */
    }
    HRESULT result = vp_flush(vp); /* ApicBase decides how KVM shows the APIC's ID */
    return result != S_OK ? result : kvm_result(host_ioctl(vp->fd, KVM_GET_LAPIC, state), "KVM_GET_LAPIC");
}

static HRESULT apic_write(struct vp *vp, const struct kvm_lapic_state *state)
{
    HRESULT result = vp_flush(vp);
    vp->is_stale = true; /* CR8 is the APIC's task priority */
    return result != S_OK ? result : kvm_result(host_ioctl(vp->fd, KVM_SET_LAPIC, (void *)(uintptr_t)state), "KVM_SET_LAPIC");
}

/* R-APIC-04: the 32-bit registers by name; the name's low byte is the register's place in the page. */
HRESULT apic_register(struct vp *vp, uint32_t name, UINT64 *value, bool is_write)
{
    struct kvm_lapic_state state;
    HRESULT result = apic_read(vp, &state);
    if (result != S_OK)
    {
        return result;
    }
    char *place = &state.regs[(name & 0x3F) * REGISTER_STRIDE];
    uint32_t low = (uint32_t)*value, high = (uint32_t)(*value >> 32);
    bool has_high = name == WHvX64RegisterApicIcr;
    if (is_write)
    {
        memcpy(place, &low, sizeof low);
        if (has_high)
        {
            memcpy(place + REGISTER_STRIDE, &high, sizeof high);
        }
        return apic_write(vp, &state);
    }
    memcpy(&low, place, sizeof low);
    high = 0;
    if (has_high)
    {
        memcpy(&high, place + REGISTER_STRIDE, sizeof high);
    }
    *value = low | (UINT64)high << 32;
    return S_OK;
}

/* R-APIC-02: a page of 4096 bytes, each register in the first 4 of 16. */
HRESULT WINAPI WHvGetVirtualProcessorInterruptControllerState2(WHV_PARTITION_HANDLE handle, UINT32 index, VOID *buffer, UINT32 size, UINT32 *written)
{
    struct vp *vp;
    HRESULT result = vp_find(handle, index, &vp);
    if (result != S_OK)
    {
        return result;
    }
    if (atomic_load(&vp->running))
    {
        return WHV_E_INVALID_VP_STATE; /* R-VP-05 */
    }
    struct
    {
        struct kvm_lapic_state registers;
        char rest[APIC_STATE_SIZE - sizeof(struct kvm_lapic_state)];
    } page;
    memset(&page, 0, sizeof page);
    result = apic_read(vp, &page.registers);
    return result != S_OK ? result : copy_out(buffer, size, written, &page, sizeof page);
}

/* R-APIC-03 */
HRESULT WINAPI WHvSetVirtualProcessorInterruptControllerState2(WHV_PARTITION_HANDLE handle, UINT32 index, const VOID *buffer, UINT32 size)
{
    struct vp *vp;
    HRESULT result = vp_find(handle, index, &vp);
    if (result != S_OK)
    {
        return result;
    }
    if (atomic_load(&vp->running) || vp->partition->apic_mode == WHvX64LocalApicEmulationModeNone)
    {
        return WHV_E_INVALID_VP_STATE;
    }
    if (buffer == NULL || size < APIC_STATE_SIZE)
    {
        return E_INVALIDARG;
    }
    struct kvm_lapic_state state;
    memcpy(&state, buffer, sizeof state);
    return apic_write(vp, &state);
}
