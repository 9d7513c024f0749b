/* R-REG: registers by name. */
#include "standin.h"
#include <stdlib.h>
#include <string.h>

/* What of one call is read from KVM, and what has to be written back. */
struct batch
{
    struct vp *vp;
    bool has_debug, is_fpu_changed, is_debug_changed;
    uint8_t *fpu; /* an XSAVE area in the standard form: KVM_GET_FPU knows no MXCSR */
    struct kvm_debugregs debug;
};

void segment_to_whv(const struct kvm_segment *from, WHV_X64_SEGMENT_REGISTER *to)
{
    memset(to, 0, sizeof *to);
    to->Base = from->base;
    to->Limit = from->limit;
    to->Selector = from->selector;
    to->SegmentType = from->type & 0xF;
    to->NonSystemSegment = from->s & 1;
    to->DescriptorPrivilegeLevel = from->dpl & 3;
    to->Present = from->present & 1;
    to->Available = from->avl & 1;
    to->Long = from->l & 1;
    to->Default = from->db & 1;
    to->Granularity = from->g & 1;
}

static void segment_to_kvm(const WHV_X64_SEGMENT_REGISTER *from, struct kvm_segment *to)
{
    *to = (struct kvm_segment){
        .base = from->Base,
        .limit = from->Limit,
        .selector = from->Selector,
        .type = from->SegmentType,
        .s = from->NonSystemSegment,
        .dpl = from->DescriptorPrivilegeLevel,
        .present = from->Present,
        .avl = from->Available,
        .l = from->Long,
        .db = from->Default,
        .g = from->Granularity,
        .unusable = !from->Present,
    };
}

static __u64 *general_register(struct vp *vp, uint32_t name)
{
    struct kvm_regs *regs = VP_REGS(vp);
    __u64 *const in_order[] = {&regs->rax, &regs->rcx, &regs->rdx, &regs->rbx, &regs->rsp, &regs->rbp, &regs->rsi, &regs->rdi, &regs->r8,
                               &regs->r9,  &regs->r10, &regs->r11, &regs->r12, &regs->r13, &regs->r14, &regs->r15, &regs->rip, &regs->rflags};
    return in_order[name - WHvX64RegisterRax];
}

static struct kvm_segment *segment_register(struct vp *vp, uint32_t name)
{
    struct kvm_sregs *sregs = VP_SREGS(vp);
    struct kvm_segment *const in_order[] = {&sregs->es, &sregs->cs, &sregs->ss, &sregs->ds, &sregs->fs, &sregs->gs, &sregs->ldt, &sregs->tr};
    return in_order[name - WHvX64RegisterEs];
}

/* The registers of KVM's sregs that are one number; null for others. */
static __u64 *special_register(struct vp *vp, uint32_t name)
{
    struct kvm_sregs *sregs = VP_SREGS(vp);
    switch (name)
    {
        case WHvX64RegisterCr0:
            return &sregs->cr0;
        case WHvX64RegisterCr2:
            return &sregs->cr2;
        case WHvX64RegisterCr3:
            return &sregs->cr3;
        case WHvX64RegisterCr4:
            return &sregs->cr4;
        case WHvX64RegisterCr8:
            return &sregs->cr8;
        case WHvX64RegisterEfer:
            return &sregs->efer;
        case WHvX64RegisterApicBase:
            return &sregs->apic_base;
        default:
            return NULL;
    }
}

static bool is_between(uint32_t name, uint32_t first, uint32_t last) { return name >= first && name <= last; }

static bool is_fpu_register(uint32_t name) { return is_between(name, WHvX64RegisterXmm0, WHvX64RegisterXmmControlStatus); }

static bool is_wide(uint32_t name)
{
    return is_fpu_register(name) || is_between(name, WHvX64RegisterEs, WHvX64RegisterGdtr) || name == WHvRegisterPendingEvent;
}

/* R-REG-01: a name that is none, or that this stand-in cannot serve. */
static bool is_known(struct vp *vp, uint32_t name)
{
    uint32_t msr;
    return is_between(name, WHvX64RegisterRax, WHvX64RegisterXCr0) || is_fpu_register(name) || special_register(vp, name) != NULL ||
           name == WHvX64RegisterTsc || name == WHvX64RegisterInitialApicId || is_between(name, WHvX64RegisterApicId, WHvX64RegisterApicSelfIpi) ||
           is_between(name, WHvRegisterPendingInterruption, WHvRegisterPendingEvent) ||
           is_between(name, WHvX64RegisterDeliverabilityNotifications, WHvX64RegisterPendingDebugException) || msr_of_register(name, &msr);
}

/* ---- x87, SSE, debug ---- */

/* Places in the legacy area (Intel SDM vol. 1, table 10-2). */
enum { FCW = 0, FSW = 2, FTW = 4, FOP = 6, FIP = 8, FDP = 16, MXCSR = 24, ST0 = 32, XMM0 = 160, STATE = 512, X87_AND_SSE = 3 };

static void transfer(uint8_t *area, uint32_t place, void *field, uint32_t size, bool is_write)
{
    memcpy(is_write ? area + place : (uint8_t *)field, is_write ? (uint8_t *)field : area + place, size);
}

static HRESULT fpu_register(struct batch *batch, uint32_t name, WHV_REGISTER_VALUE *value, bool is_write)
{
    if (batch->fpu == NULL)
    {
        HRESULT result = xsave_get(batch->vp, &batch->fpu);
        if (result != S_OK)
        {
            return result;
        }
    }
    uint8_t *area = batch->fpu;
    batch->is_fpu_changed |= is_write;
    area[STATE] |= X87_AND_SSE;
    WHV_X64_FP_CONTROL_STATUS_REGISTER *control = &value->FpControlStatus;
    WHV_X64_XMM_CONTROL_STATUS_REGISTER *xmm = &value->XmmControlStatus;
    if (name == WHvX64RegisterFpControlStatus)
    {
        transfer(area, FCW, &control->FpControl, 2, is_write);
        transfer(area, FSW, &control->FpStatus, 2, is_write);
        transfer(area, FTW, &control->FpTag, 1, is_write);
        transfer(area, FOP, &control->LastFpOp, 2, is_write);
        transfer(area, FIP, &control->LastFpRip, 8, is_write);
    }
    else if (name == WHvX64RegisterXmmControlStatus)
    {
        transfer(area, FDP, &xmm->LastFpRdp, 8, is_write);
        transfer(area, MXCSR, &xmm->XmmStatusControl, 4, is_write);
        xmm->XmmStatusControlMask = 0xFFFF;
    }
    else
    {
        uint32_t place = name < WHvX64RegisterFpMmx0 ? XMM0 + (name - WHvX64RegisterXmm0) * 16 : ST0 + (name - WHvX64RegisterFpMmx0) * 16;
        transfer(area, place, value, name < WHvX64RegisterFpMmx0 ? 16 : 10, is_write);
    }
    return S_OK;
}

static HRESULT debug_register(struct batch *batch, uint32_t name, UINT64 *value, bool is_write)
{
    if (!batch->has_debug)
    {
        HRESULT result = kvm_result(host_ioctl(batch->vp->fd, KVM_GET_DEBUGREGS, &batch->debug), "KVM_GET_DEBUGREGS");
        if (result != S_OK)
        {
            return result;
        }
        batch->has_debug = true;
    }
    batch->is_debug_changed |= is_write;
    __u64 *place = name == WHvX64RegisterDr6 ? &batch->debug.dr6 : name == WHvX64RegisterDr7 ? &batch->debug.dr7 : &batch->debug.db[name - WHvX64RegisterDr0];
    *(is_write ? place : value) = is_write ? *value : *place;
    return S_OK;
}

static HRESULT xcr0(struct vp *vp, UINT64 *value, bool is_write)
{
    struct kvm_xcrs xcrs;
    memset(&xcrs, 0, sizeof xcrs);
    HRESULT result = vp_flush(vp); /* CR4.OSXSAVE goes first */
    result = result != S_OK ? result : kvm_result(host_ioctl(vp->fd, KVM_GET_XCRS, &xcrs), "KVM_GET_XCRS");
    if (result != S_OK || !is_write)
    {
        *value = xcrs.xcrs[0].value;
        return result;
    }
    xcrs.xcrs[0].value = *value;
    return kvm_result(host_ioctl(vp->fd, KVM_SET_XCRS, &xcrs), "KVM_SET_XCRS") == S_OK ? S_OK : HV_E_INVALID_REGISTER_VALUE;
}

/* ---- events ---- */

enum { TYPE_INTERRUPT = WHvX64PendingInterrupt, TYPE_NMI = WHvX64PendingNmi, TYPE_EXCEPTION = WHvX64PendingException };

static void changed(struct vp *vp, UINT64 group) { vp->run->kvm_dirty_regs |= group; }

/* R-INT-01: what is on its way into the guest; injected at the next entry without asking whether it may be taken (see R-INT-02). */
static HRESULT pending_interruption(struct vp *vp, WHV_X64_PENDING_INTERRUPTION_REGISTER *value, bool is_write)
{
    struct kvm_vcpu_events *events = VP_EVENTS(vp);
    if (!is_write)
    {
        value->AsUINT64 = 0;
        value->InterruptionPending = (events->interrupt.injected || events->nmi.injected || events->exception.injected) && !vp->is_event_set;
        if (value->InterruptionPending && events->exception.injected)
        {
            value->InterruptionType = TYPE_EXCEPTION;
            value->InterruptionVector = events->exception.nr;
            value->DeliverErrorCode = events->exception.has_error_code & 1;
            value->ErrorCode = events->exception.error_code;
        }
        else if (value->InterruptionPending)
        {
            value->InterruptionType = events->nmi.injected ? TYPE_NMI : TYPE_INTERRUPT;
            value->InterruptionVector = events->nmi.injected ? 2 : events->interrupt.nr;
        }
        return S_OK;
    }
    if (value->InterruptionPending && value->InterruptionType != TYPE_INTERRUPT && value->InterruptionType != TYPE_NMI &&
        value->InterruptionType != TYPE_EXCEPTION)
    {
        return HV_E_INVALID_REGISTER_VALUE;
    }
    events->interrupt.injected = value->InterruptionPending && value->InterruptionType == TYPE_INTERRUPT;
    events->interrupt.nr = (uint8_t)value->InterruptionVector;
    events->interrupt.soft = 0;
    events->nmi.injected = value->InterruptionPending && value->InterruptionType == TYPE_NMI;
    events->exception.injected = value->InterruptionPending && value->InterruptionType == TYPE_EXCEPTION;
    events->exception.nr = events->exception.injected ? (uint8_t)value->InterruptionVector : 0;
    events->exception.has_error_code = value->DeliverErrorCode;
    events->exception.error_code = value->ErrorCode;
    events->exception.pending = 0;
    vp->is_event_set = false;
    changed(vp, KVM_SYNC_X86_EVENTS);
    return S_OK;
}

/* R-INT-05, R-INT-06: an exception to raise, or an interrupt of the 8259 where the APIC is the platform's. */
static HRESULT pending_event(struct vp *vp, WHV_REGISTER_VALUE *value, bool is_write)
{
    struct kvm_vcpu_events *events = VP_EVENTS(vp);
    WHV_X64_PENDING_EXCEPTION_EVENT *exception = &value->ExceptionEvent;
    if (!is_write)
    {
        exception->EventPending = vp->is_event_set;
        if (!vp->is_event_set && vp->external != 0)
        {
            value->ExtIntEvent.EventPending = 1;
            value->ExtIntEvent.EventType = WHvX64PendingEventExtInt;
            value->ExtIntEvent.Vector = vp->external & 0xFF;
        }
        if (vp->is_event_set)
        {
            exception->EventType = WHvX64PendingEventException;
            exception->Vector = events->exception.nr;
            exception->DeliverErrorCode = events->exception.has_error_code & 1;
            exception->ErrorCode = events->exception.error_code;
        }
        return S_OK;
    }
    if (exception->EventPending && exception->EventType == WHvX64PendingEventExtInt)
    {
        if (vp->partition->apic_mode == WHvX64LocalApicEmulationModeNone)
        {
            return HV_E_INVALID_REGISTER_VALUE;
        }
        vp->external = 0x100 | (uint32_t)value->ExtIntEvent.Vector;
        return S_OK;
    }
    const uint32_t exception_count = 32, debug = 1, page_fault = 14;
    if (exception->EventPending && (exception->EventType != WHvX64PendingEventException || exception->Vector >= exception_count))
    {
        return HV_E_INVALID_REGISTER_VALUE;
    }
    vp->external = 0;
    events->exception.injected = exception->EventPending;
    events->exception.pending = 0;
    events->exception.nr = (uint8_t)exception->Vector;
    events->exception.has_error_code = exception->DeliverErrorCode;
    events->exception.error_code = exception->ErrorCode;
    vp->is_event_set = exception->EventPending;
    changed(vp, KVM_SYNC_X86_EVENTS);
    if (exception->EventPending && exception->Vector == page_fault)
    {
        VP_SREGS(vp)->cr2 = exception->ExceptionParameter;
        changed(vp, KVM_SYNC_X86_SREGS);
    }
    return exception->EventPending && exception->Vector == debug ? debug_status_add(vp, exception->ExceptionParameter) : S_OK;
}

static HRESULT interrupt_state(struct vp *vp, WHV_X64_INTERRUPT_STATE_REGISTER *value, bool is_write)
{
    struct kvm_vcpu_events *events = VP_EVENTS(vp);
    if (is_write)
    {
        events->interrupt.shadow = value->InterruptShadow ? KVM_X86_SHADOW_INT_STI : 0;
        events->nmi.masked = value->NmiMasked;
        changed(vp, KVM_SYNC_X86_EVENTS);
        return S_OK;
    }
    value->AsUINT64 = 0;
    value->InterruptShadow = events->interrupt.shadow != 0;
    value->NmiMasked = events->nmi.masked != 0;
    return S_OK;
}

/* R-APIC-05: with the platform's APIC a processor halts, or waits for its start, inside a run. */
static HRESULT internal_activity(struct vp *vp, WHV_INTERNAL_ACTIVITY_REGISTER *value, bool is_write)
{
    if (vp->partition->apic_mode == WHvX64LocalApicEmulationModeNone)
    {
        *(is_write ? &vp->activity : &value->AsUINT64) = is_write ? value->AsUINT64 : vp->activity;
        return S_OK;
    }
    HRESULT result = vp_flush(vp);
    if (result != S_OK)
    {
        return result;
    }
    struct kvm_mp_state state = {.mp_state = KVM_MP_STATE_RUNNABLE};
    if (is_write)
    {
        state.mp_state = value->StartupSuspend ? KVM_MP_STATE_UNINITIALIZED : value->HaltSuspend ? KVM_MP_STATE_HALTED : KVM_MP_STATE_RUNNABLE;
        return kvm_result(host_ioctl(vp->fd, KVM_SET_MP_STATE, &state), "KVM_SET_MP_STATE");
    }
    result = kvm_result(host_ioctl(vp->fd, KVM_GET_MP_STATE, &state), "KVM_GET_MP_STATE");
    vp->is_stale = true; /* asking makes KVM take an INIT that waits */
    value->AsUINT64 = 0;
    value->StartupSuspend = state.mp_state == KVM_MP_STATE_UNINITIALIZED || state.mp_state == KVM_MP_STATE_INIT_RECEIVED;
    value->HaltSuspend = state.mp_state == KVM_MP_STATE_HALTED;
    return result;
}

/* ---- one register ---- */

static HRESULT cached_register(struct vp *vp, uint32_t name, WHV_REGISTER_VALUE *value, bool is_write)
{
    if (name <= WHvX64RegisterRflags)
    {
        __u64 *place = general_register(vp, name);
        *(is_write ? place : (__u64 *)&value->Reg64) = is_write ? value->Reg64 : *place;
        changed(vp, is_write ? KVM_SYNC_X86_REGS : 0);
        return S_OK;
    }
    if (is_between(name, WHvX64RegisterEs, WHvX64RegisterTr))
    {
        if (is_write)
        {
            segment_to_kvm(&value->Segment, segment_register(vp, name));
        }
        else
        {
            segment_to_whv(segment_register(vp, name), &value->Segment);
        }
    }
    else if (name == WHvX64RegisterIdtr || name == WHvX64RegisterGdtr)
    {
        struct kvm_dtable *table = name == WHvX64RegisterIdtr ? &VP_SREGS(vp)->idt : &VP_SREGS(vp)->gdt;
        if (is_write)
        {
            table->base = value->Table.Base;
            table->limit = value->Table.Limit;
        }
        else
        {
            value->Table.Base = table->base;
            value->Table.Limit = table->limit;
        }
    }
    else
    {
        if (is_write && name == WHvX64RegisterApicBase && switches.deny_apic_base && vp->partition->apic_mode != WHvX64LocalApicEmulationModeNone)
        {
            return E_ACCESSDENIED; /* R-APIC-07 */
        }
        __u64 *place = special_register(vp, name);
        *(is_write ? place : (__u64 *)&value->Reg64) = is_write ? value->Reg64 : *place;
    }
    changed(vp, is_write ? KVM_SYNC_X86_SREGS : 0);
    return S_OK;
}

static HRESULT one_register(struct batch *batch, uint32_t name, WHV_REGISTER_VALUE *value, bool is_write)
{
    struct vp *vp = batch->vp;
    UINT64 *number = &value->Reg64;
    uint32_t msr;
    if (name <= WHvX64RegisterGdtr || special_register(vp, name) != NULL)
    {
        return cached_register(vp, name, value, is_write);
    }
    if (is_between(name, WHvX64RegisterDr0, WHvX64RegisterDr7))
    {
        return debug_register(batch, name, number, is_write);
    }
    if (is_fpu_register(name))
    {
        return fpu_register(batch, name, value, is_write);
    }
    if (is_between(name, WHvX64RegisterApicId, WHvX64RegisterApicSelfIpi))
    {
        return apic_register(vp, name, number, is_write);
    }
    if (msr_of_register(name, &msr))
    {
        return msr_access(vp, msr, number, is_write);
    }
    switch (name)
    {
        case WHvX64RegisterXCr0:
            return xcr0(vp, number, is_write);
        case WHvX64RegisterTsc:
            return tsc_access(vp, number, is_write);
        case WHvX64RegisterInitialApicId:
            *number = vp->index;
            return is_write ? HV_E_INVALID_REGISTER_VALUE : S_OK;
        case WHvRegisterPendingInterruption:
            return pending_interruption(vp, &value->PendingInterruption, is_write);
        case WHvRegisterPendingEvent:
            return pending_event(vp, value, is_write);
        case WHvRegisterInterruptState:
            return interrupt_state(vp, &value->InterruptState, is_write);
        case WHvRegisterInternalActivityState:
            return internal_activity(vp, &value->InternalActivity, is_write);
        case WHvX64RegisterDeliverabilityNotifications: /* R-INT-03 */
            *(is_write ? &vp->notifications : number) = is_write ? *number : vp->notifications;
            return S_OK;
        default: /* PendingDebugException: nothing waits, and nothing can be made to wait */
            *number = is_write ? *number : 0;
            return is_write && *number != 0 ? HV_E_INVALID_REGISTER_VALUE : S_OK;
    }
}

/* ---- the two calls ---- */

static HRESULT begin(WHV_PARTITION_HANDLE handle, uint32_t index, const WHV_REGISTER_NAME *names, uint32_t count, const void *values, struct vp **vp)
{
    HRESULT result = vp_find(handle, index, vp);
    if (result != S_OK)
    {
        return result;
    }
    if (names == NULL || values == NULL || count == 0)
    {
        return E_INVALIDARG;
    }
    if (switches.alignment && (uintptr_t)values % sizeof(WHV_REGISTER_VALUE) != 0)
    {
        return E_INVALIDARG; /* R-ABI-01 */
    }
    if (atomic_load(&(*vp)->running))
    {
        return WHV_E_INVALID_VP_STATE; /* R-VP-05 */
    }
    for (uint32_t i = 0; i < count; i++)
    {
        if (!is_known(*vp, (uint32_t)names[i]))
        {
            trace("register 0x%x is unknown", (unsigned)names[i]);
            return WHV_E_INVALID_VP_REGISTER_NAME; /* R-REG-01 */
        }
    }
    return vp_reload(*vp);
}

HRESULT WINAPI WHvGetVirtualProcessorRegisters(WHV_PARTITION_HANDLE handle, UINT32 index, const WHV_REGISTER_NAME *names, UINT32 count,
                                               WHV_REGISTER_VALUE *values)
{
    struct vp *vp;
    HRESULT result = begin(handle, index, names, count, values, &vp);
    struct batch batch = {.vp = vp};
    for (uint32_t i = 0; i < count && result == S_OK; i++)
    {
        WHV_REGISTER_VALUE value;
        memset(&value, 0, sizeof value);
        result = one_register(&batch, (uint32_t)names[i], &value, false);
        if (switches.poison && !is_wide((uint32_t)names[i]))
        {
            value.Reg128.High64 = 0xCCCCCCCCCCCCCCCC; /* R-ABI-02 */
        }
        memcpy(&values[i], &value, sizeof value);
        result = result == S_OK ? vp_reload(vp) : result;
    }
    free(batch.fpu);
    return result;
}

HRESULT WINAPI WHvSetVirtualProcessorRegisters(WHV_PARTITION_HANDLE handle, UINT32 index, const WHV_REGISTER_NAME *names, UINT32 count,
                                               const WHV_REGISTER_VALUE *values)
{
    struct vp *vp;
    HRESULT result = begin(handle, index, names, count, values, &vp);
    struct batch batch = {.vp = vp};
    for (uint32_t i = 0; i < count && result == S_OK; i++) /* R-REG-02: in order, up to the first that is refused */
    {
        WHV_REGISTER_VALUE value;
        memcpy(&value, &values[i], sizeof value);
        result = one_register(&batch, (uint32_t)names[i], &value, true);
        result = result == S_OK ? vp_reload(vp) : result;
    }
    if (batch.is_fpu_changed)
    {
        HRESULT written = kvm_result(host_ioctl(vp->fd, KVM_SET_XSAVE, batch.fpu), "KVM_SET_XSAVE");
        result = result == S_OK && written != S_OK ? HV_E_INVALID_REGISTER_VALUE : result;
    }
    free(batch.fpu);
    if (batch.is_debug_changed)
    {
        HRESULT written = kvm_result(host_ioctl(vp->fd, KVM_SET_DEBUGREGS, &batch.debug), "KVM_SET_DEBUGREGS");
        result = result == S_OK && written != S_OK ? HV_E_INVALID_REGISTER_VALUE : result;
    }
    return result;
}
