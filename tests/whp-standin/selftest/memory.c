#include "selftest.h"

enum { RX = 5, RWX = 7 };

static HRESULT map(struct machine *m, void *source, UINT64 gpa, UINT64 size, int flags)
{
    return WHvMapGpaRange(m->partition, source, gpa, size, (WHV_MAP_GPA_RANGE_FLAGS)flags);
}

/* The guest reads the byte at DS:0; a segment's base says where that is. */
static WHV_RUN_VP_EXIT_REASON read_at(struct machine *m, UINT64 gpa)
{
    CODE_AT(m, CODE, 0xA0, 0x00, 0x00, 0x00, 0x00, 0xF4); /* mov al,[0]; hlt */
    start_flat(m, 0, CODE);
    WHV_REGISTER_VALUE ds = get_wide(m, 0, WHvX64RegisterDs);
    ds.Segment.Base = gpa;
    set_wide(m, 0, WHvX64RegisterDs, ds);
    return run(m, 0);
}

static WHV_RUN_VP_EXIT_REASON write_at(struct machine *m, UINT64 gpa)
{
    CODE_AT(m, CODE, 0xC6, 0x05, 0x00, 0x00, 0x00, 0x00, 0x99, 0xF4); /* mov byte [0],99; hlt */
    start_flat(m, 0, CODE);
    WHV_REGISTER_VALUE ds = get_wide(m, 0, WHvX64RegisterDs);
    ds.Segment.Base = gpa;
    set_wide(m, 0, WHvX64RegisterDs, ds);
    return run(m, 0);
}

static void arguments(void)
{
    struct machine m;
    machine_create(&m, NULL);
    RESULT_IS("R-MEM-01", E_INVALIDARG, map(&m, m.memory + 1, 0x200000, 0x1000, RWX));
    RESULT_IS("R-MEM-01", E_INVALIDARG, map(&m, m.memory, 0x200001, 0x1000, RWX));
    RESULT_IS("R-MEM-01", E_INVALIDARG, map(&m, m.memory, 0x200000, 0x1001, RWX));
    RESULT_IS("R-MEM-01", E_INVALIDARG, map(&m, m.memory, 0x200000, 0, RWX));
    RESULT_IS("R-MEM-01", E_INVALIDARG, map(&m, NULL, 0x200000, 0x1000, RWX));
    RESULT_IS("R-MEM-01", E_INVALIDARG, map(&m, m.memory, 0x200000, 0x1000, 0x10));
    RESULT_IS("R-MEM-01", E_INVALIDARG, map(&m, m.memory, 0xFFFFFFFFFFFFF000, 0x2000, RWX));
    RESULT_IS("R-ABI-05", 0x80070016, map(&m, (void *)(uintptr_t)0xFFFF800000000000, 0x200000, 0x1000, RWX)); /* EINVAL: the kernel's own addresses */
    RESULT_IS("R-MEM-10", E_INVALIDARG, WHvMapGpaRange2(m.partition, NULL, m.memory, 0x200000, 0x1000, (WHV_MAP_GPA_RANGE_FLAGS)RWX));
    OK("R-MEM-10", WHvMapGpaRange2(m.partition, (HANDLE)(intptr_t)-1, m.memory, 0x200000, 0x1000, (WHV_MAP_GPA_RANGE_FLAGS)RWX));
    machine_delete(&m);
}

static void maps(void)
{
    struct machine m;
    machine_create(&m, NULL);
    uint8_t *other = pages(0x10000);
    memset(other, 0x22, 0x10000);
    m.memory[0x20000] = 0x11;
    EQUAL("R-MEM-02", WHvRunVpExitReasonX64Halt, read_at(&m, 0x20000));
    EQUAL("R-MEM-02", 0x11, get(&m, 0, WHvX64RegisterRax) & 0xFF);
    OK("R-MEM-02", map(&m, other, 0x20000, 0x1000, RWX));
    EQUAL("R-MEM-02", WHvRunVpExitReasonX64Halt, read_at(&m, 0x20000));
    EQUAL("R-MEM-02", 0x22, get(&m, 0, WHvX64RegisterRax) & 0xFF);
    m.memory[0x21000] = 0x33;
    EQUAL("R-MEM-02", WHvRunVpExitReasonX64Halt, read_at(&m, 0x21000));
    EQUAL("R-MEM-02", 0x33, get(&m, 0, WHvX64RegisterRax) & 0xFF);

    OK("R-MEM-03", WHvUnmapGpaRange(m.partition, 0x22000, 0x1000));
    EQUAL("R-MEM-03", WHvRunVpExitReasonMemoryAccess, read_at(&m, 0x22000));
    EQUAL("R-MEM-07", 1, m.exit->MemoryAccess.AccessInfo.GpaUnmapped);
    EQUAL("R-MEM-07", 0x22000, m.exit->MemoryAccess.Gpa);
    EQUAL("R-MEM-03", WHvRunVpExitReasonX64Halt, read_at(&m, 0x23000));
    EQUAL("R-MEM-03", WHvRunVpExitReasonX64Halt, read_at(&m, 0x21FFF));
    RESULT_IS("R-MEM-03", WHV_E_GPA_RANGE_NOT_FOUND, WHvUnmapGpaRange(m.partition, 0x22000, 0x1000));
    RESULT_IS("R-MEM-03", WHV_E_GPA_RANGE_NOT_FOUND, WHvUnmapGpaRange(m.partition, 0x40000000, 0x1000));

    /* A map over a hole, and over parts of three ranges. */
    OK("R-MEM-02", map(&m, other, 0x1F000, 0x5000, RWX));
    EQUAL("R-MEM-02", WHvRunVpExitReasonX64Halt, read_at(&m, 0x22000));
    EQUAL("R-MEM-02", 0x22, get(&m, 0, WHvX64RegisterRax) & 0xFF);
    machine_delete(&m);
    pages_free(other, 0x10000);
}

static void rights(void)
{
    struct machine m;
    machine_create(&m, NULL);
    OK("R-MEM-04", map(&m, m.memory + 0x30000, 0x30000, 0x1000, RX));
    m.memory[0x30000] = 0x55;
    EQUAL("R-MEM-04", WHvRunVpExitReasonX64Halt, read_at(&m, 0x30000));
    EQUAL("R-MEM-04", 0x55, get(&m, 0, WHvX64RegisterRax) & 0xFF);
    EQUAL("R-MEM-08", WHvRunVpExitReasonMemoryAccess, write_at(&m, 0x30000));
    EQUAL("R-MEM-08", 0, m.exit->MemoryAccess.AccessInfo.GpaUnmapped);
    EQUAL("R-MEM-08", WHvMemoryAccessWrite, m.exit->MemoryAccess.AccessInfo.AccessType);
    EQUAL("R-MEM-08", CODE, m.exit->VpContext.Rip);
    EQUAL("R-MEM-04", 0x55, m.memory[0x30000]);

    /* Reads and writes in one instruction: back to before it, with what it needs. */
    static const struct
    {
        uint8_t code[7];
        UINT64 rax, flags;
    } updates[] = {
        {{0xFE, 0x05, 0x00, 0x00, 0x03, 0x00, 0xF4}, 0x1122, 2}, /* inc byte [30000] */
        {{0x86, 0x25, 0x00, 0x00, 0x03, 0x00, 0xF4}, 0x1122, 2}, /* xchg [30000],ah */
        {{0x11, 0x05, 0x00, 0x00, 0x03, 0x00, 0xF4}, 0x1122, 3}, /* adc [30000],eax */
        {{0x19, 0x05, 0x00, 0x00, 0x03, 0x00, 0xF4}, 0x1122, 2}, /* sbb [30000],eax */
    };
    for (size_t i = 0; i < sizeof updates / sizeof updates[0]; i++)
    {
        start_flat(&m, 0, CODE);
        code(&m, CODE, updates[i].code, sizeof updates[i].code);
        set(&m, 0, WHvX64RegisterRax, updates[i].rax);
        set(&m, 0, WHvX64RegisterRflags, updates[i].flags);
        EQUAL("R-UNDO-05", WHvRunVpExitReasonMemoryAccess, run(&m, 0));
        EQUAL("R-UNDO-05", WHvMemoryAccessWrite, m.exit->MemoryAccess.AccessInfo.AccessType);
        EQUAL("R-UNDO-05", CODE, m.exit->VpContext.Rip);
        EQUAL("R-UNDO-05", updates[i].rax, get(&m, 0, WHvX64RegisterRax));
        EQUAL("R-UNDO-05", updates[i].flags & 1, get(&m, 0, WHvX64RegisterRflags) & 1);
        EQUAL("R-UNDO-05", 0x55, m.memory[0x30000]);
    }

    OK("R-MEM-05", map(&m, m.memory + 0x31000, 0x31000, 0x1000, 1)); /* read only: executed all the same */
    CODE_AT(&m, 0x31000, 0xF4);
    start_flat(&m, 0, 0x31000);
    EQUAL("R-MEM-05", WHvRunVpExitReasonX64Halt, run(&m, 0));

    OK("R-MEM-06", map(&m, m.memory + 0x32000, 0x32000, 0x1000, 0));
    EQUAL("R-MEM-06", WHvRunVpExitReasonMemoryAccess, read_at(&m, 0x32000));
    EQUAL("R-MEM-06", 0, m.exit->MemoryAccess.AccessInfo.GpaUnmapped);
    machine_delete(&m);
}

static void populating(void)
{
    struct machine m;
    machine_create(&m, NULL);
    WHV_MEMORY_RANGE_ENTRY range = {.GuestAddress = 0x50000, .SizeInBytes = 0x1000};
    WHV_ADVISE_GPA_RANGE_POPULATE populate = {.AccessType = WHvMemoryAccessRead};
    HvSdkStandInSwitch("POPULATE_EXITS", 1, NULL);
    OK("R-MEM-16", map(&m, m.memory + 0x50000, 0x50000, 0x1000, RWX));
    OK("R-MEM-16", map(&m, m.memory + 0x51000, 0x51000, 0x1000, RWX));
    HvSdkStandInSwitch("POPULATE_EXITS", 0, NULL);
    OK("R-MEM-11", WHvAdviseGpaRange(m.partition, &range, 1, WHvAdviseGpaRangeCodePopulate, &populate, sizeof populate));
    EQUAL("R-MEM-11", WHvRunVpExitReasonX64Halt, read_at(&m, 0x50000));
    EQUAL("R-MEM-16", WHvRunVpExitReasonMemoryAccess, read_at(&m, 0x51000));
    EQUAL("R-MEM-16", 0, m.exit->MemoryAccess.AccessInfo.GpaUnmapped);
    EQUAL("R-MEM-16", WHvRunVpExitReasonX64Halt, run(&m, 0));
    range.GuestAddress = 0x40000000;
    RESULT_IS("R-MEM-11", WHV_E_GPA_RANGE_NOT_FOUND,
              WHvAdviseGpaRange(m.partition, &range, 1, WHvAdviseGpaRangeCodePopulate, &populate, sizeof populate));
    RESULT_IS("R-MEM-11", E_INVALIDARG, WHvAdviseGpaRange(m.partition, &range, 1, WHvAdviseGpaRangeCodePopulate, &populate, 4));
    machine_delete(&m);
}

static void direct_access(void)
{
    struct machine m;
    machine_create(&m, NULL);
    WHV_ACCESS_GPA_CONTROLS controls = {.AsUINT64 = 0};
    UINT64 value = 0x1122334455667788, back = 0;
    OK("R-MEM-12", WHvWriteGpaRange(m.partition, 0, 0x6000, controls, &value, sizeof value));
    OK("R-MEM-12", WHvReadGpaRange(m.partition, 0, 0x6000, controls, &back, sizeof back));
    EQUAL("R-MEM-12", value, back);
    RESULT_IS("R-MEM-12", E_INVALIDARG, WHvReadGpaRange(m.partition, 0, 0x6000, controls, &back, 17));
    RESULT_IS("R-MEM-12", WHV_E_GPA_RANGE_NOT_FOUND, WHvReadGpaRange(m.partition, 0, 0x80000000, controls, &back, 8));
    machine_delete(&m);
}

static void switches_of_exits(void)
{
    struct machine m;
    machine_create(&m, NULL);
    HvSdkStandInSwitch("NO_INSTRUCTION_BYTES", 1, NULL);
    EQUAL("R-MEM-14", WHvRunVpExitReasonMemoryAccess, read_at(&m, 0xC0000000));
    EQUAL("R-MEM-14", 0, m.exit->MemoryAccess.InstructionByteCount);
    HvSdkStandInSwitch("NO_INSTRUCTION_BYTES", 0, NULL);
    HvSdkStandInSwitch("NO_GVA", 1, NULL);
    EQUAL("R-MEM-15", WHvRunVpExitReasonMemoryAccess, read_at(&m, 0xC0000000));
    EQUAL("R-MEM-15", 0, m.exit->MemoryAccess.AccessInfo.GvaValid);
    HvSdkStandInSwitch("NO_GVA", 0, NULL);
    machine_delete(&m);
}

/* Code that lies nowhere. */
static void execution(void)
{
    struct machine m;
    machine_create(&m, NULL);
    start_flat(&m, 0, 0xC0001000);
    EQUAL("R-EXIT-05", WHvRunVpExitReasonMemoryAccess, run(&m, 0));
    EQUAL("R-EXIT-05", WHvMemoryAccessExecute, m.exit->MemoryAccess.AccessInfo.AccessType);
    EQUAL("R-EXIT-05", 0xC0001000, m.exit->MemoryAccess.Gpa);
    EQUAL("R-EXIT-05", 0, m.exit->MemoryAccess.InstructionByteCount);
    EQUAL("R-EXIT-05", 0xC0001000, m.exit->VpContext.Rip);
    machine_delete(&m);
}

struct remapping
{
    struct machine *machine;
    volatile bool ends;
};

static void remap_on_and_on(void *argument)
{
    struct remapping *remapping = argument;
    while (!remapping->ends)
    {
        map(remapping->machine, remapping->machine->memory + 0x80000, 0x80000, 0x1000, RWX);
        pause_milliseconds(1);
    }
}

/* The page is mapped anew all the time, and never gone as far as the guest can tell. */
static void changes_while_running(void)
{
    struct machine m;
    machine_create(&m, NULL);
    CODE_AT(&m, CODE, 0xB9, 0x00, 0x40, 0x00, 0x00,  /* mov ecx,4000 */
            0xFE, 0x05, 0x00, 0x00, 0x08, 0x00,      /* inc byte [80000] */
            0xA0, 0x00, 0x00, 0x08, 0x00,            /* mov al,[80000] */
            0xE2, 0xF3, 0xF4);                       /* loop; hlt */
    start_flat(&m, 0, CODE);
    struct remapping remapping = {.machine = &m};
    thread *other = thread_start(remap_on_and_on, &remapping);
    EQUAL("R-RUN-05", WHvRunVpExitReasonX64Halt, run(&m, 0)); /* each change takes the processor out for a moment */
    remapping.ends = true;
    thread_join(other);
    EQUAL("R-MEM-13", 0, m.memory[0x80000]); /* 16384 times, none of them twice */
    machine_delete(&m);
}

void test_memory(void)
{
    arguments();
    maps();
    rights();
    populating();
    direct_access();
    switches_of_exits();
    execution();
    changes_while_running();
}
