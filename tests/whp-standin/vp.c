/* R-VP: virtual processors, and the cache of their registers. KVM hands registers over with each exit (KVM_CAP_SYNC_REGS) and takes
   changed ones at the next entry, so reading and writing them between runs costs no system call. */
#include "standin.h"
#include <stdlib.h>
#include <string.h>

enum { SYNC_ALL = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS };

/* The MSRs that R-PART-06 puts back. */
static const uint32_t reset_msrs[] = {0xC0000081, 0xC0000082, 0xC0000083, 0xC0000084, 0xC0000102, 0xC0000103, 0x174, 0x175, 0x176, 0x277, 0x2FF};
enum { RESET_MSR_COUNT = sizeof reset_msrs / sizeof reset_msrs[0] };

struct initial_state
{
    struct kvm_regs regs;
    struct kvm_sregs sregs;
    struct kvm_vcpu_events events;
    struct kvm_debugregs debug;
    struct kvm_mp_state activity;
    struct kvm_xcrs xcrs;
    struct kvm_fpu fpu;
    struct kvm_lapic_state apic;
    UINT64 msrs[RESET_MSR_COUNT];
};

/* Reads the cache from KVM, where KVM may know better. */
HRESULT vp_reload(struct vp *vp)
{
    if (!vp->is_stale)
    {
        return S_OK;
    }
    int64_t result = host_ioctl(vp->fd, KVM_GET_REGS, VP_REGS(vp));
    result = result < 0 ? result : host_ioctl(vp->fd, KVM_GET_SREGS, VP_SREGS(vp));
    result = result < 0 ? result : host_ioctl(vp->fd, KVM_GET_VCPU_EVENTS, VP_EVENTS(vp));
    vp->is_stale = result < 0;
    return kvm_result(result, "reading registers");
}

/* Writes the changed part of the cache to KVM: before calls that depend on it. */
HRESULT vp_flush(struct vp *vp)
{
    int64_t result = 0;
    UINT64 dirty = vp->run->kvm_dirty_regs;
    if (dirty & KVM_SYNC_X86_SREGS)
    {
        result = host_ioctl(vp->fd, KVM_SET_SREGS, VP_SREGS(vp));
    }
    if (result >= 0 && (dirty & KVM_SYNC_X86_REGS))
    {
        result = host_ioctl(vp->fd, KVM_SET_REGS, VP_REGS(vp));
    }
    if (result >= 0 && (dirty & KVM_SYNC_X86_EVENTS))
    {
        result = host_ioctl(vp->fd, KVM_SET_VCPU_EVENTS, VP_EVENTS(vp));
    }
    if (result >= 0)
    {
        vp->run->kvm_dirty_regs = 0;
    }
    return kvm_result(result, "writing registers");
}

static HRESULT save_initial(struct vp *vp)
{
    struct initial_state *state = vp->initial;
    state->regs = *VP_REGS(vp);
    state->sregs = *VP_SREGS(vp);
    state->events = *VP_EVENTS(vp);
    int64_t result = host_ioctl(vp->fd, KVM_GET_DEBUGREGS, &state->debug);
    result = result < 0 ? result : host_ioctl(vp->fd, KVM_GET_FPU, &state->fpu);
    result = result < 0 ? result : host_ioctl(vp->fd, KVM_GET_XCRS, &state->xcrs);
    if (vp->partition->apic_mode != WHvX64LocalApicEmulationModeNone)
    {
        result = result < 0 ? result : host_ioctl(vp->fd, KVM_GET_LAPIC, &state->apic);
        result = result < 0 ? result : host_ioctl(vp->fd, KVM_GET_MP_STATE, &state->activity);
    }
    for (int i = 0; i < RESET_MSR_COUNT; i++)
    {
        msr_access(vp, reset_msrs[i], &state->msrs[i], false);
    }
    return kvm_result(result, "saving the first state");
}

/* R-PART-06, R-VP-03: everything but the time-stamp counter. */
HRESULT vp_reset(struct vp *vp)
{
    struct initial_state *state = vp->initial;
    *VP_REGS(vp) = state->regs;
    *VP_SREGS(vp) = state->sregs;
    *VP_EVENTS(vp) = state->events;
    VP_EVENTS(vp)->flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW;
    vp->is_stale = false;
    vp->run->kvm_dirty_regs = SYNC_ALL;
    HRESULT result = vp_flush(vp);
    int64_t host = host_ioctl(vp->fd, KVM_SET_DEBUGREGS, &state->debug);
    host = host < 0 ? host : host_ioctl(vp->fd, KVM_SET_XCRS, &state->xcrs);
    host = host < 0 ? host : host_ioctl(vp->fd, KVM_SET_FPU, &state->fpu);
    if (vp->partition->apic_mode != WHvX64LocalApicEmulationModeNone)
    {
        host = host < 0 ? host : host_ioctl(vp->fd, KVM_SET_LAPIC, &state->apic);
        host = host < 0 ? host : host_ioctl(vp->fd, KVM_SET_MP_STATE, &state->activity);
    }
    for (int i = 0; i < RESET_MSR_COUNT; i++)
    {
        UINT64 value = state->msrs[i];
        msr_access(vp, reset_msrs[i], &value, true);
    }
    vp->notifications = 0;
    vp->activity = 0;
    vp->is_event_set = false;
    vp->external = 0;
    vp->is_stale = true;
    return result != S_OK ? result : kvm_result(host, "resetting a processor");
}

static HRESULT vp_set_up(struct vp *vp)
{
    struct kvm_cpuid2 *cpuid = calloc(1, sizeof *cpuid + MAX_CPUID * sizeof cpuid->entries[0]);
    vp->initial = calloc(1, sizeof *vp->initial);
    if (cpuid == NULL || vp->initial == NULL)
    {
        free(cpuid);
        return E_OUTOFMEMORY;
    }
    cpuid_for_vp(vp->partition, vp->index, cpuid);
    int64_t result = host_ioctl(vp->fd, KVM_SET_CPUID2, cpuid);
    free(cpuid);
    if (result < 0)
    {
        return kvm_result(result, "KVM_SET_CPUID2");
    }
    vp->run->kvm_valid_regs = SYNC_ALL;
    vp->is_stale = true;
    HRESULT reload = vp_reload(vp);
    if (reload != S_OK)
    {
        return reload;
    }
    VP_SREGS(vp)->cs.base = 0xF0000; /* R-VP-02 */
    vp->run->kvm_dirty_regs = KVM_SYNC_X86_SREGS;
    return save_initial(vp);
}

void vp_destroy(struct vp *vp)
{
    vp->partition->vps[vp->index] = NULL;
    if (vp->run != NULL)
    {
        host_unmap(vp->run, kvm_run_size());
    }
    host_close(vp->fd);
    free(vp->initial);
    free(vp);
}

HRESULT WINAPI WHvCreateVirtualProcessor(WHV_PARTITION_HANDLE handle, UINT32 index, UINT32 flags)
{
    struct partition *partition;
    HRESULT result = partition_of_setup(handle, &partition);
    if (result != S_OK)
    {
        return result; /* R-PART-03 */
    }
    if (index >= partition->processor_count || flags != 0)
    {
        return E_INVALIDARG; /* R-VP-01 */
    }
    if (partition->vps[index] != NULL)
    {
        return WHV_E_VP_ALREADY_EXISTS; /* R-VP-01 */
    }
    struct vp *vp = calloc(1, sizeof *vp);
    if (vp == NULL)
    {
        return E_OUTOFMEMORY;
    }
    vp->partition = partition;
    vp->index = index;
    int64_t fd = host_ioctl_value(partition->fd, KVM_CREATE_VCPU, index);
    if (fd < 0)
    {
        free(vp);
        return kvm_result(fd, "KVM_CREATE_VCPU");
    }
    vp->fd = (int)fd;
    vp->run = host_map(vp->fd, kvm_run_size());
    result = vp->run == NULL ? E_OUTOFMEMORY : vp_set_up(vp);
    if (result != S_OK)
    {
        vp_destroy(vp);
        return result;
    }
    partition->vps[index] = vp;
    return S_OK;
}

/* R-VP-06: properties are known, and mean nothing here. */
HRESULT WINAPI WHvCreateVirtualProcessor2(WHV_PARTITION_HANDLE handle, UINT32 index, const WHV_VIRTUAL_PROCESSOR_PROPERTY *properties, UINT32 count)
{
    return count != 0 && properties == NULL ? E_INVALIDARG : WHvCreateVirtualProcessor(handle, index, 0);
}

HRESULT WINAPI WHvDeleteVirtualProcessor(WHV_PARTITION_HANDLE handle, UINT32 index)
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
    vp_destroy(vp); /* R-VP-04: KVM keeps the place until the partition goes; the index cannot be used again */
    return S_OK;
}
