#include "selftest.h"

void test_capabilities(void)
{
    WHV_CAPABILITY value;
    UINT32 written = 0;
    memset(&value, 0, sizeof value);
    OK("R-CAP-01", WHvGetCapability(WHvCapabilityCodeHypervisorPresent, &value, sizeof value.HypervisorPresent, &written));
    EQUAL("R-CAP-01", 1, value.HypervisorPresent);
    EQUAL("R-CAP-01", 4, written);

    HvSdkStandInSwitch("NO_HYPERVISOR", 1, NULL);
    WHV_PARTITION_HANDLE partition;
    OK("R-CAP-02", WHvGetCapability(WHvCapabilityCodeHypervisorPresent, &value, sizeof value.HypervisorPresent, &written));
    EQUAL("R-CAP-02", 0, value.HypervisorPresent);
    RESULT_IS("R-CAP-02", HV_E_NO_HYPERVISOR, WHvGetCapability(WHvCapabilityCodeFeatures, &value, sizeof value, &written));
    RESULT_IS("R-CAP-02", HV_E_NO_HYPERVISOR, WHvCreatePartition(&partition));
    HvSdkStandInSwitch("NO_HYPERVISOR", 0, NULL);

    RESULT_IS("R-CAP-03", WHV_E_UNKNOWN_CAPABILITY, WHvGetCapability((WHV_CAPABILITY_CODE)0x7777, &value, sizeof value, &written));
    OK("R-CAP-04", WHvGetCapability(WHvCapabilityCodeFeatures, &value, sizeof value, &written));
    EQUAL("R-CAP-04", 0xF, value.Features.AsUINT64);
    OK("R-CAP-05", WHvGetCapability(WHvCapabilityCodeExtendedVmExits, &value, sizeof value, &written));
    EQUAL("R-CAP-05", 6, value.ExtendedVmExits.AsUINT64);
    OK("R-CAP-06", WHvGetCapability(WHvCapabilityCodeExceptionExitBitmap, &value, sizeof value, &written));
    EQUAL("R-CAP-06", 1 << 1 | 1 << 3, value.ExceptionExitBitmap);
    OK("R-CAP-07", WHvGetCapability(WHvCapabilityCodeX64MsrExitBitmap, &value, sizeof value, &written));
    EQUAL("R-CAP-07", 0xF, value.X64MsrExitBitmap.AsUINT64);
    OK("R-CAP-08", WHvGetCapability(WHvCapabilityCodeProcessorClockFrequency, &value, sizeof value, &written));
    CHECK("R-CAP-08", value.ProcessorClockFrequency > 100000000);

    uint8_t bytes[16];
    memset(bytes, 0x11, sizeof bytes);
    RESULT_IS("R-ABI-04", WHV_E_INSUFFICIENT_BUFFER, WHvGetCapability(WHvCapabilityCodeFeatures, bytes, 4, &written));
    EQUAL("R-ABI-04", 8, written);
    EQUAL("R-ABI-04", 0x11, bytes[0]);
    OK("R-ABI-02", WHvGetCapability(WHvCapabilityCodeHypervisorPresent, bytes, sizeof bytes, &written));
    EQUAL("R-ABI-02", 0xCC, bytes[4]);
    EQUAL("R-ABI-02", 0xCC, bytes[15]);
}
