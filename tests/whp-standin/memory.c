/* R-MEM: guest memory. A range of the platform is a slot of KVM's; a slot cannot be cut, so its rest is made anew. */
#include "standin.h"
#include <stdlib.h>
#include <string.h>

enum { ALL_FLAGS = WHvMapGpaRangeFlagRead | WHvMapGpaRangeFlagWrite | WHvMapGpaRangeFlagExecute | WHvMapGpaRangeFlagTrackDirtyPages };
#define LAST_GPA ((1ull << 52) - 1)

static UINT64 page_count(const struct range *range) { return range->size / PAGE_SIZE_4K; }
static UINT64 word_count(UINT64 pages) { return (pages + 63) / 64; }
static bool bit_get(const UINT64 *bits, UINT64 index) { return bits[index / 64] >> (index % 64) & 1; }
static void bit_set(UINT64 *bits, UINT64 index) { bits[index / 64] |= 1ull << (index % 64); }
static void bit_clear(UINT64 *bits, UINT64 index) { bits[index / 64] &= ~(1ull << (index % 64)); }

static bool overlaps(const struct range *range, UINT64 gpa, UINT64 size)
{
    return range->gpa < gpa + size && gpa < range->gpa + range->size;
}

static struct range *range_at(struct partition *partition, UINT64 gpa)
{
    for (uint32_t i = 0; i < partition->range_count; i++)
    {
        if (gpa - partition->ranges[i].gpa < partition->ranges[i].size)
        {
            return &partition->ranges[i];
        }
    }
    return NULL;
}

/* ---- slots ---- */

static HRESULT slot_write(struct partition *partition, const struct range *range, UINT64 size)
{
    struct kvm_userspace_memory_region region = {
        .slot = range->slot,
        .guest_phys_addr = range->gpa,
        .memory_size = size,
        .userspace_addr = (uintptr_t)range->source,
    };
    region.flags |= range->flags & WHvMapGpaRangeFlagTrackDirtyPages ? KVM_MEM_LOG_DIRTY_PAGES : 0;
    region.flags |= range->flags & WHvMapGpaRangeFlagWrite ? 0 : KVM_MEM_READONLY; /* R-MEM-04 */
    return kvm_result(host_ioctl(partition->fd, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
}

static HRESULT slot_show(struct partition *partition, struct range *range)
{
    /* R-MEM-05: the guest may execute what it may read. R-MEM-06: what it may not read it may not touch at all. */
    if (!(range->flags & WHvMapGpaRangeFlagRead) || range->is_hidden || range->has_slot)
    {
        return S_OK;
    }
    range->slot = partition->free_slot_count > 0 ? partition->free_slots[--partition->free_slot_count] : partition->next_slot++;
    HRESULT result = slot_write(partition, range, range->size);
    range->has_slot = result == S_OK;
    return result;
}

static bool slot_hide(struct partition *partition, struct range *range)
{
    if (!range->has_slot)
    {
        return true;
    }
    if (partition->free_slot_count == partition->free_slot_capacity)
    {
        uint32_t capacity = partition->free_slot_capacity * 2 + 16;
        uint32_t *slots = realloc(partition->free_slots, capacity * sizeof *slots);
        if (slots == NULL)
        {
            return false;
        }
        partition->free_slots = slots;
        partition->free_slot_capacity = capacity;
    }
    slot_write(partition, range, 0);
    partition->free_slots[partition->free_slot_count++] = range->slot;
    range->has_slot = false;
    return true;
}

/* ---- ranges ---- */

/* Keeps what KVM tells of written pages: it tells once, and a query may ask for a part only. */
static bool fetch_dirty(struct partition *partition, struct range *range)
{
    if (range->dirty == NULL || !range->has_slot)
    {
        return true;
    }
    UINT64 words = word_count(page_count(range));
    UINT64 *found = calloc(words, sizeof *found);
    if (found == NULL)
    {
        return false;
    }
    struct kvm_dirty_log log = {.slot = range->slot, .dirty_bitmap = found};
    bool is_good = host_ioctl(partition->fd, KVM_GET_DIRTY_LOG, &log) >= 0;
    for (UINT64 i = 0; is_good && i < words; i++)
    {
        range->dirty[i] |= found[i];
    }
    free(found);
    return is_good;
}

/* Adds a range that overlaps none. Its dirty pages come from the range that it is a rest of. */
static HRESULT range_add(struct partition *partition, struct range range, const struct range *rest_of)
{
    if (partition->range_count == partition->range_capacity)
    {
        uint32_t capacity = partition->range_capacity * 2 + 16;
        struct range *ranges = realloc(partition->ranges, capacity * sizeof *ranges);
        if (ranges == NULL)
        {
            return E_OUTOFMEMORY;
        }
        partition->ranges = ranges;
        partition->range_capacity = capacity;
    }
    range.has_slot = false;
    range.dirty = NULL;
    if (range.flags & WHvMapGpaRangeFlagTrackDirtyPages)
    {
        range.dirty = calloc(word_count(page_count(&range)), sizeof *range.dirty);
        if (range.dirty == NULL)
        {
            return E_OUTOFMEMORY;
        }
        for (UINT64 page = 0; rest_of != NULL && page < page_count(&range); page++)
        {
            UINT64 before = (range.gpa - rest_of->gpa) / PAGE_SIZE_4K + page;
            if (bit_get(rest_of->dirty, before))
            {
                bit_set(range.dirty, page);
            }
        }
    }
    HRESULT result = slot_show(partition, &range);
    if (result != S_OK)
    {
        free(range.dirty);
        return result;
    }
    partition->ranges[partition->range_count++] = range;
    return S_OK;
}

/* Takes away what lies in the span; the rests of ranges that reach beyond it stay. */
static HRESULT cut_out(struct partition *partition, UINT64 gpa, UINT64 size, bool *has_found)
{
    for (uint32_t i = 0; i < partition->range_count;)
    {
        struct range range = partition->ranges[i];
        if (!overlaps(&range, gpa, size))
        {
            i++;
            continue;
        }
        *has_found = true;
        UINT64 end = gpa + size, range_end = range.gpa + range.size;
        if (!fetch_dirty(partition, &range) || !slot_hide(partition, &range))
        {
            return E_OUTOFMEMORY;
        }
        partition->ranges[i] = partition->ranges[--partition->range_count];
        HRESULT result = S_OK;
        if (range.gpa < gpa)
        {
            struct range rest = range;
            rest.size = gpa - range.gpa;
            result = range_add(partition, rest, &range);
        }
        if (result == S_OK && end < range_end)
        {
            struct range rest = range;
            rest.gpa = end;
            rest.size = range_end - end;
            rest.source += end - range.gpa;
            result = range_add(partition, rest, &range);
        }
        free(range.dirty);
        if (result != S_OK)
        {
            return result;
        }
        i = 0;
    }
    return S_OK;
}

/* R-MEM-13: no processor is in the guest while a slot is missing, so that none sees a change half made. */
static void change_begin(struct partition *partition)
{
    for (int i = 0; i < MAX_VPS; i++)
    {
        if (partition->vps[i] != NULL)
        {
            vp_visit(partition->vps[i]);
        }
    }
    host_acquire(&partition->lock);
}

static void change_end(struct partition *partition)
{
    host_release(&partition->lock);
    for (int i = 0; i < MAX_VPS; i++)
    {
        if (partition->vps[i] != NULL)
        {
            vp_leave(partition->vps[i]);
        }
    }
}

static bool is_page_range(UINT64 gpa, UINT64 size)
{
    return size != 0 && (gpa | size) % PAGE_SIZE_4K == 0 && size - 1 <= LAST_GPA && gpa <= LAST_GPA - (size - 1);
}

HRESULT WINAPI WHvMapGpaRange(WHV_PARTITION_HANDLE handle, VOID *source, WHV_GUEST_PHYSICAL_ADDRESS gpa, UINT64 size, WHV_MAP_GPA_RANGE_FLAGS flags)
{
    struct partition *partition;
    HRESULT result = partition_of_setup(handle, &partition);
    if (result != S_OK)
    {
        return result; /* R-PART-03 */
    }
    if (source == NULL || (uintptr_t)source % PAGE_SIZE_4K != 0 || !is_page_range(gpa, size) || (flags & ~ALL_FLAGS) != 0)
    {
        return E_INVALIDARG; /* R-MEM-01 */
    }
    if (!partition_take_memory(partition))
    {
        return VID_E_PARTITION_ALREADY_EXISTS; /* R-MEM-09 */
    }
    change_begin(partition);
    bool has_found = false;
    result = cut_out(partition, gpa, size, &has_found); /* R-MEM-02 */
    if (result == S_OK)
    {
        struct range range = {.gpa = gpa, .size = size, .source = source, .flags = flags, .is_hidden = switches.populate_exits != 0};
        result = range_add(partition, range, NULL);
    }
    change_end(partition);
    return result;
}

/* R-MEM-10: memory of this process only. */
HRESULT WINAPI WHvMapGpaRange2(WHV_PARTITION_HANDLE handle, HANDLE process, VOID *source, WHV_GUEST_PHYSICAL_ADDRESS gpa, UINT64 size, WHV_MAP_GPA_RANGE_FLAGS flags)
{
    const HANDLE current_process = (HANDLE)(intptr_t)-1;
    return process == current_process ? WHvMapGpaRange(handle, source, gpa, size, flags) : E_INVALIDARG;
}

/* R-MEM-03: any part of what is mapped; nothing mapped there is an error. */
HRESULT WINAPI WHvUnmapGpaRange(WHV_PARTITION_HANDLE handle, WHV_GUEST_PHYSICAL_ADDRESS gpa, UINT64 size)
{
    struct partition *partition;
    HRESULT result = partition_of_setup(handle, &partition);
    if (result != S_OK)
    {
        return result;
    }
    if (!is_page_range(gpa, size))
    {
        return E_INVALIDARG; /* R-MEM-01 */
    }
    change_begin(partition);
    bool has_found = false;
    result = cut_out(partition, gpa, size, &has_found);
    change_end(partition);
    return result != S_OK ? result : has_found ? S_OK : WHV_E_GPA_RANGE_NOT_FOUND;
}

void memory_delete_all(struct partition *partition)
{
    for (uint32_t i = 0; i < partition->range_count; i++)
    {
        free(partition->ranges[i].dirty);
    }
    free(partition->ranges);
    free(partition->free_slots);
}

/* R-MEM-13: does an access that KVM could not do before memory was mapped there. */
bool memory_serve(struct partition *partition, UINT64 gpa, void *data, uint32_t size, bool is_write)
{
    struct range *range = range_at(partition, gpa);
    if (range == NULL || memory_verdict(partition, gpa, is_write) != ACCESS_ALLOWED || range->size - (gpa - range->gpa) < size)
    {
        return false;
    }
    uint8_t *memory = range->source + (gpa - range->gpa);
    memcpy(is_write ? memory : data, is_write ? data : memory, size);
    if (is_write && range->dirty != NULL)
    {
        bit_set(range->dirty, (gpa - range->gpa) / PAGE_SIZE_4K);
    }
    return true;
}

uint8_t *memory_pointer(struct partition *partition, UINT64 gpa)
{
    host_acquire(&partition->lock);
    const struct range *range = range_at(partition, gpa);
    uint8_t *pointer = range != NULL && (range->flags & WHvMapGpaRangeFlagRead) ? range->source + (gpa - range->gpa) : NULL;
    host_release(&partition->lock);
    return pointer;
}

enum access_verdict memory_verdict(struct partition *partition, UINT64 gpa, bool is_write)
{
    host_acquire(&partition->lock);
    const struct range *range = range_at(partition, gpa);
    enum access_verdict verdict = ACCESS_UNMAPPED;
    if (range != NULL)
    {
        bool is_allowed = range->has_slot && (!is_write || (range->flags & WHvMapGpaRangeFlagWrite));
        verdict = is_allowed ? ACCESS_ALLOWED : ACCESS_REFUSED;
    }
    host_release(&partition->lock);
    return verdict;
}

/* Shows a range that R-MEM-16 had hidden. */
void memory_show(struct partition *partition, UINT64 gpa)
{
    host_acquire(&partition->lock);
    struct range *range = range_at(partition, gpa);
    if (range != NULL && range->is_hidden)
    {
        range->is_hidden = false;
        slot_show(partition, range);
    }
    host_release(&partition->lock);
}

/* R-MEM-11: populating shows what was hidden; pinning means nothing here. */
HRESULT WINAPI WHvAdviseGpaRange(WHV_PARTITION_HANDLE handle, const WHV_MEMORY_RANGE_ENTRY *ranges, UINT32 count, WHV_ADVISE_GPA_RANGE_CODE advice,
                                 const VOID *buffer, UINT32 size)
{
    struct partition *partition;
    HRESULT result = partition_of_setup(handle, &partition);
    if (result != S_OK)
    {
        return result;
    }
    bool is_populate = advice == WHvAdviseGpaRangeCodePopulate;
    if (ranges == NULL || (uint32_t)advice > WHvAdviseGpaRangeCodeUnpin ||
        (is_populate && (buffer == NULL || size < sizeof(WHV_ADVISE_GPA_RANGE_POPULATE))))
    {
        return E_INVALIDARG;
    }
    for (uint32_t i = 0; i < count; i++)
    {
        if (!is_page_range(ranges[i].GuestAddress, ranges[i].SizeInBytes))
        {
            return E_INVALIDARG;
        }
        if (memory_verdict(partition, ranges[i].GuestAddress, false) == ACCESS_UNMAPPED)
        {
            return WHV_E_GPA_RANGE_NOT_FOUND;
        }
        for (UINT64 offset = 0; is_populate && offset < ranges[i].SizeInBytes; offset += PAGE_SIZE_4K)
        {
            memory_show(partition, ranges[i].GuestAddress + offset);
        }
    }
    return S_OK;
}

/* R-DIRTY: the whole span must be tracked; telling clears, and a null bitmap clears only. */
HRESULT WINAPI WHvQueryGpaRangeDirtyBitmap(WHV_PARTITION_HANDLE handle, WHV_GUEST_PHYSICAL_ADDRESS gpa, UINT64 size, UINT64 *bitmap, UINT32 bitmap_size)
{
    struct partition *partition;
    HRESULT result = partition_of_setup(handle, &partition);
    if (result != S_OK)
    {
        return result;
    }
    if (!is_page_range(gpa, size) || (uintptr_t)bitmap % sizeof(UINT64) != 0)
    {
        return E_INVALIDARG; /* R-DIRTY-01 */
    }
    UINT64 pages = size / PAGE_SIZE_4K;
    UINT64 needed = word_count(pages) * sizeof(UINT64);
    if (bitmap != NULL && bitmap_size < needed)
    {
        return WHV_E_INSUFFICIENT_BUFFER; /* R-DIRTY-02 */
    }
    host_acquire(&partition->lock);
    UINT64 covered = 0;
    for (uint32_t i = 0; i < partition->range_count && result == S_OK; i++)
    {
        struct range *range = &partition->ranges[i];
        if (overlaps(range, gpa, size) && range->dirty != NULL)
        {
            UINT64 first = range->gpa > gpa ? range->gpa : gpa, range_end = range->gpa + range->size;
            covered += (range_end < gpa + size ? range_end : gpa + size) - first;
            result = fetch_dirty(partition, range) ? S_OK : E_OUTOFMEMORY;
        }
    }
    result = result == S_OK && covered != size ? WHV_E_GPA_RANGE_NOT_FOUND : result; /* R-DIRTY-03 */
    if (result == S_OK && bitmap != NULL)
    {
        memset(bitmap, switches.poison ? 0xCC : 0, bitmap_size);
        memset(bitmap, 0, needed);
    }
    for (uint32_t i = 0; i < partition->range_count && result == S_OK; i++)
    {
        struct range *range = &partition->ranges[i];
        for (UINT64 page = 0; overlaps(range, gpa, size) && page < page_count(range); page++)
        {
            UINT64 at = range->gpa + page * PAGE_SIZE_4K;
            if (at >= gpa && at < gpa + size && bit_get(range->dirty, page))
            {
                bit_clear(range->dirty, page); /* R-DIRTY-04 */
                if (bitmap != NULL)
                {
                    bit_set(bitmap, (at - gpa) / PAGE_SIZE_4K);
                }
            }
        }
    }
    host_release(&partition->lock);
    return result;
}

/* R-MEM-12: at most 16 bytes, of memory that is mapped. */
static HRESULT gpa_access(WHV_PARTITION_HANDLE handle, uint32_t index, UINT64 gpa, void *data, uint32_t size, bool is_write)
{
    struct vp *vp;
    HRESULT result = vp_find(handle, index, &vp);
    if (result != S_OK)
    {
        return result;
    }
    if (data == NULL || size == 0 || size > WHV_READ_WRITE_GPA_RANGE_MAX_SIZE || gpa % PAGE_SIZE_4K + size > PAGE_SIZE_4K)
    {
        return E_INVALIDARG;
    }
    uint8_t *memory = memory_pointer(vp->partition, gpa);
    if (memory == NULL)
    {
        return WHV_E_GPA_RANGE_NOT_FOUND;
    }
    memcpy(is_write ? memory : data, is_write ? data : memory, size);
    return S_OK;
}

HRESULT WINAPI WHvReadGpaRange(WHV_PARTITION_HANDLE handle, UINT32 index, WHV_GUEST_PHYSICAL_ADDRESS gpa, WHV_ACCESS_GPA_CONTROLS controls, PVOID data, UINT32 size)
{
    (void)controls;
    return gpa_access(handle, index, gpa, data, size, false);
}

HRESULT WINAPI WHvWriteGpaRange(WHV_PARTITION_HANDLE handle, UINT32 index, WHV_GUEST_PHYSICAL_ADDRESS gpa, WHV_ACCESS_GPA_CONTROLS controls, const VOID *data,
                                UINT32 size)
{
    (void)controls;
    return gpa_access(handle, index, gpa, (void *)(uintptr_t)data, size, true);
}
