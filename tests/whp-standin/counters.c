/* R-COUNT: counters. What the stand-in sees is counted; the rest stays 0. */
#include "standin.h"
#include <string.h>

enum { NANOSECONDS_PER_UNIT = 100 };

/* R-COUNT-01 */
HRESULT WINAPI WHvGetPartitionCounters(WHV_PARTITION_HANDLE handle, WHV_PARTITION_COUNTER_SET set, VOID *buffer, UINT32 size, UINT32 *written)
{
    struct partition *partition;
    HRESULT result = partition_of_setup(handle, &partition);
    if (result != S_OK || set != WHvPartitionCounterSetMemory)
    {
        return result != S_OK ? result : E_INVALIDARG;
    }
    WHV_PARTITION_MEMORY_COUNTERS counters;
    memset(&counters, 0, sizeof counters);
    host_acquire(&partition->lock);
    for (uint32_t i = 0; i < partition->range_count; i++)
    {
        counters.Mapped4KPageCount += partition->ranges[i].size / PAGE_SIZE_4K;
    }
    host_release(&partition->lock);
    return copy_out(buffer, size, written, &counters, sizeof counters);
}

/* R-COUNT-02, R-COUNT-03 */
HRESULT WINAPI WHvGetVirtualProcessorCounters(WHV_PARTITION_HANDLE handle, UINT32 index, WHV_PROCESSOR_COUNTER_SET set, VOID *buffer, UINT32 size,
                                              UINT32 *written)
{
    struct vp *vp;
    HRESULT result = vp_find(handle, index, &vp);
    if (result != S_OK)
    {
        return result;
    }
    union
    {
        WHV_PROCESSOR_RUNTIME_COUNTERS runtime;
        struct WHV_PROCESSOR_INTERCEPT_COUNTERS intercepts;
        struct WHV_PROCESSOR_EVENT_COUNTERS events;
        WHV_PROCESSOR_APIC_COUNTERS apic;
        WHV_PROCESSOR_SYNTHETIC_FEATURES_COUNTERS synthetic;
    } counters;
    memset(&counters, 0, sizeof counters);
    switch (set)
    {
        case WHvProcessorCounterSetRuntime:
            counters.runtime.TotalRuntime100ns = vp->runtime_ns / NANOSECONDS_PER_UNIT;
            return copy_out(buffer, size, written, &counters, sizeof counters.runtime);
        case WHvProcessorCounterSetIntercepts:
            counters.intercepts.IoInstructions = vp->io_exits;
            counters.intercepts.HaltInstructions = vp->halt_exits;
            counters.intercepts.MsrAccesses = vp->msr_exits;
            counters.intercepts.NestedPageFaultIntercepts = vp->memory_exits;
            counters.intercepts.PendingInterrupts = vp->window_exits;
            counters.intercepts.OtherIntercepts = vp->other_exits;
            return copy_out(buffer, size, written, &counters, sizeof counters.intercepts);
        case WHvProcessorCounterSetEvents:
            return copy_out(buffer, size, written, &counters, sizeof counters.events);
        case WHvProcessorCounterSetApic:
            return copy_out(buffer, size, written, &counters, sizeof counters.apic);
        case WHvProcessorCounterSetSyntheticFeatures:
            return copy_out(buffer, size, written, &counters, sizeof counters.synthetic);
        default:
            return E_INVALIDARG;
    }
}
