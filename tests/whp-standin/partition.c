/* R-PART: partitions from creation to deletion. */
#include "standin.h"
#include <stdlib.h>
#include <string.h>

static host_lock list_lock;
static struct partition *partitions;
static struct partition *memory_owner;

/* R-ABI-03: a handle that is none, or of a deleted partition, is an error and not a crash. */
struct partition *partition_find(WHV_PARTITION_HANDLE handle)
{
    host_acquire(&list_lock);
    struct partition *partition = partitions;
    while (partition != NULL && partition != handle)
    {
        partition = partition->next;
    }
    host_release(&list_lock);
    return partition;
}

/* R-PART-03: memory, virtual processors and the like only after WHvSetupPartition. */
HRESULT partition_of_setup(WHV_PARTITION_HANDLE handle, struct partition **partition)
{
    *partition = partition_find(handle);
    return *partition == NULL ? E_INVALIDARG : !(*partition)->is_set_up ? HV_E_INVALID_PARTITION_STATE : S_OK;
}

HRESULT vp_find(WHV_PARTITION_HANDLE handle, uint32_t index, struct vp **vp)
{
    struct partition *partition;
    HRESULT result = partition_of_setup(handle, &partition);
    if (result != S_OK)
    {
        return result;
    }
    *vp = index < MAX_VPS ? partition->vps[index] : NULL;
    return *vp == NULL ? WHV_E_VP_DOES_NOT_EXIST : S_OK;
}

/* R-ABI-04: a buffer too small tells the size it should have; nothing else is written. */
HRESULT copy_out(void *buffer, uint32_t size, uint32_t *written, const void *value, uint32_t value_size)
{
    if (written != NULL)
    {
        *written = value_size;
    }
    if (size < value_size)
    {
        return WHV_E_INSUFFICIENT_BUFFER;
    }
    if (buffer == NULL)
    {
        return E_POINTER;
    }
    if (switches.poison && size > value_size)
    {
        memset((char *)buffer + value_size, 0xCC, size - value_size); /* R-ABI-02 */
    }
    memcpy(buffer, value, value_size);
    return S_OK;
}

/* R-MEM-09: one partition of a process has memory, until it is deleted. */
bool partition_take_memory(struct partition *partition)
{
    host_acquire(&list_lock);
    bool is_free = memory_owner == NULL || memory_owner == partition || switches.many_partitions;
    if (is_free && memory_owner == NULL)
    {
        memory_owner = partition;
    }
    host_release(&list_lock);
    return is_free;
}

HRESULT WINAPI WHvCreatePartition(WHV_PARTITION_HANDLE *handle)
{
    switches_load();
    if (handle == NULL)
    {
        return E_POINTER;
    }
    if (switches.no_hypervisor || kvm_fd() < 0)
    {
        return HV_E_NO_HYPERVISOR; /* R-CAP-02 */
    }
    struct partition *partition = calloc(1, sizeof *partition);
    if (partition == NULL)
    {
        return E_OUTOFMEMORY;
    }
    partition->fd = -1;
    host_acquire(&list_lock);
    partition->next = partitions;
    partitions = partition;
    host_release(&list_lock);
    *handle = partition;
    return S_OK;
}

HRESULT WINAPI WHvSetupPartition(WHV_PARTITION_HANDLE handle)
{
    struct partition *partition = partition_find(handle);
    if (partition == NULL)
    {
        return E_INVALIDARG;
    }
    if (partition->is_set_up)
    {
        return HV_E_INVALID_PARTITION_STATE; /* R-PART-02 */
    }
    if (partition->processor_count == 0)
    {
        return WHV_E_INVALID_PARTITION_CONFIG; /* R-PART-01 */
    }
    int64_t fd = host_ioctl_value(kvm_fd(), KVM_CREATE_VM, 0);
    if (fd < 0)
    {
        return kvm_result(fd, "KVM_CREATE_VM");
    }
    partition->fd = (int)fd;

    /* kvm_intel keeps three pages and one more for itself; they go where no guest of ours has memory. */
    UINT64 task_state = 0xFFFBD000, identity_map = 0xFFFBC000;
    host_ioctl_value(partition->fd, KVM_SET_TSS_ADDR, task_state);
    host_ioctl(partition->fd, KVM_SET_IDENTITY_MAP_ADDR, &identity_map);

    HRESULT result = interrupts_set_up(partition);
    result = result == S_OK ? msr_exits_apply(partition) : result;
    result = result == S_OK ? cpuid_prepare(partition) : result;
    if (result != S_OK)
    {
        host_close(partition->fd);
        partition->fd = -1;
        return result;
    }
    partition->is_set_up = true;
    return S_OK;
}

HRESULT WINAPI WHvDeletePartition(WHV_PARTITION_HANDLE handle)
{
    struct partition *partition = partition_find(handle);
    if (partition == NULL)
    {
        return E_INVALIDARG;
    }
    for (int i = 0; i < MAX_VPS; i++)
    {
        if (partition->vps[i] != NULL && atomic_load(&partition->vps[i]->running))
        {
            return WHV_E_INVALID_VP_STATE; /* R-PART-05 */
        }
    }
    host_acquire(&list_lock);
    struct partition **link = &partitions;
    while (*link != partition)
    {
        link = &(*link)->next;
    }
    *link = partition->next;
    memory_owner = memory_owner == partition ? NULL : memory_owner;
    host_release(&list_lock);

    for (int i = 0; i < MAX_VPS; i++)
    {
        if (partition->vps[i] != NULL)
        {
            vp_destroy(partition->vps[i]); /* R-PART-04 */
        }
    }
    doorbells_delete_all(partition);
    memory_delete_all(partition);
    if (partition->fd >= 0)
    {
        host_close(partition->fd);
    }
    free(partition->cpuid_results);
    free(partition->cpuid);
    free(partition);
    return S_OK;
}

/* R-PART-06: all processors as they were made; memory, properties and the time-stamp counters stay. */
HRESULT WINAPI WHvResetPartition(WHV_PARTITION_HANDLE handle)
{
    struct partition *partition;
    HRESULT result = partition_of_setup(handle, &partition);
    for (int i = 0; result == S_OK && i < MAX_VPS; i++)
    {
        if (partition->vps[i] != NULL)
        {
            result = atomic_load(&partition->vps[i]->running) ? WHV_E_INVALID_VP_STATE : vp_reset(partition->vps[i]);
        }
    }
    return result;
}
