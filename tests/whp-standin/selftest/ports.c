#include "selftest.h"

static void single_accesses(void)
{
    struct machine m;
    machine_create(&m, NULL);
    /* mov al,41; out 10,al; mov dx,1234; out dx,al; out dx,eax; in al,20; in eax,dx; hlt; in ax,dx */
    CODE_AT(&m, CODE, 0xB0, 0x41, 0xE6, 0x10, 0xBA, 0x34, 0x12, 0xEE, 0x66, 0xEF, 0xE4, 0x20, 0x66, 0xED, 0xF4, 0xED, 0xF4);
    start_real(&m, 0, CODE);
    WHV_X64_IO_PORT_ACCESS_CONTEXT *port = &m.exit->IoPortAccess;

    EQUAL("R-EXIT-01", WHvRunVpExitReasonX64IoPortAccess, run(&m, 0));
    EQUAL("R-EXIT-01", 0x10, port->PortNumber);
    EQUAL("R-EXIT-01", 1, port->AccessInfo.IsWrite);
    EQUAL("R-EXIT-01", 1, port->AccessInfo.AccessSize);
    EQUAL("R-EXIT-01", 0, port->AccessInfo.StringOp);
    EQUAL("R-EXIT-01", 0x41, port->Rax & 0xFF);
    EQUAL("R-UNDO-01", 0x1002, m.exit->VpContext.Rip);
    EQUAL("R-UNDO-01", 2, m.exit->VpContext.InstructionLength);
    EQUAL("R-UNDO-01", 0x1002, get(&m, 0, WHvX64RegisterRip));
    EQUAL("R-EXIT-02", 16, port->InstructionByteCount);
    EQUAL("R-EXIT-02", 0xE6, port->InstructionBytes[0]);
    EQUAL("R-EXIT-02", 0x10, port->InstructionBytes[1]);

    /* Not skipped: it comes again. */
    EQUAL("R-UNDO-01", WHvRunVpExitReasonX64IoPortAccess, run(&m, 0));
    EQUAL("R-UNDO-01", 0x1002, m.exit->VpContext.Rip);
    skip(&m, 0, m.exit->VpContext.InstructionLength);

    EQUAL("R-UNDO-03", WHvRunVpExitReasonX64IoPortAccess, run(&m, 0));
    EQUAL("R-UNDO-03", 0x1234, port->PortNumber);
    EQUAL("R-UNDO-03", 0x1007, m.exit->VpContext.Rip);
    EQUAL("R-UNDO-03", 1, m.exit->VpContext.InstructionLength);
    skip(&m, 0, 1);
    EQUAL("R-UNDO-03", WHvRunVpExitReasonX64IoPortAccess, run(&m, 0));
    EQUAL("R-UNDO-03", 4, port->AccessInfo.AccessSize);
    EQUAL("R-UNDO-03", 0x1008, m.exit->VpContext.Rip);
    EQUAL("R-UNDO-03", 2, m.exit->VpContext.InstructionLength);
    skip(&m, 0, 2);

    EQUAL("R-UNDO-01", WHvRunVpExitReasonX64IoPortAccess, run(&m, 0));
    EQUAL("R-UNDO-01", 0, port->AccessInfo.IsWrite);
    EQUAL("R-UNDO-01", 0x20, port->PortNumber);
    EQUAL("R-UNDO-01", 2, m.exit->VpContext.InstructionLength);
    EQUAL("R-UNDO-01", 0x41, get(&m, 0, WHvX64RegisterRax) & 0xFF);
    set(&m, 0, WHvX64RegisterRax, 0x99);
    skip(&m, 0, 2);
    EQUAL("R-UNDO-01", WHvRunVpExitReasonX64IoPortAccess, run(&m, 0));
    EQUAL("R-UNDO-01", 4, port->AccessInfo.AccessSize);
    EQUAL("R-UNDO-01", 0x99, port->Rax & 0xFF);
    set(&m, 0, WHvX64RegisterRax, 0xDEADBEEF);
    skip(&m, 0, m.exit->VpContext.InstructionLength);

    EQUAL("R-EXIT-07", WHvRunVpExitReasonX64Halt, run(&m, 0));
    EQUAL("R-EXIT-07", 0x100F, m.exit->VpContext.Rip);
    EQUAL("R-EXIT-07", 0xDEADBEEF, get(&m, 0, WHvX64RegisterRax));
    machine_delete(&m);
}

static void strings(void)
{
    struct machine m;
    machine_create(&m, NULL);
    /* rep outsb to DX; rep insw from DX; hlt */
    CODE_AT(&m, CODE, 0xF3, 0x6E, 0xF3, 0x6D, 0x6E, 0x6D, 0xF4);
    start_real(&m, 0, CODE);
    memset(m.memory + 0x2000, 0x5A, 16);
    memset(m.memory + 0x3000, 0xA5, 16);
    set(&m, 0, WHvX64RegisterRdx, 0x300);
    set(&m, 0, WHvX64RegisterRcx, 4);
    set(&m, 0, WHvX64RegisterRsi, 0x2000);
    set(&m, 0, WHvX64RegisterRdi, 0x3000);
    WHV_X64_IO_PORT_ACCESS_CONTEXT *port = &m.exit->IoPortAccess;

    EQUAL("R-UNDO-04", WHvRunVpExitReasonX64IoPortAccess, run(&m, 0));
    EQUAL("R-UNDO-04", 1, port->AccessInfo.StringOp);
    EQUAL("R-UNDO-04", 1, port->AccessInfo.RepPrefix);
    EQUAL("R-UNDO-04", 1, port->AccessInfo.IsWrite);
    EQUAL("R-UNDO-04", 1, port->AccessInfo.AccessSize);
    EQUAL("R-UNDO-04", 4, port->Rcx);
    EQUAL("R-UNDO-04", 0x2000, port->Rsi);
    EQUAL("R-UNDO-04", CODE, m.exit->VpContext.Rip);
    EQUAL("R-UNDO-04", 2, m.exit->VpContext.InstructionLength);
    EQUAL("R-UNDO-04", 4, get(&m, 0, WHvX64RegisterRcx));
    skip(&m, 0, 2);

    set(&m, 0, WHvX64RegisterRcx, 3);
    EQUAL("R-UNDO-02", WHvRunVpExitReasonX64IoPortAccess, run(&m, 0));
    EQUAL("R-UNDO-02", 0, port->AccessInfo.IsWrite);
    EQUAL("R-UNDO-02", 1, port->AccessInfo.StringOp);
    EQUAL("R-UNDO-02", 2, port->AccessInfo.AccessSize);
    EQUAL("R-UNDO-02", 3, port->Rcx);
    EQUAL("R-UNDO-02", 0x3000, port->Rdi);
    EQUAL("R-UNDO-02", 0x3000, get(&m, 0, WHvX64RegisterRdi));
    EQUAL("R-UNDO-02", 0xA5, m.memory[0x3000]);
    EQUAL("R-UNDO-02", 0xA5, m.memory[0x3005]);
    skip(&m, 0, 2);

    EQUAL("R-UNDO-03", WHvRunVpExitReasonX64IoPortAccess, run(&m, 0));
    EQUAL("R-UNDO-03", 1, port->AccessInfo.StringOp);
    EQUAL("R-UNDO-03", 0, port->AccessInfo.RepPrefix);
    EQUAL("R-UNDO-03", 0x1004, m.exit->VpContext.Rip);
    EQUAL("R-UNDO-03", 0x2000, port->Rsi);
    EQUAL("R-UNDO-03", 3, port->Rcx);
    skip(&m, 0, 1);
    EQUAL("R-UNDO-02", WHvRunVpExitReasonX64IoPortAccess, run(&m, 0));
    EQUAL("R-UNDO-02", 0, port->AccessInfo.RepPrefix);
    EQUAL("R-UNDO-02", 0xA5, m.memory[0x3000]);
    EQUAL("R-UNDO-02", 0x1005, m.exit->VpContext.Rip);
    machine_delete(&m);
}

/* Both ways of KVM: at CPL3 a host that interprets CPL0 enters the guest for real. */
static void user_mode(void)
{
    struct machine m;
    machine_create(&m, NULL);
    /* mov al,7; out 10,al; in al,11; jmp back */
    CODE_AT(&m, CODE, 0xB0, 0x07, 0xE6, 0x10, 0xE4, 0x11, 0xEB, 0xF8);
    start_long(&m, 0, CODE, true);
    set(&m, 0, WHvX64RegisterRflags, 0x3002); /* IOPL 3 */
    EQUAL("R-UNDO-01", WHvRunVpExitReasonX64IoPortAccess, run(&m, 0));
    EQUAL("R-UNDO-01", 1, m.exit->IoPortAccess.AccessInfo.IsWrite);
    EQUAL("R-UNDO-01", 0x1002, m.exit->VpContext.Rip);
    EQUAL("R-UNDO-01", 2, m.exit->VpContext.InstructionLength);
    EQUAL("R-EXIT-09", 3, m.exit->VpContext.ExecutionState.Cpl);
    EQUAL("R-EXIT-09", 1, m.exit->VpContext.ExecutionState.EferLma);
    EQUAL("R-EXIT-09", 1, m.exit->VpContext.ExecutionState.Cr0Pe);
    EQUAL("R-EXIT-09", 0x23, m.exit->VpContext.Cs.Selector);
    EQUAL("R-EXIT-09", 1, m.exit->VpContext.Cs.Long);
    skip(&m, 0, 2);
    EQUAL("R-UNDO-01", WHvRunVpExitReasonX64IoPortAccess, run(&m, 0));
    EQUAL("R-UNDO-01", 0, m.exit->IoPortAccess.AccessInfo.IsWrite);
    EQUAL("R-UNDO-01", 0x1004, m.exit->VpContext.Rip);
    machine_delete(&m);
}

/* Two equal instructions in a row: which of them was it? */
static void twins(void)
{
    struct machine m;
    machine_create(&m, NULL);
    CODE_AT(&m, CODE, 0xBA, 0x80, 0x00, 0xEE, 0xEE, 0xEE, 0xF4); /* mov dx,80; out dx,al three times; hlt */
    start_real(&m, 0, CODE);
    for (UINT64 i = 0; i < 3; i++)
    {
        EQUAL("R-UNDO-03", WHvRunVpExitReasonX64IoPortAccess, run(&m, 0));
        EQUAL("R-UNDO-03", 0x1003 + i, m.exit->VpContext.Rip);
        skip(&m, 0, m.exit->VpContext.InstructionLength);
    }
    EQUAL("R-UNDO-03", WHvRunVpExitReasonX64Halt, run(&m, 0));
    machine_delete(&m);
}

void test_ports(void)
{
    single_accesses();
    strings();
    user_mode();
    twins();
}
