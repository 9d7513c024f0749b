/* R-DEBUG: the two exceptions that KVM can be asked to leave the guest for, #DB and #BP. */
#include "standin.h"
#include <string.h>

enum { RFLAGS_TF = 1 << 8 };

static bool wants(const struct vp *vp, WHV_EXCEPTION_TYPE type)
{
    WHV_EXTENDED_VM_EXITS exits = {.AsUINT64 = vp->partition->extended_exits};
    return exits.ExceptionExit && (vp->partition->exception_exits >> type & 1);
}

/* R-DEBUG-01: the guest's own debug registers and trap flag count, so they are handed to KVM as if a debugger had set them. */
HRESULT debug_apply(struct vp *vp)
{
    struct kvm_guest_debug debug;
    memset(&debug, 0, sizeof debug);
    if (wants(vp, WHvX64ExceptionTypeBreakpointTrap))
    {
        debug.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP;
    }
    if (wants(vp, WHvX64ExceptionTypeDebugTrapOrFault))
    {
        struct kvm_debugregs registers;
        HRESULT result = kvm_result(host_ioctl(vp->fd, KVM_GET_DEBUGREGS, &registers), "KVM_GET_DEBUGREGS");
        if (result != S_OK)
        {
            return result;
        }
        debug.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP;
        debug.control |= VP_REGS(vp)->rflags & RFLAGS_TF ? KVM_GUESTDBG_SINGLESTEP : 0;
        memcpy(debug.arch.debugreg, registers.db, sizeof registers.db);
        debug.arch.debugreg[7] = registers.dr7;
    }
    if (debug.control == 0 && vp->debug_control == 0)
    {
        return S_OK;
    }
    vp->debug_control = debug.control;
    HRESULT result = vp_flush(vp); /* KVM remembers from which RIP it steps */
    return result != S_OK ? result : kvm_result(host_ioctl(vp->fd, KVM_SET_GUEST_DEBUG, &debug), "KVM_SET_GUEST_DEBUG");
}

/* While KVM steps it hides the trap flag, which here is the guest's own. */
void debug_after_run(struct vp *vp)
{
    if (vp->debug_control & KVM_GUESTDBG_SINGLESTEP)
    {
        VP_REGS(vp)->rflags |= RFLAGS_TF;
        vp->run->kvm_dirty_regs |= KVM_SYNC_X86_REGS;
    }
}

/* A #DB that is raised for the guest brings its cause. */
HRESULT debug_status_add(struct vp *vp, UINT64 bits)
{
    const UINT64 causes = 0xE00F;
    struct kvm_debugregs registers;
    int64_t result = host_ioctl(vp->fd, KVM_GET_DEBUGREGS, &registers);
    registers.dr6 |= bits & causes;
    result = result < 0 ? result : host_ioctl(vp->fd, KVM_SET_DEBUGREGS, &registers);
    return kvm_result(result, "DR6");
}
