/* R-EXIT: KVM's exits as the platform's. */
#include "undo.h"
#include <string.h>

#define PAYLOAD(member) sizeof(((WHV_RUN_VP_EXIT_CONTEXT *)0)->member)

void fill_vp_context(struct vp *vp, WHV_VP_EXIT_CONTEXT *context, uint32_t length)
{
    const struct kvm_sregs *sregs = VP_SREGS(vp);
    const struct kvm_vcpu_events *events = VP_EVENTS(vp);
    memset(context, 0, sizeof *context);
    context->ExecutionState.Cpl = sregs->ss.dpl & 3;
    context->ExecutionState.Cr0Pe = sregs->cr0 & 1;
    context->ExecutionState.Cr0Am = sregs->cr0 >> 18 & 1;
    context->ExecutionState.EferLma = sregs->efer >> 10 & 1;
    context->ExecutionState.InterruptionPending = events->interrupt.injected || events->nmi.injected || events->exception.injected;
    context->ExecutionState.InterruptShadow = events->interrupt.shadow != 0;
    context->InstructionLength = length & 0xF;
    context->Cr8 = sregs->cr8 & 0xF;
    segment_to_whv(&sregs->cs, &context->Cs);
    context->Rip = VP_REGS(vp)->rip;
    context->Rflags = VP_REGS(vp)->rflags;
}

/* R-EXIT-02: up to 16 bytes from the instruction on, as far as they can be read. */
static uint8_t fill_instruction(struct vp *vp, UINT8 *bytes)
{
    const struct kvm_sregs *sregs = VP_SREGS(vp);
    UINT64 rip = linear_address(sregs, 1, VP_REGS(vp)->rip, decode_mode(sregs));
    return switches.no_instruction_bytes ? 0 : (uint8_t)paging_read(vp, rip, bytes, 16);
}

static void count(WHV_PROCESSOR_INTERCEPT_COUNTER *counter) { counter->Count++; }

/* R-EXIT-06: what KVM cannot go on with and the platform has no other word for. The length of 0 says that no instruction is to blame. */
static bool unsupported(struct vp *vp, WHV_RUN_VP_EXIT_CONTEXT *context, uint32_t *payload, uint32_t length)
{
    context->ExitReason = WHvRunVpExitReasonUnsupportedFeature;
    context->UnsupportedFeature.FeatureCode = WHvUnsupportedFeatureIntercept;
    context->UnsupportedFeature.FeatureParameter = vp->run->exit_reason;
    *payload = PAYLOAD(UnsupportedFeature);
    fill_vp_context(vp, &context->VpContext, length);
    count(&vp->other_exits);
    return true;
}

/* The instruction that KVM's emulator lacks; 1 where this file's decoder does not know it either. */
static uint32_t failed_length(struct vp *vp, UINT64 rip)
{
    UINT8 bytes[16];
    struct instruction in;
    uint32_t available = (uint32_t)paging_read(vp, rip, bytes, sizeof bytes);
    return decode(bytes, available, decode_mode(VP_SREGS(vp)), &in) ? in.length : 1;
}

/* R-EXIT-01 */
static bool port(struct vp *vp, WHV_RUN_VP_EXIT_CONTEXT *context, uint32_t *payload)
{
    struct kvm_run *run = vp->run;
    struct access access = {
        .is_port = true,
        .is_write = run->io.direction == KVM_EXIT_IO_OUT,
        .address = run->io.port,
        .size = run->io.size,
        .count = run->io.count,
    };
    if (access.is_write)
    {
        memcpy(&access.data, (char *)run + run->io.data_offset, access.size);
    }
    struct instruction in;
    if (!undo(vp, &access, &in))
    {
        return unsupported(vp, context, payload, 0);
    }
    const struct kvm_regs *regs = VP_REGS(vp);
    WHV_X64_IO_PORT_ACCESS_CONTEXT *out = &context->IoPortAccess;
    context->ExitReason = WHvRunVpExitReasonX64IoPortAccess;
    *payload = PAYLOAD(IoPortAccess);
    out->InstructionByteCount = fill_instruction(vp, out->InstructionBytes);
    out->AccessInfo.IsWrite = access.is_write;
    out->AccessInfo.AccessSize = access.size & 7;
    out->AccessInfo.StringOp = is_string(&in);
    out->AccessInfo.RepPrefix = is_string(&in) && in.repeat != 0;
    out->PortNumber = (UINT16)access.address;
    out->Rax = regs->rax;
    out->Rcx = regs->rcx;
    out->Rsi = regs->rsi;
    out->Rdi = regs->rdi;
    segment_to_whv(&VP_SREGS(vp)->ds, &out->Ds);
    segment_to_whv(&VP_SREGS(vp)->es, &out->Es);
    fill_vp_context(vp, &context->VpContext, in.length);
    count(&vp->io_exits);
    return true;
}

/* R-MEM-15: the address that the instruction names, where it leads to the GPA. */
static void fill_gva(struct vp *vp, WHV_MEMORY_ACCESS_CONTEXT *out, const struct instruction *in)
{
    UINT64 gpa, linear = decode_address(in, VP_REGS(vp), VP_SREGS(vp), VP_REGS(vp)->rip);
    if (in->has_memory && !switches.no_gva && paging_translate(vp, linear, 0, &gpa) == WHvTranslateGvaResultSuccess && gpa == out->Gpa)
    {
        out->AccessInfo.GvaValid = 1;
        out->Gva = linear;
    }
}

/* R-MEM-13: accesses to what is memory by now. False where one of the instruction's is none; it is KVM's exit then. */
static bool serve(struct vp *vp)
{
    struct kvm_run *run = vp->run;
    while (run->exit_reason == KVM_EXIT_MMIO && memory_serve(vp->partition, run->mmio.phys_addr, run->mmio.data, run->mmio.len, run->mmio.is_write))
    {
        if (vp_continue(vp) != 0)
        {
            return true;
        }
    }
    return false;
}

/* R-EXIT-03, R-MEM-07, R-MEM-08 */
static bool memory(struct vp *vp, WHV_RUN_VP_EXIT_CONTEXT *context, uint32_t *payload)
{
    struct kvm_run *run = vp->run;
    struct access access = {.is_write = run->mmio.is_write, .address = run->mmio.phys_addr, .size = run->mmio.len};
    memcpy(&access.data, run->mmio.data, sizeof access.data);
    struct instruction in;
    if (!undo(vp, &access, &in))
    {
        return unsupported(vp, context, payload, 0);
    }
    enum access_verdict verdict = memory_verdict(vp->partition, access.address, access.is_write);
    WHV_MEMORY_ACCESS_CONTEXT *out = &context->MemoryAccess;
    context->ExitReason = WHvRunVpExitReasonMemoryAccess;
    *payload = PAYLOAD(MemoryAccess);
    out->InstructionByteCount = fill_instruction(vp, out->InstructionBytes);
    out->AccessInfo.AccessType = access.is_write ? WHvMemoryAccessWrite : WHvMemoryAccessRead;
    out->AccessInfo.GpaUnmapped = verdict == ACCESS_UNMAPPED;
    out->Gpa = access.address;
    fill_gva(vp, out, &in);
    memory_show(vp->partition, access.address);
    fill_vp_context(vp, &context->VpContext, 0); /* R-EXIT-04 */
    count(&vp->memory_exits);
    return true;
}

/* R-EXIT-06: besides leaving, KVM queues #UD for a guest at CPL0. Left in place it would go in at the next run. */
static void drop_invalid_opcode(struct vp *vp)
{
    const uint8_t invalid_opcode = 6;
    struct kvm_vcpu_events *events = VP_EVENTS(vp);
    if ((events->exception.injected || events->exception.pending) && events->exception.nr == invalid_opcode)
    {
        events->exception.injected = 0;
        events->exception.pending = 0;
        vp->run->kvm_dirty_regs |= KVM_SYNC_X86_EVENTS;
    }
}

/* R-EXIT-05: KVM's emulator says only that it failed; an instruction that lies nowhere is the platform's execute access. */
static bool failed_emulation(struct vp *vp, WHV_RUN_VP_EXIT_CONTEXT *context, uint32_t *payload)
{
    const struct kvm_sregs *sregs = VP_SREGS(vp);
    UINT64 gpa = 0, rip = linear_address(sregs, 1, VP_REGS(vp)->rip, decode_mode(sregs));
    bool is_translated = paging_translate(vp, rip, 0, &gpa) == WHvTranslateGvaResultSuccess;
    enum access_verdict verdict = memory_verdict(vp->partition, gpa, false);
    trace("KVM's internal error %u at %llx", vp->run->internal.suberror, (unsigned long long)rip);
    drop_invalid_opcode(vp);
    if (!is_translated || verdict == ACCESS_ALLOWED)
    {
        bool is_instruction = is_translated && vp->run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION;
        return unsupported(vp, context, payload, is_instruction ? failed_length(vp, rip) : 0);
    }
    context->ExitReason = WHvRunVpExitReasonMemoryAccess;
    *payload = PAYLOAD(MemoryAccess);
    context->MemoryAccess.AccessInfo.AccessType = WHvMemoryAccessExecute;
    context->MemoryAccess.AccessInfo.GpaUnmapped = verdict == ACCESS_UNMAPPED;
    context->MemoryAccess.AccessInfo.GvaValid = !switches.no_gva;
    context->MemoryAccess.Gva = switches.no_gva ? 0 : rip;
    context->MemoryAccess.Gpa = gpa;
    memory_show(vp->partition, gpa);
    fill_vp_context(vp, &context->VpContext, 0);
    count(&vp->memory_exits);
    return true;
}

/* R-MSR-03 */
static bool msr(struct vp *vp, WHV_RUN_VP_EXIT_CONTEXT *context, uint32_t *payload)
{
    struct kvm_run *run = vp->run;
    struct kvm_regs regs = *VP_REGS(vp);
    context->ExitReason = WHvRunVpExitReasonX64MsrAccess;
    *payload = PAYLOAD(MsrAccess);
    context->MsrAccess.AccessInfo.IsWrite = run->exit_reason == KVM_EXIT_X86_WRMSR;
    context->MsrAccess.MsrNumber = run->msr.index;
    context->MsrAccess.Rax = regs.rax;
    context->MsrAccess.Rdx = regs.rdx;
    run->msr.error = 0;
    run->msr.data = 0;
    vp_complete(vp);
    *VP_REGS(vp) = regs;
    run->kvm_dirty_regs |= KVM_SYNC_X86_REGS;
    const uint32_t length = 2; /* RDMSR, WRMSR */
    fill_vp_context(vp, &context->VpContext, length);
    count(&vp->msr_exits);
    return true;
}

/* R-DEBUG-02, R-DEBUG-03: RIP is at INT3 itself; DR6 as it would become is told, and the guest's own stays. */
static bool exception(struct vp *vp, WHV_RUN_VP_EXIT_CONTEXT *context, uint32_t *payload)
{
    WHV_VP_EXCEPTION_CONTEXT *out = &context->VpException;
    bool is_breakpoint = vp->run->debug.arch.exception == WHvX64ExceptionTypeBreakpointTrap;
    context->ExitReason = WHvRunVpExitReasonException;
    *payload = PAYLOAD(VpException);
    out->InstructionByteCount = fill_instruction(vp, out->InstructionBytes);
    out->ExceptionType = (UINT8)vp->run->debug.arch.exception;
    out->ExceptionInfo.SoftwareException = is_breakpoint;
    out->ExceptionParameter = is_breakpoint ? 0 : vp->run->debug.arch.dr6;
    fill_vp_context(vp, &context->VpContext, is_breakpoint ? 1 : 0);
    count(&vp->other_exits);
    return true;
}

bool exit_to_context(struct vp *vp, WHV_RUN_VP_EXIT_CONTEXT *context, uint32_t *payload)
{
    switch (vp->run->exit_reason)
    {
        case KVM_EXIT_IO:
            return port(vp, context, payload);
        case KVM_EXIT_MMIO:
        {
            host_acquire(&vp->partition->lock); /* memory stays as it is until KVM has done with the instruction */
            bool has_exit = !serve(vp) && memory(vp, context, payload);
            host_release(&vp->partition->lock);
            return has_exit;
        }
        case KVM_EXIT_X86_RDMSR:
        case KVM_EXIT_X86_WRMSR:
            return msr(vp, context, payload);
        case KVM_EXIT_DEBUG:
            return exception(vp, context, payload);
        case KVM_EXIT_INTERNAL_ERROR:
            return failed_emulation(vp, context, payload);
        case KVM_EXIT_SET_TPR: /* the priority that InterruptPriority waits for may be reached */
            return false;
        case KVM_EXIT_HLT: /* R-EXIT-07: RIP is past it */
            context->ExitReason = WHvRunVpExitReasonX64Halt;
            fill_vp_context(vp, &context->VpContext, 1);
            count(&vp->halt_exits);
            return true;
        case KVM_EXIT_IRQ_WINDOW_OPEN: /* R-INT-03: told once */
        {
            if (vp->external != 0 && external_interrupt(vp) == S_OK)
            {
                return false; /* R-INT-06: what waited goes in first */
            }
            WHV_X64_DELIVERABILITY_NOTIFICATIONS_REGISTER wanted = {.AsUINT64 = vp->notifications};
            wanted.InterruptNotification = 0;
            wanted.InterruptPriority = 0;
            vp->notifications = wanted.AsUINT64;
            context->ExitReason = WHvRunVpExitReasonX64InterruptWindow;
            context->InterruptWindow.DeliverableType = WHvX64PendingInterrupt;
            *payload = PAYLOAD(InterruptWindow);
            fill_vp_context(vp, &context->VpContext, 0);
            count(&vp->window_exits);
            return true;
        }
        case KVM_EXIT_SHUTDOWN: /* R-EXIT-08: a triple fault */
            context->ExitReason = WHvRunVpExitReasonUnrecoverableException;
            fill_vp_context(vp, &context->VpContext, 0);
            return true;
        case KVM_EXIT_FAIL_ENTRY: /* R-RUN-07 */
            context->ExitReason = WHvRunVpExitReasonInvalidVpRegisterValue;
            fill_vp_context(vp, &context->VpContext, 0);
            return true;
        case KVM_EXIT_IOAPIC_EOI: /* R-APIC-06: level-triggered vectors only */
            if (!interrupt_was_level(vp, vp->run->eoi.vector))
            {
                return false;
            }
            context->ExitReason = WHvRunVpExitReasonX64ApicEoi;
            context->ApicEoi.InterruptVector = vp->run->eoi.vector;
            *payload = PAYLOAD(ApicEoi);
            fill_vp_context(vp, &context->VpContext, 0);
            count(&vp->other_exits);
            return true;
        default:
            return unsupported(vp, context, payload, 0);
    }
}
