/* R-CAP: what the platform says it can do. A bit that KVM has no equal for is absent. */
#include "standin.h"
#include <string.h>

static WHV_PROCESSOR_VENDOR host_vendor(void)
{
    uint32_t eax = 0, ebx, ecx, edx;
    __asm__("cpuid" : "+a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx));
    const uint32_t intel = 0x756E6547 /* "Genu" */, hygon = 0x6F677948 /* "Hygo" */;
    return ebx == intel ? WHvProcessorVendorIntel : ebx == hygon ? WHvProcessorVendorHygon : WHvProcessorVendorAmd;
}

/* The frequency of guests' time-stamp counters: a virtual processor would tell; here a throw-away one is made. */
static UINT64 tsc_frequency(void)
{
    static UINT64 frequency;
    if (frequency == 0)
    {
        int vm = (int)host_ioctl_value(kvm_fd(), KVM_CREATE_VM, 0);
        int vcpu = vm < 0 ? -1 : (int)host_ioctl_value(vm, KVM_CREATE_VCPU, 0);
        int64_t kilohertz = vcpu < 0 ? 0 : host_ioctl_value(vcpu, KVM_GET_TSC_KHZ, 0);
        if (vcpu >= 0)
        {
            host_close(vcpu);
        }
        if (vm >= 0)
        {
            host_close(vm);
        }
        frequency = kilohertz > 0 ? (UINT64)kilohertz * 1000 : 1000000000;
    }
    return frequency;
}

static unsigned version_of(WHV_CAPABILITY_CODE code)
{
    switch (code)
    {
        case WHvCapabilityCodeX64MsrExitBitmap:
        case WHvCapabilityCodeProcessorXsaveFeatures:
            return WINDOWS_1809;
        case WHvCapabilityCodeProcessorClockFrequency:
        case WHvCapabilityCodeInterruptClockFrequency:
            return WINDOWS_2004;
        case WHvCapabilityCodeGpaRangePopulateFlags:
        case WHvCapabilityCodeSchedulerFeatures:
        case WHvCapabilityCodeProcessorFeaturesBanks:
        case WHvCapabilityCodeProcessorFrequencyCap:
        case WHvCapabilityCodeSyntheticProcessorFeaturesBanks:
        case WHvCapabilityCodeProcessorPerfmonFeatures:
            return WINDOWS_20H2;
        default:
            return WINDOWS_1803;
    }
}

HRESULT WINAPI WHvGetCapability(WHV_CAPABILITY_CODE code, VOID *buffer, UINT32 size, UINT32 *written)
{
    switches_load();
    WHV_CAPABILITY value;
    memset(&value, 0, sizeof value);
    uint32_t value_size = sizeof(UINT64);
    bool is_present = !switches.no_hypervisor && kvm_fd() >= 0;

    if (windows_version < version_of(code))
    {
        return WHV_E_UNKNOWN_CAPABILITY; /* R-CAP-03 */
    }
    if (code == WHvCapabilityCodeHypervisorPresent)
    {
        value.HypervisorPresent = is_present;
        return copy_out(buffer, size, written, &value, sizeof value.HypervisorPresent); /* R-CAP-01 */
    }
    if (!is_present)
    {
        return HV_E_NO_HYPERVISOR; /* R-CAP-02 */
    }
    switch (code)
    {
        case WHvCapabilityCodeFeatures: /* R-CAP-04 */
            value.Features.PartialUnmap = 1;
            value.Features.LocalApicEmulation = windows_version >= WINDOWS_1809;
            value.Features.Xsave = windows_version >= WINDOWS_1809;
            value.Features.DirtyPageTracking = windows_version >= WINDOWS_1809;
            break;
        case WHvCapabilityCodeExtendedVmExits: /* R-CAP-05 */
            value.ExtendedVmExits.X64MsrExit = 1;
            value.ExtendedVmExits.ExceptionExit = 1;
            break;
        case WHvCapabilityCodeExceptionExitBitmap: /* R-CAP-06 */
            value.ExceptionExitBitmap = 1u << WHvX64ExceptionTypeDebugTrapOrFault | 1u << WHvX64ExceptionTypeBreakpointTrap;
            break;
        case WHvCapabilityCodeX64MsrExitBitmap: /* R-CAP-07 */
            value.X64MsrExitBitmap.UnhandledMsrs = 1;
            value.X64MsrExitBitmap.TscMsrWrite = 1;
            value.X64MsrExitBitmap.TscMsrRead = 1;
            value.X64MsrExitBitmap.ApicBaseMsrWrite = 1;
            break;
        case WHvCapabilityCodeGpaRangePopulateFlags:
            value.GpaRangePopulateFlags.Prefetch = 1;
            value_size = sizeof value.GpaRangePopulateFlags;
            break;
        case WHvCapabilityCodeProcessorVendor:
            value.ProcessorVendor = host_vendor();
            value_size = sizeof value.ProcessorVendor;
            break;
        case WHvCapabilityCodeProcessorClFlushSize:
            value.ProcessorClFlushSize = 8;
            value_size = sizeof value.ProcessorClFlushSize;
            break;
        case WHvCapabilityCodeProcessorXsaveFeatures:
            value.ProcessorXsaveFeatures.XsaveSupport = 1;
            value.ProcessorXsaveFeatures.XsaveCompSupport = 1;
            value.ProcessorXsaveFeatures.AvxSupport = 1;
            break;
        case WHvCapabilityCodeProcessorClockFrequency:
            value.ProcessorClockFrequency = tsc_frequency();
            break;
        case WHvCapabilityCodeInterruptClockFrequency:
            value.InterruptClockFrequency = 1000000000; /* KVM's local APIC counts nanoseconds */
            break;
        case WHvCapabilityCodeProcessorFeaturesBanks:
            value.ProcessorFeaturesBanks.BanksCount = WHV_PROCESSOR_FEATURES_BANKS_COUNT;
            value_size = sizeof value.ProcessorFeaturesBanks;
            break;
        case WHvCapabilityCodeSyntheticProcessorFeaturesBanks:
            value.SyntheticProcessorFeaturesBanks.BanksCount = WHV_SYNTHETIC_PROCESSOR_FEATURES_BANKS_COUNT;
            value_size = sizeof value.SyntheticProcessorFeaturesBanks;
            break;
        case WHvCapabilityCodeProcessorFrequencyCap:
            value_size = sizeof value.ProcessorFrequencyCap;
            break;
        case WHvCapabilityCodeProcessorFeatures:
        case WHvCapabilityCodeSchedulerFeatures:
        case WHvCapabilityCodeProcessorPerfmonFeatures:
            break;
        default:
            return WHV_E_UNKNOWN_CAPABILITY; /* R-CAP-03 */
    }
    return copy_out(buffer, size, written, &value, value_size);
}
