#include "selftest.h"

enum { DEBUG = 1 << 1, BREAKPOINT = 1 << 3, EXCEPTION_EXIT = 4, TF = 0x100 };

static void breakpoints(void)
{
    struct machine m;
    if (host_kind() != HOST_OTHER)
    {
        skip_rule("R-DEBUG-02", "KVM_PVM does not offer INT3 to a debugger, and QEMU's SVM does not intercept it");
        return;
    }
    machine_create(&m, &(struct options){.extended_exits = EXCEPTION_EXIT, .exception_exits = BREAKPOINT});
    CODE_AT(&m, CODE, 0x90, 0xCC, 0x90, 0xEB, 0xFE); /* nop; int3; nop; jmp $ */
    start_long(&m, 0, CODE, true);
    EQUAL("R-DEBUG-02", WHvRunVpExitReasonException, run(&m, 0));
    EQUAL("R-DEBUG-02", WHvX64ExceptionTypeBreakpointTrap, m.exit->VpException.ExceptionType);
    EQUAL("R-DEBUG-02", 1, m.exit->VpException.ExceptionInfo.SoftwareException);
    EQUAL("R-DEBUG-02", CODE + 1, m.exit->VpContext.Rip);
    EQUAL("R-DEBUG-02", 1, m.exit->VpContext.InstructionLength);
    EQUAL("R-DEBUG-02", 0xCC, m.exit->VpException.InstructionBytes[0]);
    machine_delete(&m);
}

static void steps(void)
{
    struct machine m;
    machine_create(&m, &(struct options){.extended_exits = EXCEPTION_EXIT, .exception_exits = DEBUG});
    CODE_AT(&m, CODE, 0x90, 0x90, 0x90, 0xF4);
    start_flat(&m, 0, CODE);
    set(&m, 0, WHvX64RegisterRflags, TF | 2);
    for (UINT64 i = 1; i <= 2; i++)
    {
        EQUAL("R-DEBUG-03", WHvRunVpExitReasonException, run(&m, 0));
        EQUAL("R-DEBUG-03", WHvX64ExceptionTypeDebugTrapOrFault, m.exit->VpException.ExceptionType);
        EQUAL("R-DEBUG-03", CODE + i, m.exit->VpContext.Rip);
        EQUAL("R-DEBUG-03", 1, m.exit->VpException.ExceptionParameter >> 14 & 1);
        EQUAL("R-DEBUG-01", TF, get(&m, 0, WHvX64RegisterRflags) & TF);
    }
    set(&m, 0, WHvX64RegisterRflags, 2);
    EQUAL("R-DEBUG-01", WHvRunVpExitReasonX64Halt, run(&m, 0));
    machine_delete(&m);
}

static void hardware(void)
{
    struct machine m;
    if (host_kind() == HOST_QEMU)
    {
        skip_rule("R-DEBUG-03", "QEMU's SVM does not put the guest's DR7 into force");
        return;
    }
    machine_create(&m, &(struct options){.extended_exits = EXCEPTION_EXIT, .exception_exits = DEBUG});
    CODE_AT(&m, CODE, 0x90, 0x90, 0xF4);
    start_flat(&m, 0, CODE);
    set(&m, 0, WHvX64RegisterDr0, CODE + 1);
    set(&m, 0, WHvX64RegisterDr7, 0x402); /* breakpoint 0, execution */
    EQUAL("R-DEBUG-03", WHvRunVpExitReasonException, run(&m, 0));
    EQUAL("R-DEBUG-03", CODE + 1, m.exit->VpContext.Rip);
    EQUAL("R-DEBUG-03", 1, m.exit->VpException.ExceptionParameter & 0xF);
    set(&m, 0, WHvX64RegisterDr7, 0x400);
    EQUAL("R-DEBUG-01", WHvRunVpExitReasonX64Halt, run(&m, 0));
    machine_delete(&m);
}

void test_debug(void)
{
    breakpoints();
    steps();
    hardware();
}
