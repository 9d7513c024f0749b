/* R-RUN: entering the guest, and being called back. */
#include "standin.h"
#include <string.h>

/* R-RUN-04: a run that is canceled before it begins returns at once; one cancel ends one run. */
static bool take_cancel(struct vp *vp) { return atomic_exchange(&vp->cancel, 0) != 0; }

int64_t vp_enter(struct vp *vp)
{
    /* The order matters: a canceler sets its flag first, then immediate_exit. */
    volatile __u8 *immediate_exit = &vp->run->immediate_exit;
    *immediate_exit = 0;
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load(&vp->cancel) || atomic_load(&vp->visitors) != 0)
    {
        *immediate_exit = 1;
    }
    if ((vp->run->kvm_dirty_regs & KVM_SYNC_X86_REGS) && VP_EVENTS(vp)->exception.injected)
    {
        vp->run->kvm_dirty_regs |= KVM_SYNC_X86_EVENTS; /* KVM forgets an exception when it is given registers */
    }
    host_acquire(&vp->entrance);
    atomic_store(&vp->is_waiting, 0);
    int64_t result = host_ioctl_value(vp->fd, KVM_RUN, 0);
    host_release(&vp->entrance);
    if (result >= 0 || result == -HOST_EINTR || result == -HOST_EAGAIN)
    {
        vp->run->kvm_dirty_regs = 0;
        vp->is_stale = false;
    }
    return result;
}

void vp_visit(struct vp *vp)
{
    while (atomic_load(&vp->is_waiting))
    {
        host_yield();
    }
    atomic_fetch_add(&vp->visitors, 1);
    *(volatile __u8 *)&vp->run->immediate_exit = 1;
    int thread = atomic_load(&vp->running);
    if (thread != 0)
    {
        host_send_kick(thread);
    }
    host_acquire(&vp->entrance);
}

void vp_leave(struct vp *vp)
{
    host_release(&vp->entrance);
    atomic_fetch_sub(&vp->visitors, 1);
}

int64_t vp_continue(struct vp *vp)
{
    struct kvm_run *run = vp->run;
    run->immediate_exit = 1;
    int64_t result = host_ioctl_value(vp->fd, KVM_RUN, 0);
    run->kvm_dirty_regs = 0;
    bool has_more = result == 0 && (run->exit_reason == KVM_EXIT_MMIO || run->exit_reason == KVM_EXIT_IO);
    return has_more ? 0 : -1;
}

static int64_t complete_step(struct vp *vp)
{
    struct kvm_run *run = vp->run;
    if (run->exit_reason == KVM_EXIT_MMIO && !run->mmio.is_write)
    {
        memset(run->mmio.data, 0, sizeof run->mmio.data);
    }
    else if (run->exit_reason == KVM_EXIT_IO && run->io.direction == KVM_EXIT_IO_IN)
    {
        memset((char *)run + run->io.data_offset, 0, (size_t)run->io.size * run->io.count);
    }
    return vp_continue(vp);
}

/* Writes are told part by part; a read's further accesses are finished along with it. */
int64_t vp_complete(struct vp *vp)
{
    bool is_read = (vp->run->exit_reason == KVM_EXIT_MMIO && !vp->run->mmio.is_write) ||
                   (vp->run->exit_reason == KVM_EXIT_IO && vp->run->io.direction == KVM_EXIT_IO_IN);
    int64_t result = complete_step(vp);
    for (int i = 0; i < 4096 && is_read && result == 0; i++)
    {
        result = complete_step(vp);
    }
    return result;
}

static void prepare(struct vp *vp)
{
    struct kvm_run *run = vp->run;
    WHV_X64_DELIVERABILITY_NOTIFICATIONS_REGISTER wanted = {.AsUINT64 = vp->notifications};
    run->cr8 = VP_SREGS(vp)->cr8; /* without an APIC of its own KVM takes it from here */
    bool is_priority_open = wanted.InterruptPriority == 0 || wanted.InterruptPriority > run->cr8;
    run->request_interrupt_window = (wanted.InterruptNotification && is_priority_open) || vp->external != 0;
    vp->entry_rip = VP_REGS(vp)->rip;
}

/* R-INT-02: the processor refuses to be entered with an interrupt on its way that it could not take. */
static bool is_interruption_valid(struct vp *vp)
{
    const UINT64 interrupts_enabled = 1 << 9;
    const struct kvm_vcpu_events *events = VP_EVENTS(vp);
    bool can_take = (VP_REGS(vp)->rflags & interrupts_enabled) && !events->interrupt.shadow;
    return !(vp->run->kvm_dirty_regs & KVM_SYNC_X86_EVENTS) || !events->interrupt.injected || can_take;
}

/* R-INT-04: the window for an NMI is open unless one is being handled. */
static bool is_nmi_window(struct vp *vp)
{
    WHV_X64_DELIVERABILITY_NOTIFICATIONS_REGISTER wanted = {.AsUINT64 = vp->notifications};
    return wanted.NmiNotification && !VP_EVENTS(vp)->nmi.masked && !VP_EVENTS(vp)->nmi.injected;
}

/* R-INT-03: a window that is open already is told without entering the guest, and what waits for it goes in. */
static bool is_window_open(struct vp *vp)
{
    const UINT64 interrupts_enabled = 1 << 9;
    const struct kvm_vcpu_events *events = VP_EVENTS(vp);
    bool is_busy = events->interrupt.injected || events->nmi.injected || events->exception.injected || events->interrupt.shadow;
    return (VP_REGS(vp)->rflags & interrupts_enabled) && !is_busy;
}

static bool is_interrupt_window(struct vp *vp)
{
    WHV_X64_DELIVERABILITY_NOTIFICATIONS_REGISTER wanted = {.AsUINT64 = vp->notifications};
    bool is_priority_open = wanted.InterruptPriority == 0 || wanted.InterruptPriority > VP_SREGS(vp)->cr8;
    return wanted.InterruptNotification && is_priority_open && is_window_open(vp);
}

static void tell_window(struct vp *vp, WHV_RUN_VP_EXIT_CONTEXT *context, uint32_t *payload, WHV_X64_PENDING_INTERRUPTION_TYPE type)
{
    WHV_X64_DELIVERABILITY_NOTIFICATIONS_REGISTER told = {.NmiNotification = type == WHvX64PendingNmi, .InterruptNotification = type != WHvX64PendingNmi,
                                                          .InterruptPriority = type != WHvX64PendingNmi ? 0xF : 0};
    vp->notifications &= ~told.AsUINT64;
    vp->window_exits.Count++;
    context->ExitReason = WHvRunVpExitReasonX64InterruptWindow;
    context->InterruptWindow.DeliverableType = type;
    *payload = sizeof context->InterruptWindow;
    fill_vp_context(vp, &context->VpContext, 0);
}

static HRESULT run_until_exit(struct vp *vp, WHV_RUN_VP_EXIT_CONTEXT *context, uint32_t *payload)
{
    for (;;)
    {
        memset(context, 0, sizeof *context);
        *payload = 0;
        if (take_cancel(vp))
        {
            context->ExitReason = WHvRunVpExitReasonCanceled;
            context->CancelReason.CancelReason = WhvRunVpCancelReasonUser;
            *payload = sizeof context->CancelReason;
            return S_OK;
        }
        HRESULT result = vp_reload(vp);
        result = result == S_OK ? debug_apply(vp) : result;
        if (result != S_OK)
        {
            return result;
        }
        if (!is_interruption_valid(vp))
        {
            context->ExitReason = WHvRunVpExitReasonInvalidVpRegisterValue;
            fill_vp_context(vp, &context->VpContext, 0);
            return S_OK;
        }
        if (is_nmi_window(vp) || is_interrupt_window(vp))
        {
            tell_window(vp, context, payload, is_nmi_window(vp) ? WHvX64PendingNmi : WHvX64PendingInterrupt);
            return S_OK;
        }
        if (vp->external != 0 && is_window_open(vp) && external_interrupt(vp) != S_OK)
        {
            trace("an external interrupt is lost"); /* KVM has one already */
        }
        atomic_store(&vp->is_waiting, 1);
        while (atomic_load(&vp->visitors) != 0)
        {
            host_yield();
        }
        prepare(vp);
        int64_t entered = vp_enter(vp);
        if (entered == -HOST_EINTR || entered == -HOST_EAGAIN)
        {
            host_drain_kicks();
            continue; /* R-RUN-05: nobody asked, or the processor was started just now */
        }
        if (entered == -HOST_EINVAL && vp->run->kvm_dirty_regs != 0)
        {
            context->ExitReason = WHvRunVpExitReasonInvalidVpRegisterValue; /* R-RUN-07 */
            fill_vp_context(vp, &context->VpContext, 0);
            return S_OK;
        }
        if (entered < 0)
        {
            return kvm_result(entered, "KVM_RUN");
        }
        vp->is_event_set = false;
        debug_after_run(vp);
        trace("vp %u: KVM's exit %u at rip %llx", vp->index, vp->run->exit_reason, VP_REGS(vp)->rip);
        if (exit_to_context(vp, context, payload))
        {
            return S_OK;
        }
    }
}

static void bind_to_thread(struct vp *vp)
{
    UINT64 mask = host_block_kick();
    int thread = host_thread_id();
    if (vp->thread != thread)
    {
        struct
        {
            struct kvm_signal_mask header;
            UINT64 mask;
        } __attribute__((packed)) argument = {.header.len = sizeof mask, .mask = mask};
        host_ioctl(vp->fd, KVM_SET_SIGNAL_MASK, &argument);
        vp->thread = thread;
    }
}

/* R-ABI-02, R-RUN-08: spoils what the exit does not fill, and writes what the caller has room for. */
static void hand_over(const WHV_RUN_VP_EXIT_CONTEXT *context, uint32_t payload, void *buffer, uint32_t size)
{
    WHV_RUN_VP_EXIT_CONTEXT copy = *context;
    const uint32_t oldest_size = 144;
    bool is_short = switches.short_context || windows_version < WINDOWS_2004;
    uint32_t written = size < sizeof copy ? size : sizeof copy;
    written = is_short && written > oldest_size ? oldest_size : written;
    if (switches.poison)
    {
        uint32_t filled = offsetof(WHV_RUN_VP_EXIT_CONTEXT, MemoryAccess) + payload;
        memset((char *)&copy + filled, 0xCC, sizeof copy - filled);
        if (context->ExitReason == WHvRunVpExitReasonCanceled)
        {
            memset(&copy.VpContext, 0xCC, sizeof copy.VpContext); /* R-RUN-09 */
        }
    }
    memcpy(buffer, &copy, written);
}

HRESULT WINAPI WHvRunVirtualProcessor(WHV_PARTITION_HANDLE handle, UINT32 index, VOID *buffer, UINT32 size)
{
    struct vp *vp;
    HRESULT result = vp_find(handle, index, &vp);
    if (result != S_OK)
    {
        return result; /* R-RUN-01 */
    }
    const uint32_t smallest_size = 144;
    if (buffer == NULL || size < smallest_size)
    {
        return buffer == NULL ? E_POINTER : WHV_E_INSUFFICIENT_BUFFER; /* R-RUN-02 */
    }
    if (switches.alignment && (uintptr_t)buffer % 16 != 0)
    {
        return E_INVALIDARG; /* R-ABI-01 */
    }
    int expected = 0;
    if (!atomic_compare_exchange_strong(&vp->running, &expected, host_thread_id()))
    {
        return WHV_E_INVALID_VP_STATE; /* R-RUN-03 */
    }
    bind_to_thread(vp);
    WHV_RUN_VP_EXIT_CONTEXT context;
    uint32_t payload = 0;
    UINT64 start = host_nanoseconds();
    result = time_resume(vp->partition); /* R-TIME-03 */
    if (switches.spurious_cancels != 0 && ++vp->runs % switches.spurious_cancels == 0)
    {
        atomic_store(&vp->cancel, 1); /* R-RUN-06 */
    }
    result = result == S_OK ? run_until_exit(vp, &context, &payload) : result;
    vp->runtime_ns += host_nanoseconds() - start;
    atomic_store(&vp->running, 0);
    if (result == S_OK)
    {
        hand_over(&context, payload, buffer, size);
    }
    return result;
}

HRESULT WINAPI WHvCancelRunVirtualProcessor(WHV_PARTITION_HANDLE handle, UINT32 index, UINT32 flags)
{
    struct vp *vp;
    HRESULT result = vp_find(handle, index, &vp);
    if (result != S_OK || flags != 0)
    {
        return result != S_OK ? result : E_INVALIDARG;
    }
    atomic_store(&vp->cancel, 1);
    *(volatile __u8 *)&vp->run->immediate_exit = 1;
    int thread = atomic_load(&vp->running);
    if (thread != 0)
    {
        host_send_kick(thread);
    }
    return S_OK;
}
