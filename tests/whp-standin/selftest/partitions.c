#include "selftest.h"

static void before_setup(void)
{
    WHV_PARTITION_HANDLE partition;
    uint8_t *memory = pages(0x1000);
    UINT32 count = 0;
    OK("R-PART-01", WHvCreatePartition(&partition));
    RESULT_IS("R-PART-01", WHV_E_INVALID_PARTITION_CONFIG, WHvSetupPartition(partition));
    RESULT_IS("R-PROP-04", E_INVALIDARG, WHvSetPartitionProperty(partition, WHvPartitionPropertyCodeProcessorCount, &count, sizeof count));
    count = 1000;
    RESULT_IS("R-PROP-04", E_INVALIDARG, WHvSetPartitionProperty(partition, WHvPartitionPropertyCodeProcessorCount, &count, sizeof count));
    count = 2;
    RESULT_IS("R-PROP-03", E_INVALIDARG, WHvSetPartitionProperty(partition, WHvPartitionPropertyCodeProcessorCount, &count, 2));
    OK("R-PROP-04", WHvSetPartitionProperty(partition, WHvPartitionPropertyCodeProcessorCount, &count, sizeof count));
    RESULT_IS("R-PROP-02", WHV_E_UNKNOWN_PROPERTY, WHvSetPartitionProperty(partition, (WHV_PARTITION_PROPERTY_CODE)0x7777, &count, sizeof count));
    UINT64 exits = 1; /* CPUID */
    RESULT_IS("R-PROP-07", E_INVALIDARG, WHvSetPartitionProperty(partition, WHvPartitionPropertyCodeExtendedVmExits, &exits, sizeof exits));
    WHV_PROCESSOR_FEATURES_BANKS banks = {.BanksCount = 2};
    OK("R-PROP-08", WHvSetPartitionProperty(partition, WHvPartitionPropertyCodeProcessorFeaturesBanks, &banks, sizeof banks));

    RESULT_IS("R-PART-03", HV_E_INVALID_PARTITION_STATE, WHvMapGpaRange(partition, memory, 0, 0x1000, (WHV_MAP_GPA_RANGE_FLAGS)7));
    RESULT_IS("R-PART-03", HV_E_INVALID_PARTITION_STATE, WHvCreateVirtualProcessor(partition, 0, 0));
    OK("R-PART-01", WHvSetupPartition(partition));
    RESULT_IS("R-PART-02", HV_E_INVALID_PARTITION_STATE, WHvSetupPartition(partition));

    RESULT_IS("R-PROP-01", HV_E_INVALID_PARTITION_STATE, WHvSetPartitionProperty(partition, WHvPartitionPropertyCodeProcessorCount, &count, sizeof count));
    exits = 4;
    OK("R-PROP-01", WHvSetPartitionProperty(partition, WHvPartitionPropertyCodeExtendedVmExits, &exits, sizeof exits));
    UINT32 written = 0;
    count = 0;
    OK("R-PROP-10", WHvGetPartitionProperty(partition, WHvPartitionPropertyCodeProcessorCount, &count, sizeof count, &written));
    EQUAL("R-PROP-10", 2, count);
    UINT64 time = 0, later = 0;
    OK("R-PROP-09", WHvGetPartitionProperty(partition, WHvPartitionPropertyCodeReferenceTime, &time, sizeof time, &written));
    pause_milliseconds(2);
    OK("R-PROP-09", WHvGetPartitionProperty(partition, WHvPartitionPropertyCodeReferenceTime, &later, sizeof later, &written));
    CHECK("R-PROP-09", later > time);

    RESULT_IS("R-VP-01", E_INVALIDARG, WHvCreateVirtualProcessor(partition, 2, 0));
    RESULT_IS("R-VP-01", E_INVALIDARG, WHvCreateVirtualProcessor(partition, 0, 1));
    OK("R-VP-01", WHvCreateVirtualProcessor(partition, 1, 0));
    RESULT_IS("R-VP-01", WHV_E_VP_ALREADY_EXISTS, WHvCreateVirtualProcessor(partition, 1, 0));
    OK("R-VP-06", WHvCreateVirtualProcessor2(partition, 0, NULL, 0));
    OK("R-VP-04", WHvDeleteVirtualProcessor(partition, 1));
    RESULT_IS("R-VP-04", WHV_E_VP_DOES_NOT_EXIST, WHvDeleteVirtualProcessor(partition, 1));
    OK("R-PART-04", WHvDeletePartition(partition));
    RESULT_IS("R-ABI-03", E_INVALIDARG, WHvDeletePartition(partition));
    RESULT_IS("R-ABI-03", E_INVALIDARG, WHvSetupPartition(NULL));
    pages_free(memory, 0x1000);
}

static void first_state(void)
{
    struct machine m;
    machine_create(&m, NULL);
    WHV_REGISTER_VALUE cs = get_wide(&m, 0, WHvX64RegisterCs);
    EQUAL("R-VP-02", 0xF0000, cs.Segment.Base);
    EQUAL("R-VP-02", 0xF000, cs.Segment.Selector);
    EQUAL("R-VP-02", 0xFFF0, get(&m, 0, WHvX64RegisterRip));
    machine_delete(&m);
}

static void one_with_memory(void)
{
    struct machine m;
    machine_create(&m, NULL);
    WHV_PARTITION_HANDLE other;
    UINT32 count = 1;
    OK("R-MEM-09", WHvCreatePartition(&other));
    OK("R-MEM-09", WHvSetPartitionProperty(other, WHvPartitionPropertyCodeProcessorCount, &count, sizeof count));
    OK("R-MEM-09", WHvSetupPartition(other));
    RESULT_IS("R-MEM-09", VID_E_PARTITION_ALREADY_EXISTS, WHvMapGpaRange(other, m.memory, 0, 0x1000, (WHV_MAP_GPA_RANGE_FLAGS)7));
    HvSdkStandInSwitch("MANY_PARTITIONS", 1, NULL);
    OK("R-MEM-09", WHvMapGpaRange(other, m.memory, 0, 0x1000, (WHV_MAP_GPA_RANGE_FLAGS)7));
    HvSdkStandInSwitch("MANY_PARTITIONS", 0, NULL);
    machine_delete(&m);
    OK("R-MEM-09", WHvDeletePartition(other));
}

static void reset(void)
{
    struct machine m;
    machine_create(&m, NULL);
    CODE_AT(&m, CODE, 0xF4);
    start_flat(&m, 0, CODE);
    set(&m, 0, WHvX64RegisterLstar, 0x1234);
    set(&m, 0, WHvX64RegisterDr0, 0x5678);
    EQUAL("R-PART-06", WHvRunVpExitReasonX64Halt, run(&m, 0));
    UINT64 before = get(&m, 0, WHvX64RegisterTsc);
    OK("R-PART-06", WHvResetPartition(m.partition));
    EQUAL("R-PART-06", 0xFFF0, get(&m, 0, WHvX64RegisterRip));
    EQUAL("R-PART-06", 0x60000010, get(&m, 0, WHvX64RegisterCr0));
    EQUAL("R-PART-06", 0, get(&m, 0, WHvX64RegisterLstar));
    EQUAL("R-PART-06", 0, get(&m, 0, WHvX64RegisterDr0));
    CHECK("R-VP-03", get(&m, 0, WHvX64RegisterTsc) >= before);
    EQUAL("R-PART-06", 0xF4, m.memory[CODE]);
    machine_delete(&m);
}

void test_partitions(void)
{
    before_setup();
    first_state();
    one_with_memory();
    reset();
}
