#include "selftest.h"

void test_dirty(void)
{
    struct machine m;
    machine_create(&m, &(struct options){.map_flags = 15});
    UINT64 bits[8];
    const UINT64 size = 0x40000; /* 64 pages */
    CODE_AT(&m, CODE, 0xA2, 0x00, 0x00, 0x02, 0x00, 0xA2, 0x00, 0x30, 0x02, 0x00, 0xF4); /* mov [20000],al; mov [23000],al; hlt */
    start_flat(&m, 0, CODE);
    OK("R-DIRTY-04", WHvQueryGpaRangeDirtyBitmap(m.partition, 0, MEMORY_SIZE, NULL, 0));
    EQUAL("R-DIRTY-04", WHvRunVpExitReasonX64Halt, run(&m, 0));
    OK("R-DIRTY-04", WHvQueryGpaRangeDirtyBitmap(m.partition, 0, size, bits, sizeof bits));
    EQUAL("R-DIRTY-04", 1ull << 0x20 | 1ull << 0x23, bits[0]);
    EQUAL("R-ABI-02", 0xCCCCCCCCCCCCCCCC, bits[1]);
    OK("R-DIRTY-04", WHvQueryGpaRangeDirtyBitmap(m.partition, 0, size, bits, sizeof bits));
    EQUAL("R-DIRTY-04", 0, bits[0]);

    /* A part first, then the rest; and a part that is cut off meanwhile. */
    set(&m, 0, WHvX64RegisterRip, CODE);
    EQUAL("R-DIRTY-05", WHvRunVpExitReasonX64Halt, run(&m, 0));
    OK("R-DIRTY-05", WHvQueryGpaRangeDirtyBitmap(m.partition, 0x23000, 0x1000, bits, sizeof bits));
    EQUAL("R-DIRTY-05", 1, bits[0]);
    OK("R-DIRTY-05", WHvUnmapGpaRange(m.partition, 0x30000, 0x1000));
    OK("R-DIRTY-05", WHvQueryGpaRangeDirtyBitmap(m.partition, 0, 0x30000, bits, sizeof bits));
    EQUAL("R-DIRTY-05", 1ull << 0x20, bits[0]);

    RESULT_IS("R-DIRTY-01", E_INVALIDARG, WHvQueryGpaRangeDirtyBitmap(m.partition, 1, 0x1000, bits, sizeof bits));
    RESULT_IS("R-DIRTY-01", E_INVALIDARG, WHvQueryGpaRangeDirtyBitmap(m.partition, 0, 0x1000, (UINT64 *)(void *)((char *)bits + 4), 8));
    RESULT_IS("R-DIRTY-02", WHV_E_INSUFFICIENT_BUFFER, WHvQueryGpaRangeDirtyBitmap(m.partition, 0, 0x30000, bits, 4));
    RESULT_IS("R-DIRTY-03", WHV_E_GPA_RANGE_NOT_FOUND, WHvQueryGpaRangeDirtyBitmap(m.partition, 0, size, bits, sizeof bits));
    OK("R-DIRTY-03", WHvMapGpaRange(m.partition, m.memory + 0x30000, 0x30000, 0x1000, (WHV_MAP_GPA_RANGE_FLAGS)7));
    RESULT_IS("R-DIRTY-03", WHV_E_GPA_RANGE_NOT_FOUND, WHvQueryGpaRangeDirtyBitmap(m.partition, 0, size, bits, sizeof bits));
    machine_delete(&m);
}
