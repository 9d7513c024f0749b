#include "selftest.h"

static void unknown(void)
{
    struct machine m;
    machine_create(&m, &(struct options){.extended_exits = 2, .msr_exits = 1});
    CODE_AT(&m, CODE, 0xB9, 0x00, 0x00, 0x00, 0x4B, 0xB8, 0x78, 0x56, 0x34, 0x12, 0xBA, 0x21, 0x43, 0x65, 0x87, 0x0F, 0x30, 0x0F, 0x32, 0xF4);
    start_flat(&m, 0, CODE); /* wrmsr and rdmsr of 4B000000 */
    EQUAL("R-MSR-01", WHvRunVpExitReasonX64MsrAccess, run(&m, 0));
    EQUAL("R-MSR-03", 1, m.exit->MsrAccess.AccessInfo.IsWrite);
    EQUAL("R-MSR-03", 0x4B000000, m.exit->MsrAccess.MsrNumber);
    EQUAL("R-MSR-03", 0x12345678, m.exit->MsrAccess.Rax);
    EQUAL("R-MSR-03", 0x87654321, m.exit->MsrAccess.Rdx);
    EQUAL("R-MSR-03", 0x100F, m.exit->VpContext.Rip);
    EQUAL("R-MSR-03", 2, m.exit->VpContext.InstructionLength);
    EQUAL("R-MSR-03", 0x100F, get(&m, 0, WHvX64RegisterRip));
    skip(&m, 0, 2);
    EQUAL("R-MSR-03", WHvRunVpExitReasonX64MsrAccess, run(&m, 0));
    EQUAL("R-MSR-03", 0, m.exit->MsrAccess.AccessInfo.IsWrite);
    EQUAL("R-MSR-03", 0x12345678, get(&m, 0, WHvX64RegisterRax));
    skip(&m, 0, 2);
    EQUAL("R-MSR-03", WHvRunVpExitReasonX64Halt, run(&m, 0));
    machine_delete(&m);

    /* Not asked for: a fault, here a fatal one. */
    machine_create(&m, NULL);
    CODE_AT(&m, CODE, 0xB9, 0x00, 0x00, 0x00, 0x4B, 0x0F, 0x32, 0xF4);
    start_flat(&m, 0, CODE);
    WHV_REGISTER_VALUE none;
    memset(&none, 0, sizeof none);
    set_wide(&m, 0, WHvX64RegisterIdtr, none);
    EQUAL("R-MSR-04", WHvRunVpExitReasonUnrecoverableException, run(&m, 0));
    machine_delete(&m);
}

static void known(void)
{
    struct machine m;
    machine_create(&m, &(struct options){.extended_exits = 2, .msr_exits = 1});
    CODE_AT(&m, CODE, 0xB9, 0x10, 0x00, 0x00, 0x00, 0x31, 0xC0, 0x31, 0xD2, 0x0F, 0x30, 0xF4); /* IA32_TSC := 0 */
    start_flat(&m, 0, CODE);
    EQUAL("R-MSR-02", WHvRunVpExitReasonX64Halt, run(&m, 0));
    UINT64 exits = 2; /* TSC writes; it may change after set-up */
    OK("R-PROP-01", WHvSetPartitionProperty(m.partition, WHvPartitionPropertyCodeX64MsrExitBitmap, &exits, sizeof exits));
    start_flat(&m, 0, CODE);
    EQUAL("R-MSR-02", WHvRunVpExitReasonX64MsrAccess, run(&m, 0));
    EQUAL("R-MSR-02", 0x10, m.exit->MsrAccess.MsrNumber);
    exits = 0;
    OK("R-PROP-01", WHvSetPartitionProperty(m.partition, WHvPartitionPropertyCodeX64MsrExitBitmap, &exits, sizeof exits));
    EQUAL("R-MSR-02", WHvRunVpExitReasonX64Halt, run(&m, 0));
    machine_delete(&m);
}

static void time(void)
{
    struct machine m;
    machine_create(&m, &(struct options){.processors = 2});
    CODE_AT(&m, CODE, 0xF4);
    start_flat(&m, 0, CODE);
    OK("R-TIME-01", WHvSuspendPartitionTime(m.partition));
    UINT64 first = get(&m, 0, WHvX64RegisterTsc);
    pause_milliseconds(20);
    EQUAL("R-TIME-01", first, get(&m, 0, WHvX64RegisterTsc));
    set(&m, 0, WHvX64RegisterTsc, 0x1000000000);
    set(&m, 1, WHvX64RegisterTsc, 0x1000000000);
    EQUAL("R-TIME-02", 0x1000000000, get(&m, 0, WHvX64RegisterTsc));
    EQUAL("R-TIME-03", WHvRunVpExitReasonX64Halt, run(&m, 0));
    UINT64 later = get(&m, 0, WHvX64RegisterTsc), of_other = get(&m, 1, WHvX64RegisterTsc);
    if (host_kind() == HOST_PVM)
    {
        skip_rule("R-TIME-03", "KVM_PVM's guests have the host's time-stamp counter, whatever is set");
    }
    else
    {
        CHECK("R-TIME-03", later > 0x1000000000 && later < 0x1800000000);
        CHECK("R-TIME-03", of_other > 0x1000000000 && of_other < 0x1800000000);
    }
    OK("R-TIME-01", WHvSuspendPartitionTime(m.partition));
    OK("R-TIME-03", WHvResumePartitionTime(m.partition));
    first = get(&m, 0, WHvX64RegisterTsc);
    CHECK("R-TIME-03", get(&m, 0, WHvX64RegisterTsc) > first);
    machine_delete(&m);
}

static void cpuid(void)
{
    struct machine m;
    WHV_X64_CPUID_RESULT result = {.Function = 0x40000000, .Eax = 0x40000001, .Ebx = 0x11, .Ecx = 0x22, .Edx = 0x33};
    WHV_CPUID_OUTPUT output;
    machine_create(&m, &(struct options){.cpuid = &result});
    OK("R-CPUID-04", WHvGetVirtualProcessorCpuidOutput(m.partition, 0, 0x40000000, 0, &output));
    EQUAL("R-PROP-05", 0x40000001, output.Eax);
    EQUAL("R-PROP-05", 0x33, output.Edx);
    OK("R-CPUID-04", WHvGetVirtualProcessorCpuidOutput(m.partition, 0, 1, 0, &output));
    EQUAL("R-CPUID-01", 0, output.Ecx >> 31);
    EQUAL("R-CPUID-02", 0, output.Ecx >> 21 & 1);
    EQUAL("R-CPUID-03", 0, output.Ebx >> 24);
    CODE_AT(&m, CODE, 0xB8, 0x00, 0x00, 0x00, 0x40, 0x0F, 0xA2, 0xF4); /* cpuid 40000000; hlt */
    start_flat(&m, 0, CODE);
    EQUAL("R-PROP-05", WHvRunVpExitReasonX64Halt, run(&m, 0));
    EQUAL("R-PROP-05", 0x40000001, get(&m, 0, WHvX64RegisterRax));
    EQUAL("R-PROP-05", 0x11, get(&m, 0, WHvX64RegisterRbx));
    machine_delete(&m);

    /* One bit, of one processor. */
    WHV_PARTITION_HANDLE partition;
    UINT32 count = 2;
    WHV_X64_CPUID_RESULT2 list[] = {
        {.Function = 1, .VpIndex = 1, .Flags = WHvX64CpuidResult2FlagVpSpecific, .Output = {.Edx = 0}, .Mask = {.Edx = 1}},
        {.Function = 0x40000001, .Index = 3, .Flags = WHvX64CpuidResult2FlagSubleafSpecific, .Output = {.Eax = 0xFF}, .Mask = {.Eax = 0x0F}},
    };
    OK("R-PROP-06", WHvCreatePartition(&partition));
    OK("R-PROP-06", WHvSetPartitionProperty(partition, WHvPartitionPropertyCodeProcessorCount, &count, sizeof count));
    OK("R-PROP-06", WHvSetPartitionProperty(partition, WHvPartitionPropertyCodeCpuidResultList2, list, sizeof list));
    OK("R-PROP-06", WHvSetupPartition(partition));
    OK("R-PROP-06", WHvCreateVirtualProcessor(partition, 0, 0));
    OK("R-PROP-06", WHvCreateVirtualProcessor(partition, 1, 0));
    OK("R-PROP-06", WHvGetVirtualProcessorCpuidOutput(partition, 0, 1, 0, &output));
    EQUAL("R-PROP-06", 1, output.Edx & 1);
    OK("R-PROP-06", WHvGetVirtualProcessorCpuidOutput(partition, 1, 1, 0, &output));
    EQUAL("R-PROP-06", 0, output.Edx & 1);
    EQUAL("R-CPUID-03", 1, output.Ebx >> 24);
    OK("R-PROP-06", WHvGetVirtualProcessorCpuidOutput(partition, 1, 0x40000001, 3, &output));
    EQUAL("R-PROP-06", 0x0F, output.Eax);
    OK("R-PROP-06", WHvDeletePartition(partition));
}

void test_msrs(void)
{
    unknown();
    known();
    time();
    cpuid();
}
