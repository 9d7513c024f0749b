/* R-MEM: guest physical memory. */
#define _GNU_SOURCE
#include "standin.h"
#include <sys/mman.h>

enum { HOST_PAGE = 16384 }; /* of the platform */

static bool is_range(uint64_t ipa, uint64_t size)
{
    uint64_t limit = 1ull << vm.ipa_bits;
    return (ipa | size) % vm.granule == 0 && size != 0 && ipa < limit && size <= limit - ipa; /* R-MEM-01, R-MEM-02 */
}

static uint64_t descriptor_at(uint64_t ipa)
{
    uint64_t *descriptor = stage2_descriptor(ipa, false);
    return descriptor == NULL ? 0 : *descriptor;
}

static bool is_mapped(uint64_t ipa, uint64_t size, bool any)
{
    for (uint64_t end = ipa + size; ipa < end; ipa += PAGE_SIZE_4K)
    {
        if ((descriptor_at(ipa) != 0) == any)
        {
            return any;
        }
    }
    return !any;
}

/* Pages that lie side by side on the host and in the file go back together. */
struct leaving
{
    uint8_t *host;
    uint64_t page, size;
};

static void leave(struct leaving *leaving, uint64_t page)
{
    uint8_t *host;
    if (!pages_drop(page, &host))
    {
        return;
    }
    if (leaving->size != 0 && leaving->host + leaving->size == host && leaving->page + leaving->size == page)
    {
        leaving->size += PAGE_SIZE_4K;
        return;
    }
    if (leaving->size != 0)
    {
        pages_give_back(leaving->host, leaving->size);
    }
    *leaving = (struct leaving){host, page, PAGE_SIZE_4K};
}

/* First no processor may reach the pages any more, then they are given back. For that the descriptors stay, without PTE_VALID. */
static void unmap(uint64_t ipa, uint64_t size)
{
    for (uint64_t at = ipa; at < ipa + size; at += PAGE_SIZE_4K)
    {
        uint64_t *descriptor = stage2_descriptor(at, false);
        if (descriptor == NULL)
        {
            at |= (1 << 21) - PAGE_SIZE_4K; /* no table: the next 2 MiB */
            continue;
        }
        __atomic_and_fetch(descriptor, ~PTE_VALID, __ATOMIC_SEQ_CST);
    }
    service(COMMAND_FLUSH);
    struct leaving leaving = {0};
    for (uint64_t at = ipa; at < ipa + size; at += PAGE_SIZE_4K)
    {
        uint64_t *descriptor = stage2_descriptor(at, false);
        if (descriptor == NULL)
        {
            at |= (1 << 21) - PAGE_SIZE_4K;
            continue;
        }
        if (*descriptor != 0)
        {
            leave(&leaving, (*descriptor & PTE_ADDRESS) - RAM_BASE);
            *descriptor = 0;
        }
    }
    if (leaving.size != 0)
    {
        pages_give_back(leaving.host, leaving.size);
    }
}

static hv_return_t map(uint8_t *host, uint64_t ipa, uint64_t size, uint64_t flags)
{
    if (!is_range(ipa, size) || (uintptr_t)host % vm.granule != 0 || (flags & ~7ull) != 0)
    {
        return HV_BAD_ARGUMENT;
    }
    if (is_mapped(ipa, size, true))
    {
        return HV_ERROR; /* R-MEM-03 */
    }
    pages_collect();
    for (uint64_t done = 0; done < size;)
    {
        uint64_t page;
        size_t part = size - done;
        if (!pages_take(host + done, part, &page, &part))
        {
            unmap(ipa, done);
            return HV_BAD_ARGUMENT; /* R-MEM-07 */
        }
        for (uint64_t at = 0; at < part; at += PAGE_SIZE_4K)
        {
            uint64_t *descriptor = stage2_descriptor(ipa + done + at, true);
            if (descriptor == NULL)
            {
                unmap(ipa, done + at);
                return HV_NO_RESOURCES;
            }
            pages_use(page + at);
            __atomic_store_n(descriptor, stage2_make(page + at, flags), __ATOMIC_SEQ_CST);
        }
        done += part;
    }
    return HV_SUCCESS;
}

hv_return_t hv_vm_map(void *address, uint64_t ipa, size_t size, uint64_t flags)
{
    pthread_mutex_lock(&vm_lock);
    hv_return_t result = vm.exists ? map(address, ipa, size, flags) : HV_NO_DEVICE;
    pthread_mutex_unlock(&vm_lock);
    trace("map 0x%llx + 0x%zx: 0x%x", (unsigned long long)ipa, size, (unsigned)result);
    return result;
}

hv_return_t hv_vm_unmap(uint64_t ipa, size_t size)
{
    pthread_mutex_lock(&vm_lock);
    hv_return_t result = !vm.exists ? HV_NO_DEVICE : !is_range(ipa, size) ? HV_BAD_ARGUMENT : is_mapped(ipa, size, false) ? HV_SUCCESS : HV_ERROR;
    if (result == HV_SUCCESS)
    {
        unmap(ipa, size); /* R-MEM-04 */
    }
    pthread_mutex_unlock(&vm_lock);
    return result;
}

hv_return_t hv_vm_protect(uint64_t ipa, size_t size, uint64_t flags)
{
    pthread_mutex_lock(&vm_lock);
    hv_return_t result = !vm.exists                                    ? HV_NO_DEVICE
                         : !is_range(ipa, size) || (flags & ~7ull) != 0 ? HV_BAD_ARGUMENT
                         : is_mapped(ipa, size, false)                 ? HV_SUCCESS
                                                                       : HV_ERROR;
    if (result == HV_SUCCESS) /* R-MEM-05 */
    {
        for (uint64_t at = ipa; at < ipa + size; at += PAGE_SIZE_4K)
        {
            uint64_t *descriptor = stage2_descriptor(at, false);
            __atomic_store_n(descriptor, stage2_make((*descriptor & PTE_ADDRESS) - RAM_BASE, flags), __ATOMIC_SEQ_CST);
        }
        service(COMMAND_FLUSH);
    }
    pthread_mutex_unlock(&vm_lock);
    return result;
}

void memory_unmap_all(void) { unmap(0, 1ull << vm.ipa_bits); }

/* R-MEM-09 */
hv_return_t hv_vm_allocate(void **address, size_t size, uint64_t flags)
{
    if (address == NULL || size == 0 || size % HOST_PAGE != 0 || flags != 0)
    {
        return HV_BAD_ARGUMENT;
    }
    uint8_t *area = mmap(NULL, size + HOST_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (area == MAP_FAILED)
    {
        return HV_NO_RESOURCES;
    }
    size_t before = (HOST_PAGE - (uintptr_t)area % HOST_PAGE) % HOST_PAGE;
    if (before != 0)
    {
        munmap(area, before);
    }
    munmap(area + before + size, HOST_PAGE - before);
    *address = area + before;
    return HV_SUCCESS;
}

hv_return_t hv_vm_deallocate(void *address, size_t size)
{
    if (address == NULL || size == 0 || ((uintptr_t)address | size) % HOST_PAGE != 0)
    {
        return HV_BAD_ARGUMENT;
    }
    return munmap(address, size) == 0 ? HV_SUCCESS : HV_BAD_ARGUMENT;
}
