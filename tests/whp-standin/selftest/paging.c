#include "selftest.h"

static WHV_TRANSLATE_GVA_RESULT_CODE translate(struct machine *m, UINT64 gva, int flags, UINT64 *gpa)
{
    WHV_TRANSLATE_GVA_RESULT result = {.ResultCode = (WHV_TRANSLATE_GVA_RESULT_CODE)99};
    OK("R-GVA-01", WHvTranslateGva(m->partition, 0, gva, (WHV_TRANSLATE_GVA_FLAGS)flags, &result, gpa));
    return result.ResultCode;
}

enum { READ = 1, WRITE = 2, EXECUTE = 4, EXEMPT = 8, SET_BITS = 16 };

void test_paging(void)
{
    struct machine m;
    UINT64 gpa = 0;
    machine_create(&m, NULL);
    EQUAL("R-GVA-01", WHvTranslateGvaResultSuccess, translate(&m, 0x12345, READ, &gpa));
    EQUAL("R-GVA-01", 0x12345, gpa);

    start_long(&m, 0, CODE, false);
    UINT64 *pd = (void *)(m.memory + 0x12000), *pt = (void *)(m.memory + 0x20000);
    pd[1] = 0x20000 | 7; /* 0x200000 by 4 KiB pages */
    pt[0] = 0x5000 | 7;
    pt[1] = 0x6000 | 5;                /* read-only */
    pt[2] = 0x7000 | 3;                /* not for users */
    pt[3] = 0x8000 | 7 | 1ull << 63;   /* not to be executed, with EFER.NXE */
    pt[4] = 0x40000000 | 7;            /* leads nowhere */
    EQUAL("R-GVA-02", WHvTranslateGvaResultSuccess, translate(&m, 0x200123, READ | WRITE | EXECUTE, &gpa));
    EQUAL("R-GVA-02", 0x5123, gpa);
    EQUAL("R-GVA-02", WHvTranslateGvaResultSuccess, translate(&m, 0x40123456, 0, &gpa));
    EQUAL("R-GVA-02", 0x40123456, gpa);
    EQUAL("R-GVA-02", WHvTranslateGvaResultPageNotPresent, translate(&m, 0x205000, READ, &gpa));
    EQUAL("R-ABI-02", 0xCCCCCCCCCCCCCCCC, gpa);
    EQUAL("R-GVA-02", WHvTranslateGvaResultPageNotPresent, translate(&m, 0x8000000000, READ, &gpa));
    EQUAL("R-GVA-04", WHvTranslateGvaResultGpaUnmapped, translate(&m, 0x204000, READ, &gpa));
    EQUAL("R-GVA-04", WHvTranslateGvaResultSuccess, translate(&m, 0x204000, 0, &gpa));

    EQUAL("R-GVA-03", WHvTranslateGvaResultSuccess, translate(&m, 0x201000, WRITE, &gpa)); /* CR0.WP is clear */
    set(&m, 0, WHvX64RegisterCr0, 0x80010011);
    EQUAL("R-GVA-03", WHvTranslateGvaResultPrivilegeViolation, translate(&m, 0x201000, WRITE, &gpa));
    EQUAL("R-GVA-03", WHvTranslateGvaResultSuccess, translate(&m, 0x201000, READ, &gpa));
    set(&m, 0, WHvX64RegisterEfer, 0xD00);
    EQUAL("R-GVA-03", WHvTranslateGvaResultPrivilegeViolation, translate(&m, 0x203000, EXECUTE, &gpa));
    EQUAL("R-GVA-03", WHvTranslateGvaResultSuccess, translate(&m, 0x203000, READ, &gpa));

    EQUAL("R-GVA-05", 0, pt[0] & 0x60);
    EQUAL("R-GVA-05", WHvTranslateGvaResultSuccess, translate(&m, 0x200000, READ | SET_BITS, &gpa));
    EQUAL("R-GVA-05", 0x20, pt[0] & 0x60);
    EQUAL("R-GVA-05", 0x20, pd[1] & 0x60);
    EQUAL("R-GVA-05", WHvTranslateGvaResultSuccess, translate(&m, 0x200000, WRITE | SET_BITS, &gpa));
    EQUAL("R-GVA-05", 0x60, pt[0] & 0x60);

    OK("R-GVA-04", WHvMapGpaRange(m.partition, m.memory + 0x5000, 0x5000, 0x1000, (WHV_MAP_GPA_RANGE_FLAGS)5));
    EQUAL("R-GVA-04", WHvTranslateGvaResultGpaNoWriteAccess, translate(&m, 0x200000, WRITE, &gpa));

    start_long(&m, 0, CODE, true);
    pd[1] = 0x20000 | 7;
    EQUAL("R-GVA-03", WHvTranslateGvaResultPrivilegeViolation, translate(&m, 0x202000, READ, &gpa));
    EQUAL("R-GVA-03", WHvTranslateGvaResultSuccess, translate(&m, 0x202000, READ | EXEMPT, &gpa));

    /* 32-bit paging, small and large. */
    start_flat(&m, 0, CODE);
    UINT32 *directory = (void *)(m.memory + 0x30000), *table = (void *)(m.memory + 0x31000);
    directory[0] = 0x31000 | 7;
    directory[1] = 0x87;
    table[3] = 0x9000 | 7;
    set(&m, 0, WHvX64RegisterEfer, 0);
    set(&m, 0, WHvX64RegisterCr3, 0x30000);
    set(&m, 0, WHvX64RegisterCr4, 0x10);
    set(&m, 0, WHvX64RegisterCr0, 0x80000011);
    EQUAL("R-GVA-02", WHvTranslateGvaResultSuccess, translate(&m, 0x3456, READ, &gpa));
    EQUAL("R-GVA-02", 0x9456, gpa);
    EQUAL("R-GVA-02", WHvTranslateGvaResultSuccess, translate(&m, 0x41234, READ | EXECUTE, &gpa) == WHvTranslateGvaResultPageNotPresent ? 0 : 99);
    EQUAL("R-GVA-02", WHvTranslateGvaResultSuccess, translate(&m, 0x401234, READ, &gpa));
    EQUAL("R-GVA-02", 0x1234, gpa);

    /* PAE. */
    UINT64 *pointers = (void *)(m.memory + 0x32000), *directories = (void *)(m.memory + 0x33000);
    pointers[0] = 0x33000 | 1;
    directories[0] = 0x87;
    set(&m, 0, WHvX64RegisterCr3, 0x32000);
    set(&m, 0, WHvX64RegisterCr4, 0x20);
    EQUAL("R-GVA-02", WHvTranslateGvaResultSuccess, translate(&m, 0x1ABCD, READ | WRITE, &gpa));
    EQUAL("R-GVA-02", 0x1ABCD, gpa);
    machine_delete(&m);
}
