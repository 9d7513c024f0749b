/* R-REG-06, R-TIME: registers that are model-specific registers to KVM, the time-stamp counter, and exits on MSRs. */
#include "standin.h"
#include <string.h>

enum { MSR_TSC = 0x10, MSR_APIC_BASE = 0x1B };

static const struct
{
    uint32_t name, msr;
} msrs[] = {
    {WHvX64RegisterKernelGsBase, 0xC0000102},
    {WHvX64RegisterPat, 0x277},
    {WHvX64RegisterSysenterCs, 0x174},
    {WHvX64RegisterSysenterEip, 0x176},
    {WHvX64RegisterSysenterEsp, 0x175},
    {WHvX64RegisterStar, 0xC0000081},
    {WHvX64RegisterLstar, 0xC0000082},
    {WHvX64RegisterCstar, 0xC0000083},
    {WHvX64RegisterSfmask, 0xC0000084},
    {WHvX64RegisterMsrMtrrCap, 0xFE},
    {WHvX64RegisterMsrMtrrDefType, 0x2FF},
    {WHvX64RegisterMsrMtrrFix64k00000, 0x250},
    {WHvX64RegisterMsrMtrrFix16k80000, 0x258},
    {WHvX64RegisterMsrMtrrFix16kA0000, 0x259},
    {WHvX64RegisterMsrMtrrFix4kC0000, 0x268},
    {WHvX64RegisterMsrMtrrFix4kC8000, 0x269},
    {WHvX64RegisterMsrMtrrFix4kD0000, 0x26A},
    {WHvX64RegisterMsrMtrrFix4kD8000, 0x26B},
    {WHvX64RegisterMsrMtrrFix4kE0000, 0x26C},
    {WHvX64RegisterMsrMtrrFix4kE8000, 0x26D},
    {WHvX64RegisterMsrMtrrFix4kF0000, 0x26E},
    {WHvX64RegisterMsrMtrrFix4kF8000, 0x26F},
    {WHvX64RegisterTscAux, 0xC0000103},
    {WHvX64RegisterSpecCtrl, 0x48},
    {WHvX64RegisterXss, 0xDA0},
    {WHvX64RegisterTscDeadline, 0x6E0},
    {WHvX64RegisterTscAdjust, 0x3B},
    {WHvX64RegisterXfd, 0x1C4},
    {WHvX64RegisterXfdErr, 0x1C5},
};

bool msr_of_register(uint32_t name, uint32_t *msr)
{
    for (size_t i = 0; i < sizeof msrs / sizeof msrs[0]; i++)
    {
        if (msrs[i].name == name)
        {
            *msr = msrs[i].msr;
            return true;
        }
    }
    const uint32_t variable_count = 8; /* KVM has eight of the sixteen */
    uint32_t base = name - WHvX64RegisterMsrMtrrPhysBase0, mask = name - WHvX64RegisterMsrMtrrPhysMask0;
    *msr = base < variable_count ? 0x200 + 2 * base : 0x201 + 2 * mask;
    return base < variable_count || mask < variable_count;
}

HRESULT msr_access(struct vp *vp, uint32_t msr, UINT64 *value, bool is_write)
{
    struct
    {
        struct kvm_msrs header;
        struct kvm_msr_entry entry;
    } request;
    memset(&request, 0, sizeof request);
    request.header.nmsrs = 1;
    request.entry.index = msr;
    request.entry.data = is_write ? *value : 0;
    int64_t done = host_ioctl(vp->fd, is_write ? KVM_SET_MSRS : KVM_GET_MSRS, &request);
    if (done != 1)
    {
        trace("MSR 0x%x cannot be %s", msr, is_write ? "written" : "read");
        return is_write ? HV_E_INVALID_REGISTER_VALUE : WHV_E_INVALID_VP_REGISTER_NAME; /* R-REG-07 */
    }
    *value = request.entry.data;
    return S_OK;
}

/* ---- time ---- */

static HRESULT tsc_read(struct vp *vp, UINT64 *value) { return msr_access(vp, MSR_TSC, value, false); }

/* By the offset, since KVM takes a written counter near the expected one for an attempt to synchronize, and leaves it as it was. */
static HRESULT tsc_write(struct vp *vp, UINT64 value)
{
    UINT64 offset, now;
    struct kvm_device_attr attribute = {.group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET, .addr = (uintptr_t)&offset};
    if (host_ioctl(vp->fd, KVM_GET_DEVICE_ATTR, &attribute) < 0)
    {
        return msr_access(vp, MSR_TSC, &value, true);
    }
    HRESULT result = tsc_read(vp, &now);
    offset += value - now;
    return result != S_OK ? result : kvm_result(host_ioctl(vp->fd, KVM_SET_DEVICE_ATTR, &attribute), "the offset of a time-stamp counter");
}

/* R-TIME-02: while time stands still, so does the counter; what is written then counts from the resumption on. */
HRESULT tsc_access(struct vp *vp, UINT64 *value, bool is_write)
{
    if (vp->partition->is_time_suspended)
    {
        *(is_write ? &vp->frozen_tsc : value) = is_write ? *value : vp->frozen_tsc;
        return S_OK;
    }
    return is_write ? tsc_write(vp, *value) : tsc_read(vp, value);
}

/* R-TIME-01 */
HRESULT WINAPI WHvSuspendPartitionTime(WHV_PARTITION_HANDLE handle)
{
    struct partition *partition;
    HRESULT result = partition_of_setup(handle, &partition);
    if (result != S_OK || partition->is_time_suspended)
    {
        return result;
    }
    for (int i = 0; i < MAX_VPS && result == S_OK; i++)
    {
        struct vp *vp = partition->vps[i];
        if (vp != NULL)
        {
            result = atomic_load(&vp->running) ? WHV_E_INVALID_VP_STATE : tsc_read(vp, &vp->frozen_tsc);
        }
    }
    partition->is_time_suspended = result == S_OK;
    return result;
}

/* R-TIME-03: by the call, or by the next run of any processor. */
HRESULT time_resume(struct partition *partition)
{
    if (!partition->is_time_suspended)
    {
        return S_OK;
    }
    partition->is_time_suspended = false;
    HRESULT result = S_OK;
    for (int i = 0; i < MAX_VPS && result == S_OK; i++)
    {
        result = partition->vps[i] != NULL ? tsc_write(partition->vps[i], partition->vps[i]->frozen_tsc) : S_OK;
    }
    return result;
}

HRESULT WINAPI WHvResumePartitionTime(WHV_PARTITION_HANDLE handle)
{
    struct partition *partition;
    HRESULT result = partition_of_setup(handle, &partition);
    return result == S_OK ? time_resume(partition) : result;
}

/* ---- exits ---- */

/* R-MSR-01, R-MSR-02: those that KVM does not know, and, where the bitmap says so, the counter and the APIC's base. */
HRESULT msr_exits_apply(struct partition *partition)
{
    WHV_X64_MSR_EXIT_BITMAP exits = {.AsUINT64 = partition->msr_exits};
    bool is_enabled = ((WHV_EXTENDED_VM_EXITS){.AsUINT64 = partition->extended_exits}).X64MsrExit;
    uint32_t reasons = 0;
    reasons |= is_enabled && exits.UnhandledMsrs ? KVM_MSR_EXIT_REASON_UNKNOWN | KVM_MSR_EXIT_REASON_INVAL : 0;
    reasons |= is_enabled ? KVM_MSR_EXIT_REASON_FILTER : 0;
    struct kvm_enable_cap capability = {.cap = KVM_CAP_X86_USER_SPACE_MSR, .args = {reasons}};
    HRESULT result = kvm_result(host_ioctl(partition->fd, KVM_ENABLE_CAP, &capability), "KVM_CAP_X86_USER_SPACE_MSR");

    /* A set bit lets the access through; here all bits of a filter's one MSR are clear. */
    uint8_t none = 0;
    struct kvm_msr_filter filter;
    memset(&filter, 0, sizeof filter);
    uint32_t count = 0;
    if (is_enabled && (exits.TscMsrRead || exits.TscMsrWrite))
    {
        uint32_t access = (exits.TscMsrRead ? KVM_MSR_FILTER_READ : 0) | (exits.TscMsrWrite ? KVM_MSR_FILTER_WRITE : 0);
        filter.ranges[count++] = (struct kvm_msr_filter_range){.flags = access, .nmsrs = 1, .base = MSR_TSC, .bitmap = &none};
    }
    if (is_enabled && exits.ApicBaseMsrWrite)
    {
        filter.ranges[count++] = (struct kvm_msr_filter_range){.flags = KVM_MSR_FILTER_WRITE, .nmsrs = 1, .base = MSR_APIC_BASE, .bitmap = &none};
    }
    return result != S_OK ? result : kvm_result(host_ioctl(partition->fd, KVM_X86_SET_MSR_FILTER, &filter), "KVM_X86_SET_MSR_FILTER");
}
