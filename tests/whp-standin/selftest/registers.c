#include "selftest.h"
#include <stdlib.h>

static void numbers(struct machine *m)
{
    static const WHV_REGISTER_NAME names[] = {
        WHvX64RegisterRax, WHvX64RegisterR15, WHvX64RegisterRip, WHvX64RegisterCr2, WHvX64RegisterDr1, WHvX64RegisterKernelGsBase,
        WHvX64RegisterLstar, WHvX64RegisterCstar, WHvX64RegisterSysenterEip, WHvX64RegisterMsrMtrrFix64k00000,
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    {
        UINT64 value = names[i] == WHvX64RegisterMsrMtrrFix64k00000 ? 0x0606060606060606 : 0x12345678 + i;
        set(m, 0, names[i], value);
        WHV_REGISTER_VALUE back = get_wide(m, 0, names[i]);
        EQUAL("R-REG-03", value, back.Reg64);
        EQUAL("R-ABI-02", 0xCCCCCCCCCCCCCCCC, back.Reg128.High64);
    }
    EQUAL("R-REG-08", 0, get(m, 0, WHvX64RegisterInitialApicId));
}

static void wide_values(struct machine *m)
{
    WHV_REGISTER_VALUE value;
    memset(&value, 0, sizeof value);
    value.Reg128.Low64 = 0x1111;
    value.Reg128.High64 = 0x2222;
    set_wide(m, 0, WHvX64RegisterXmm15, value);
    EQUAL("R-REG-04", 0x2222, get_wide(m, 0, WHvX64RegisterXmm15).Reg128.High64);
    memset(&value, 0, sizeof value);
    value.FpControlStatus.FpControl = 0x27F;
    value.FpControlStatus.FpTag = 0x81;
    value.FpControlStatus.LastFpRip = 0x1234;
    set_wide(m, 0, WHvX64RegisterFpControlStatus, value);
    WHV_REGISTER_VALUE back = get_wide(m, 0, WHvX64RegisterFpControlStatus);
    EQUAL("R-REG-04", 0x27F, back.FpControlStatus.FpControl);
    EQUAL("R-REG-04", 0x81, back.FpControlStatus.FpTag);
    memset(&value, 0, sizeof value);
    value.XmmControlStatus.XmmStatusControl = 0x1FA0;
    set_wide(m, 0, WHvX64RegisterXmmControlStatus, value);
    EQUAL("R-REG-04", 0x1FA0, get_wide(m, 0, WHvX64RegisterXmmControlStatus).XmmControlStatus.XmmStatusControl);

    memset(&value, 0, sizeof value);
    value.Segment = (WHV_X64_SEGMENT_REGISTER){.Base = 0x1000, .Limit = 0xFFFF, .Selector = 0x33, .Attributes = 0x40F3};
    set_wide(m, 0, WHvX64RegisterFs, value);
    back = get_wide(m, 0, WHvX64RegisterFs);
    EQUAL("R-REG-05", 0x1000, back.Segment.Base);
    EQUAL("R-REG-05", 0x33, back.Segment.Selector);
    EQUAL("R-REG-05", 0x40F3, back.Segment.Attributes);
    memset(&value, 0, sizeof value);
    value.Table.Base = 0x7000;
    value.Table.Limit = 0x27;
    set_wide(m, 0, WHvX64RegisterGdtr, value);
    back = get_wide(m, 0, WHvX64RegisterGdtr);
    EQUAL("R-REG-05", 0x7000, back.Table.Base);
    EQUAL("R-REG-05", 0x27, back.Table.Limit);
}

static void refusals(struct machine *m)
{
    _Alignas(16) WHV_REGISTER_VALUE values[3];
    memset(values, 0, sizeof values);
    WHV_REGISTER_NAME names[2] = {WHvX64RegisterRax, (WHV_REGISTER_NAME)0x99};
    RESULT_IS("R-REG-01", WHV_E_INVALID_VP_REGISTER_NAME, WHvGetVirtualProcessorRegisters(m->partition, 0, names, 2, values));
    set(m, 0, WHvX64RegisterRax, 5);
    values[0].Reg64 = 6;
    RESULT_IS("R-REG-01", WHV_E_INVALID_VP_REGISTER_NAME, WHvSetVirtualProcessorRegisters(m->partition, 0, names, 2, values));
    EQUAL("R-REG-01", 5, get(m, 0, WHvX64RegisterRax));
    WHV_REGISTER_VALUE *crooked = (void *)((char *)values + 8);
    RESULT_IS("R-ABI-01", E_INVALIDARG, WHvGetVirtualProcessorRegisters(m->partition, 0, names, 1, crooked));
    HvSdkStandInSwitch("ALIGNMENT", 0, NULL);
    OK("R-ABI-01", WHvGetVirtualProcessorRegisters(m->partition, 0, names, 1, crooked));
    HvSdkStandInSwitch("ALIGNMENT", 1, NULL);
    RESULT_IS("R-REG-03", WHV_E_VP_DOES_NOT_EXIST, WHvGetVirtualProcessorRegisters(m->partition, 5, names, 1, values));
    RESULT_IS("R-REG-03", E_INVALIDARG, WHvGetVirtualProcessorRegisters(m->partition, 0, names, 0, values));

    /* In order, up to the refused one: bit 0 of XCR0 cannot be clear. */
    names[1] = WHvX64RegisterXCr0;
    values[0].Reg64 = 7;
    values[1].Reg64 = 2;
    RESULT_IS("R-REG-07", HV_E_INVALID_REGISTER_VALUE, WHvSetVirtualProcessorRegisters(m->partition, 0, names, 2, values));
    EQUAL("R-REG-02", 7, get(m, 0, WHvX64RegisterRax));
}

void test_registers(void)
{
    struct machine m;
    machine_create(&m, NULL);
    numbers(&m);
    wide_values(&m);
    refusals(&m);
    EQUAL("R-REG-06", 0x0007040600070406, get(&m, 0, WHvX64RegisterPat));
    machine_delete(&m);
}
