#include "selftest.h"

enum { DEVICE = 0xC0000000 };

static void stores_and_loads(void)
{
    struct machine m;
    machine_create(&m, NULL);
    CODE_AT(&m, CODE,                                     /* 32-bit flat, EBX is the device */
            0xC7, 0x03, 0x78, 0x56, 0x34, 0x12,           /* 1000 mov dword [ebx],12345678 */
            0x66, 0x89, 0x43, 0x04,                       /* 1006 mov [ebx+4],ax */
            0x8A, 0x4B, 0x08,                             /* 100A mov cl,[ebx+8] */
            0x83, 0x43, 0x0C, 0x01,                       /* 100D add dword [ebx+c],1 */
            0xFF, 0x73, 0x10,                             /* 1011 push dword [ebx+10] */
            0xF4);
    start_flat(&m, 0, CODE);
    set(&m, 0, WHvX64RegisterRbx, DEVICE);
    set(&m, 0, WHvX64RegisterRax, 0xAABBCCDD);
    set(&m, 0, WHvX64RegisterRcx, 0x11223344);
    WHV_MEMORY_ACCESS_CONTEXT *access = &m.exit->MemoryAccess;

    EQUAL("R-EXIT-03", WHvRunVpExitReasonMemoryAccess, run(&m, 0));
    EQUAL("R-EXIT-03", DEVICE, access->Gpa);
    EQUAL("R-EXIT-03", WHvMemoryAccessWrite, access->AccessInfo.AccessType);
    EQUAL("R-MEM-07", 1, access->AccessInfo.GpaUnmapped);
    EQUAL("R-UNDO-03", 0x1000, m.exit->VpContext.Rip);
    EQUAL("R-UNDO-03", 0x1000, get(&m, 0, WHvX64RegisterRip));
    EQUAL("R-EXIT-04", 0, m.exit->VpContext.InstructionLength);
    EQUAL("R-EXIT-02", 0xC7, access->InstructionBytes[0]);
    EQUAL("R-EXIT-02", 16, access->InstructionByteCount);
    EQUAL("R-MEM-15", 1, access->AccessInfo.GvaValid);
    EQUAL("R-MEM-15", DEVICE, access->Gva);
    skip(&m, 0, 6);

    EQUAL("R-UNDO-03", WHvRunVpExitReasonMemoryAccess, run(&m, 0));
    EQUAL("R-UNDO-03", DEVICE + 4, access->Gpa);
    EQUAL("R-UNDO-03", 0x1006, m.exit->VpContext.Rip);
    skip(&m, 0, 4);

    EQUAL("R-UNDO-01", WHvRunVpExitReasonMemoryAccess, run(&m, 0));
    EQUAL("R-UNDO-01", DEVICE + 8, access->Gpa);
    EQUAL("R-UNDO-01", WHvMemoryAccessRead, access->AccessInfo.AccessType);
    EQUAL("R-UNDO-01", 0x100A, m.exit->VpContext.Rip);
    EQUAL("R-UNDO-01", 0x11223344, get(&m, 0, WHvX64RegisterRcx));
    skip(&m, 0, 3);

    set(&m, 0, WHvX64RegisterRflags, 0x8D7 & ~0x100u);
    UINT64 flags = get(&m, 0, WHvX64RegisterRflags);
    EQUAL("R-UNDO-01", WHvRunVpExitReasonMemoryAccess, run(&m, 0));
    EQUAL("R-UNDO-01", WHvMemoryAccessRead, access->AccessInfo.AccessType);
    EQUAL("R-UNDO-01", 0x100D, m.exit->VpContext.Rip);
    EQUAL("R-UNDO-01", flags, m.exit->VpContext.Rflags);
    skip(&m, 0, 4);

    memset(m.memory + STACK - 16, 0x77, 16);
    EQUAL("R-UNDO-02", WHvRunVpExitReasonMemoryAccess, run(&m, 0));
    EQUAL("R-UNDO-02", 0x1011, m.exit->VpContext.Rip);
    EQUAL("R-UNDO-02", STACK, get(&m, 0, WHvX64RegisterRsp));
    EQUAL("R-UNDO-02", 0x77, m.memory[STACK - 4]);
    skip(&m, 0, 3);
    EQUAL("R-EXIT-07", WHvRunVpExitReasonX64Halt, run(&m, 0));
    machine_delete(&m);
}

static void strings(void)
{
    struct machine m;
    machine_create(&m, NULL);
    CODE_AT(&m, CODE,
            0xF3, 0xAB,  /* 1000 rep stosd */
            0xAA,        /* 1002 stosb */
            0xF3, 0xA5,  /* 1003 rep movsd, from memory */
            0xF3, 0xA4,  /* 1005 rep movsb, from the device */
            0xF4);
    start_flat(&m, 0, CODE);
    set(&m, 0, WHvX64RegisterRdi, DEVICE);
    set(&m, 0, WHvX64RegisterRcx, 5);
    EQUAL("R-UNDO-04", WHvRunVpExitReasonMemoryAccess, run(&m, 0));
    EQUAL("R-UNDO-04", CODE, m.exit->VpContext.Rip);
    EQUAL("R-UNDO-04", 5, get(&m, 0, WHvX64RegisterRcx));
    EQUAL("R-UNDO-04", DEVICE, get(&m, 0, WHvX64RegisterRdi));
    skip(&m, 0, 2);

    EQUAL("R-UNDO-03", WHvRunVpExitReasonMemoryAccess, run(&m, 0));
    EQUAL("R-UNDO-03", 0x1002, m.exit->VpContext.Rip);
    EQUAL("R-UNDO-03", DEVICE, get(&m, 0, WHvX64RegisterRdi));
    skip(&m, 0, 1);

    set(&m, 0, WHvX64RegisterRsi, 0x2000);
    EQUAL("R-UNDO-04", WHvRunVpExitReasonMemoryAccess, run(&m, 0));
    EQUAL("R-UNDO-04", 0x1003, m.exit->VpContext.Rip);
    EQUAL("R-UNDO-04", 5, get(&m, 0, WHvX64RegisterRcx));
    EQUAL("R-UNDO-04", 0x2000, get(&m, 0, WHvX64RegisterRsi));
    EQUAL("R-UNDO-04", DEVICE, m.exit->MemoryAccess.Gpa);
    skip(&m, 0, 2);

    memset(m.memory + 0x3000, 0x5A, 16);
    set(&m, 0, WHvX64RegisterRsi, DEVICE + 0x100);
    set(&m, 0, WHvX64RegisterRdi, 0x3000);
    EQUAL("R-UNDO-02", WHvRunVpExitReasonMemoryAccess, run(&m, 0));
    EQUAL("R-UNDO-02", 0x1005, m.exit->VpContext.Rip);
    EQUAL("R-UNDO-02", WHvMemoryAccessRead, m.exit->MemoryAccess.AccessInfo.AccessType);
    EQUAL("R-UNDO-02", DEVICE + 0x100, m.exit->MemoryAccess.Gpa);
    EQUAL("R-UNDO-02", 5, get(&m, 0, WHvX64RegisterRcx));
    EQUAL("R-UNDO-02", 0x3000, get(&m, 0, WHvX64RegisterRdi));
    EQUAL("R-UNDO-02", 0x5A, m.memory[0x3000]);
    EQUAL("R-UNDO-02", 0x5A, m.memory[0x3001]);
    skip(&m, 0, 2);
    EQUAL("R-UNDO-02", WHvRunVpExitReasonX64Halt, run(&m, 0));
    machine_delete(&m);
}

static void long_mode(void)
{
    struct machine m;
    machine_create(&m, NULL);
    CODE_AT(&m, CODE,
            0x48, 0x89, 0x07,                          /* 1000 mov [rdi],rax */
            0x41, 0x88, 0x44, 0x9C, 0x10,              /* 1003 mov [r12+rbx*4+10],al */
            0xB0, 0x48, 0x88, 0x07,                    /* 1008 mov al,48; 100A mov [rdi],al: the immediate looks like a prefix */
            0x48, 0x8B, 0x05, 0xE9, 0xEF, 0xFF, 0x3F,  /* 100C mov rax,[rip+3FFFEFE9]: 3FFFFFFC: crosses a page */
            0x48, 0x89, 0x87, 0xF9, 0x0F, 0x00, 0x00,  /* 1013 mov [rdi+FF9],rax: crosses a page */
            0xF4);
    start_long(&m, 0, CODE, false);
    set(&m, 0, WHvX64RegisterRdi, DEVICE);
    set(&m, 0, WHvX64RegisterRax, 0x1122334455667748);
    set(&m, 0, WHvX64RegisterR12, DEVICE);
    set(&m, 0, WHvX64RegisterRbx, 4);
    static const UINT64 rips[] = {0x1000, 0x1003, 0x100A}, lengths[] = {3, 5, 2}, gpas[] = {DEVICE, DEVICE + 0x20, DEVICE};
    for (int i = 0; i < 3; i++)
    {
        EQUAL("R-UNDO-03", WHvRunVpExitReasonMemoryAccess, run(&m, 0));
        EQUAL("R-UNDO-03", rips[i], m.exit->VpContext.Rip);
        EQUAL("R-UNDO-03", gpas[i], m.exit->MemoryAccess.Gpa);
        skip(&m, 0, (UINT32)lengths[i]);
    }
    EQUAL("R-UNDO-01", WHvRunVpExitReasonMemoryAccess, run(&m, 0));
    EQUAL("R-UNDO-01", 0x3FFFFFFC, m.exit->MemoryAccess.Gpa);
    EQUAL("R-UNDO-01", 0x100C, m.exit->VpContext.Rip);
    EQUAL("R-UNDO-01", 0x1122334455667748, get(&m, 0, WHvX64RegisterRax));
    skip(&m, 0, 7);
    EQUAL("R-UNDO-03", WHvRunVpExitReasonMemoryAccess, run(&m, 0));
    EQUAL("R-UNDO-03", 0x1013, m.exit->VpContext.Rip);
    EQUAL("R-UNDO-03", DEVICE + 0xFF9, m.exit->MemoryAccess.Gpa);
    skip(&m, 0, 7);
    EQUAL("R-UNDO-01", WHvRunVpExitReasonX64Halt, run(&m, 0));
    machine_delete(&m);
}

void test_mmio(void)
{
    stores_and_loads();
    strings();
    long_mode();
}
